/** ` Did you mean "sites"?`, or nothing where no word is near. */
export function didYouMean(word: string, accepted: Iterable<string>): string {
  const near = closest(word, accepted);
  return near === undefined ? "" : ` Did you mean "${near}"?`;
}

/**
 * The accepted word that a slip of the fingers turns into `word`, or that `word` begins; the first
 * among equals.
 */
export function closest(word: string, accepted: Iterable<string>): string | undefined {
  const given = word.toLowerCase();
  const candidates = [...accepted];
  // A third of the letters may be wrong: more, and the suggestion would be a guess.
  const most = Math.max(1, Math.floor(given.length / 3));
  return nearest(candidates, most, (candidate) => editDistance(given, candidate)) ??
    (given.length < 4 ? undefined : nearest(
      candidates,
      1,
      (candidate) => editDistance(given, candidate.slice(0, given.length)),
    ));
}

function nearest(
  candidates: readonly string[],
  most: number,
  distanceTo: (candidate: string) => number,
): string | undefined {
  let best: string | undefined;
  let bestDistance = most + 1;
  for (const candidate of candidates) {
    const distance = distanceTo(candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Letters inserted, deleted, replaced, or swapped with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j - 1]! + (same ? 0 : 1), last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
