/**
 * Which paths share what may be wrong with a path that loses too much. Whoever has to leave it takes
 * one of them last: on the others' word alone it would be left as well, seconds later.
 *
 * It is a suspicion and no verdict: it holds back who is not in use, between paths that are alike
 * against the SLO, and ends when the path has been measured closely and is good.
 */

import type { Instant } from "../../model/quantity.ts";
import { CLEAR_EVIDENCE, evidenceAbove, evidenceBelow } from "./evidence.ts";
import type { Judgement } from "./judge.ts";
import { type Look, type Tally, together } from "./measurement.ts";

/** Adjacencies that a path passes, from its ingress on, by names that paths share; empty: not known. */
export type Ways = (path: string) => readonly string[];

/** Where a path loses its packets: by what went over its first adjacency meanwhile. */
export type Place = "entry" | "behind" | "anywhere";

/** The adjacencies where the fault of a path may lie; none: its loss is not too high. */
export function suspects(path: string, { bad, seen }: Judgement, ways: Ways): readonly string[] {
  if (!bad?.loss || seen?.live !== "up") return [];
  const hops = ways(path);
  switch (bad.loss.place) {
    case "entry":
      return hops.slice(0, 1);
    case "behind":
      return hops.slice(1);
    case "anywhere":
      return hops;
  }
}

/** Of a path that passes a suspect: do its own probes since then say that it is good nevertheless? */
export function isCleared(looks: readonly Look[], since: Instant, allowed: number): boolean {
  return evidenceBelow(sumSince(looks, since, (look) => look.forward), allowed) >= CLEAR_EVIDENCE;
}

export function placeOf(looks: readonly Look[], since: Instant, allowed: number): Place {
  const entry = sumSince(looks, since, (look) => look.entry);
  if (evidenceBelow(entry, allowed) >= CLEAR_EVIDENCE) return "behind";
  return evidenceAbove(entry, allowed) >= CLEAR_EVIDENCE ? "entry" : "anywhere";
}

function sumSince(
  looks: readonly Look[],
  since: Instant,
  tallyOf: (look: Look) => Tally | null,
): Tally {
  const nothing: Tally = { lost: 0, sent: 0 };
  return looks.filter((look) => look.at > since)
    .reduce((sum, look) => together(sum, tallyOf(look) ?? nothing), nothing);
}
