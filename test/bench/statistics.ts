/** Medians, and ratios of figures that were measured in the same run. */

/** The figure of each run; null where the measurement failed. */
export type Runs = readonly (number | null)[];

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Null where no run gave a figure. */
export function summarize(runs: Runs): Summary | null {
  const values = runs.filter((value) => value !== null);
  if (values.length === 0) return null;
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** The middle value, or the mean of the two in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/**
 * Ours ÷ theirs, run by run: what changes on the machine from one run to the next is in both and
 * goes out. Null where no run has both, or theirs is not above zero.
 */
export function ratio(ours: Runs, theirs: Runs): Summary | null {
  return summarize(ours.map((our, run) => {
    const their = theirs[run] ?? null;
    return our === null || their === null || their <= 0 ? null : our / their;
  }));
}

/** Ours − theirs, run by run. */
export function difference(ours: Runs, theirs: Runs): Runs {
  return ours.map((our, run) => {
    const their = theirs[run] ?? null;
    return our === null || their === null ? null : our - their;
  });
}
