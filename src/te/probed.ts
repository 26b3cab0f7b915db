/**
 * Which of many candidate paths to an egress are probed: those in use, the best by what they are
 * expected to measure, and some of the others in turn, so that a path that got better is found.
 */

export interface Prospect {
  readonly key: string;
  /** What it is ranked by, smaller is better; null: nothing is known of it. */
  readonly expected: number | null;
  readonly inUse: boolean;
}

export interface ProbeBudget {
  /** Paths that are probed at a time; those in use are, even where they are more. */
  readonly paths: number;
  /** How many of them take turns, 1 or more. */
  readonly turns: number;
}

/** Round in which a path was probed last, by key. */
export type LastProbed = ReadonlyMap<string, number>;

export interface Chosen {
  /** Ascending. */
  readonly keys: readonly string[];
  /** To be handed to the next round; of the prospects alone. */
  readonly last: LastProbed;
}

/**
 * Every prospect has its turn within ⌈n ÷ turns⌉ rounds, n being all prospects, whatever becomes of
 * their expectations meanwhile: whoever has waited longest is next.
 */
export function chooseProbed(
  prospects: readonly Prospect[],
  budget: ProbeBudget,
  last: LastProbed,
  round: number,
): Chosen {
  const chosen = new Set(prospects.filter(({ inUse }) => inUse).map(({ key }) => key));
  const turns = Math.max(1, budget.turns);
  const best = [...prospects].sort(byExpectation);
  for (const { key } of best) {
    if (chosen.size >= budget.paths - turns) break;
    chosen.add(key);
  }
  const others = best.filter(({ key }) => !chosen.has(key));
  // Sorting is stable: of those that have waited equally long, the better ones come first.
  others.sort((a, b) => (last.get(a.key) ?? -1) - (last.get(b.key) ?? -1));
  for (const { key } of others.slice(0, Math.max(turns, budget.paths - chosen.size))) {
    chosen.add(key);
  }
  const probed = prospects.flatMap(({ key }) => {
    const when = chosen.has(key) ? round : last.get(key);
    return when === undefined ? [] : [[key, when] as const];
  });
  return { keys: [...chosen].sort(), last: new Map(probed) };
}

/** Unknown ones after all that are known; the key decides what is left. */
function byExpectation(a: Prospect, b: Prospect): number {
  const [one, other] = [a.expected ?? Infinity, b.expected ?? Infinity];
  return one === other ? (a.key < b.key ? -1 : 1) : one - other;
}
