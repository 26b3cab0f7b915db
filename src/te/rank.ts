/**
 * How paths compare. Up or down is not among it: the engine skips what is down by itself.
 */

import type { CandidatePath } from "../model/path.ts";
import type { Instant } from "../model/quantity.ts";

/** Median round trip of a candidate path in µs, by its key; absent: not known. */
export type RoundTrips = ReadonlyMap<string, number>;

/** A ranking in time: who stands where, and who has been better than whom since when. */
export interface Standing {
  /** Keys of candidate paths, best first. */
  readonly order: readonly string[];
  /** Ascending by challenger, then incumbent. */
  readonly pending: readonly Challenge[];
}

export interface Challenge {
  readonly challenger: string;
  readonly incumbent: string;
  readonly since: Instant;
}

/** A path must be better by the larger of the two … */
export const BETTER_BY_SHARE = 0.1;
export const BETTER_BY_MICROS = 2_000;
/** … for so long, before it takes the place of another. Noise moves nothing. */
export const BETTER_FOR_MILLIS = 5_000;

/** Metered last, then cheaper, then fewer labels; the key decides what is left. */
export function rankByCost(candidates: readonly CandidatePath[]): CandidatePath[] {
  return sortBy(
    candidates,
    (path) => [Number(path.metered), path.cost, path.labels.length, path.key],
  );
}

/** Smaller goes before, whatever is measured. */
export type GradeOf = (path: CandidatePath) => number;

/** By grade, then measured ones by round trip, then as by cost. */
function rankByLatencyNow(
  candidates: readonly CandidatePath[],
  trips: RoundTrips,
  grade: GradeOf,
): CandidatePath[] {
  return sortBy(candidates, (path) => [
    grade(path),
    trips.get(path.key) ?? Infinity,
    path.cost,
    path.labels.length,
    path.key,
  ]);
}

/**
 * The latency ranking that follows from the previous one. A path passes another only after it was
 * better by the margin without a break; without a previous ranking the present measurements decide.
 */
export function rankByLatency(
  candidates: readonly CandidatePath[],
  trips: RoundTrips,
  previous: Standing | undefined,
  now: Instant,
  grade: GradeOf = (path) => Number(path.metered),
): Standing {
  const paths = new Map(candidates.map((path) => [path.key, path]));
  const fresh = rankByLatencyNow(candidates, trips, grade).map((path) => path.key);
  const kept = previous?.order.filter((key) => paths.has(key)) ?? [];
  if (kept.length === 0) return { order: fresh, pending: [] };

  const before = new Map(
    previous!.pending.map((one) => [pair(one.challenger, one.incumbent), one.since]),
  );
  const standing = withNewcomers(kept, fresh, (key) => grade(paths.get(key)!));
  const since = new Map<string, Challenge>();
  standing.forEach((incumbent, place) => {
    for (const challenger of standing.slice(place + 1)) {
      const sameGrade = grade(paths.get(challenger)!) === grade(paths.get(incumbent)!);
      if (!sameGrade || !isBetter(trips.get(challenger), trips.get(incumbent))) continue;
      const start = before.get(pair(challenger, incumbent)) ?? now;
      since.set(pair(challenger, incumbent), { challenger, incumbent, since: start });
    }
  });

  const ripe = (challenger: string, incumbent: string) => {
    const challenge = since.get(pair(challenger, incumbent));
    return challenge !== undefined && now - challenge.since >= BETTER_FOR_MILLIS;
  };
  const rank = new Map(fresh.map((key, place) => [key, place]));
  const order: string[] = [];
  const left = [...standing];
  while (left.length > 0) {
    const incumbent = left[0]!;
    const winner = left.reduce(
      (best, key) => ripe(key, incumbent) && rank.get(key)! < rank.get(best)! ? key : best,
      incumbent,
    );
    order.push(winner);
    left.splice(left.indexOf(winner), 1);
  }
  const place = new Map(order.map((key, index) => [key, index]));
  const pending = [...since.values()]
    .filter((one) => place.get(one.challenger)! > place.get(one.incumbent)!)
    .sort((a, b) =>
      compareText(a.challenger, b.challenger) || compareText(a.incumbent, b.incumbent)
    );
  return { order, pending };
}

function isBetter(challenger: number | undefined, incumbent: number | undefined): boolean {
  if (challenger === undefined) return false;
  if (incumbent === undefined) return true;
  const margin = Math.max(incumbent * BETTER_BY_SHARE, BETTER_BY_MICROS);
  return incumbent - challenger > margin;
}

/** Those that are new go where they would stand among the kept, which keep their order. */
function withNewcomers(
  kept: readonly string[],
  fresh: readonly string[],
  grade: (key: string) => number,
): string[] {
  const rank = new Map(fresh.map((key, place) => [key, place]));
  const standing = [...kept];
  for (const key of fresh) {
    if (kept.includes(key)) continue;
    const behind = standing.findIndex((other) => rank.get(other)! > rank.get(key)!);
    standing.splice(behind < 0 ? standing.length : behind, 0, key);
  }
  // The grade is of the file, not measured: it is never a matter of patience.
  return standing.sort((a, b) => grade(a) - grade(b));
}

type RankField = number | string;

function sortBy<Item>(items: readonly Item[], rank: (item: Item) => readonly RankField[]): Item[] {
  const ranks = new Map(items.map((item) => [item, rank(item)]));
  return [...items].sort((a, b) => compareFields(ranks.get(a)!, ranks.get(b)!));
}

function compareFields(a: readonly RankField[], b: readonly RankField[]): number {
  for (let field = 0; field < a.length; field++) {
    if (a[field]! < b[field]!) return -1;
    if (a[field]! > b[field]!) return 1;
  }
  return 0;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function pair(challenger: string, incumbent: string): string {
  return `${challenger} over ${incumbent}`;
}
