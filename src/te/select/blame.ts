/**
 * A path over other sites that loses too much is left for one that does not lose at the same place:
 * by its own probes, which are few before it is used, that one would be left as well seconds later.
 *
 * It is a suspicion and no verdict. A choice that has just left such a path takes what shares the
 * suspects last of all that are alike against the SLO, for as long as a return takes; by then its own
 * probes have told how good it is.
 */

import type { Instant } from "../../model/quantity.ts";
import type { SloClass } from "../../model/slo.ts";
import { CLEAR_EVIDENCE, evidenceAbove, evidenceBelow } from "./evidence.ts";
import type { Judgement } from "./judge.ts";
import { type Look, type Tally, together } from "./measurement.ts";

/** Adjacencies that a path passes, from its ingress on, by names that paths share; empty: not known. */
export type Ways = (path: string) => readonly string[];

/** Where a path loses its packets: by what went over its first adjacency meanwhile. */
export type Place = "entry" | "behind" | "anywhere";

export interface Blame {
  /** The path that was left. */
  readonly culprit: string;
  /** Its adjacencies where the fault may lie. */
  readonly suspects: readonly string[];
  readonly until: Instant;
}

/** For a path that is left now; null: not for its loss. */
export function blameFor(
  path: string,
  { bad, reasons }: Judgement,
  { timers }: SloClass,
  ways: Ways,
  now: Instant,
): Blame | null {
  const isLossy = reasons.some((reason) =>
    reason.kind === "loss" || reason.kind === "recovering" && reason.fault === "loss"
  );
  if (!isLossy || !bad?.place) return null;
  const suspects = ways(path).slice(...RANGES[bad.place]);
  const until = now + timers.returnWindowMillis as Instant;
  return { culprit: path, suspects, until };
}

const RANGES: Readonly<Record<Place, readonly [from: number, to?: number]>> = {
  entry: [0, 1],
  behind: [1],
  anywhere: [0],
};

/** Does it pass a suspect? The culprit itself goes by its own judgement. */
export function isBlamed(blame: Blame | null, path: string, ways: Ways): boolean {
  if (blame === null || path === blame.culprit) return false;
  return ways(path).some((adjacency) => blame.suspects.includes(adjacency));
}

/** By the looks that end later than `since`. */
export function placeOf(looks: readonly Look[], since: Instant, allowed: number): Place {
  const nothing: Tally = { lost: 0, sent: 0 };
  const entry = looks.filter((look) => look.at > since)
    .reduce((sum, look) => together(sum, look.entry ?? nothing), nothing);
  if (evidenceBelow(entry, allowed) >= CLEAR_EVIDENCE) return "behind";
  return evidenceAbove(entry, allowed) >= CLEAR_EVIDENCE ? "entry" : "anywhere";
}
