/** How paths compare by what the file alone says. */

import type { CandidatePath } from "../model/path.ts";

/** Metered last, then cheaper, then fewer labels; the key decides what is left. */
export function rankByCost(candidates: readonly CandidatePath[]): CandidatePath[] {
  return [...candidates].sort((a, b) =>
    Number(a.metered) - Number(b.metered) || a.cost - b.cost ||
    a.labels.length - b.labels.length || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
  );
}
