/**
 * Which paths share what may be wrong with a path that loses too much. Whoever has to leave it takes
 * one of them last: on the others' word alone it would be left as well, seconds later.
 *
 * It is a suspicion and no verdict: it holds back who is not in use, between paths that are alike
 * against the SLO, and ends when the path has been measured closely and is good.
 */

import type { Instant } from "../../model/quantity.ts";
import { evidenceBelow } from "./evidence.ts";
import type { Judgement } from "./judge.ts";
import { type Look, type Tally, together } from "./measurement.ts";

/** Adjacencies that a path passes, from its ingress on, by names that paths share; empty: not known. */
export type Ways = (path: string) => readonly string[];

/** Likelihood e³ = 20 : 1 of a loss well below the allowed one. */
const CLEAR_EVIDENCE = 3;

/** Where the fault of a path may lie; empty: its loss is not too high, or it may lie anywhere. */
export function suspects(path: string, { bad, seen }: Judgement, ways: Ways): readonly string[] {
  if (!bad?.loss || seen?.live !== "up") return [];
  return ways(path).slice(Number(bad.loss.behindEntry));
}

/** Of a path that passes a suspect: do its own probes since then say that it is good nevertheless? */
export function isCleared(looks: readonly Look[], since: Instant, allowed: number): boolean {
  return isGood(looks, since, allowed, (look) => look.forward);
}

/** Is the loss behind the first adjacency, by what that carried meanwhile? */
export function isBehindEntry(looks: readonly Look[], since: Instant, allowed: number): boolean {
  return isGood(looks, since, allowed, (look) => look.entry);
}

function isGood(
  looks: readonly Look[],
  since: Instant,
  allowed: number,
  tallyOf: (look: Look) => Tally | null,
): boolean {
  const tallies = looks.filter((look) => look.at > since).flatMap((look) => tallyOf(look) ?? []);
  return tallies.length > 0 && evidenceBelow(tallies.reduce(together), allowed) >= CLEAR_EVIDENCE;
}
