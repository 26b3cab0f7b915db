/**
 * A path that loses too much is left for one that does not lose at the same place: by its own probes,
 * which are few before it is used, that one would be left as well seconds later.
 *
 * It is a suspicion and no verdict. A choice that has just left such a path takes what shares the
 * suspects behind its equals for a while, in which that is probed closely where it would lead.
 */

import type { Instant } from "../../model/quantity.ts";
import type { SloClass } from "../../model/slo.ts";
import { CLEAR_EVIDENCE, evidenceBelow, evidenceBetween, goodShare } from "./evidence.ts";
import type { Judgement } from "./judge.ts";
import { type Look, sumOf } from "./measurement.ts";

/** Adjacencies that a path passes, from its ingress on, by names that paths share; empty: not known. */
export type Ways = (path: string) => readonly string[];

/** Where a path loses its packets: by what went over its first adjacency meanwhile. */
export type Place = "entry" | "behind" | "anywhere";

export interface Blame {
  /** Candidates that pass a suspect and had not proved good by themselves; ascending. */
  readonly paths: readonly string[];
  readonly until: Instant;
}

/**
 * When `culprit` is left. Where its fault may be anywhere nobody is blamed: as many would be wrongly.
 * `before`: of a path left earlier, while that is fresh.
 */
export function blameFor(
  culprit: string,
  { bad, reasons }: Judgement,
  slo: SloClass,
  candidates: readonly string[],
  { ways, isProven }: Beside,
  now: Instant,
  before: Blame | null,
): Blame | null {
  const isLossy = reasons.some((reason) =>
    reason.kind === "loss" || reason.kind === "recovering" && reason.fault === "loss"
  );
  const hops = ways(culprit);
  const place = hops.length === 1 ? "entry" : bad?.place;
  if (!isLossy || !place || place === "anywhere") return before;
  const suspects = place === "entry" ? hops.slice(0, 1) : hops.slice(1);
  const blamed = candidates.filter((path) =>
    path !== culprit && ways(path).some((hop) => suspects.includes(hop)) &&
    !isProven(path, slo.slo.loss!)
  );
  if (blamed.length === 0) return before;
  const paths = [...new Set([...blamed, ...before?.paths ?? []])].sort();
  return { paths, until: now + lifetime(slo) as Instant };
}

/** What of other paths matters when one is left. */
export interface Beside {
  readonly ways: Ways;
  /** By its own probes of the last 10 s: its loss is well below the allowed one. */
  isProven(path: string, allowed: number): boolean;
}

export const ALONE: Beside = { ways: () => [], isProven: () => false };

/** While it lasts; null: no more. A class that another file changes may not even mind loss. */
export function freshBlame(blame: Blame | null, slo: SloClass, now: Instant): Blame | null {
  if (blame === null || slo.slo.loss === undefined) return null;
  return now < blame.until && blame.until <= now + lifetime(slo) ? blame : null;
}

export function isBlamed(blame: Blame | null, path: string): boolean {
  return blame !== null && blame.paths.includes(path);
}

/** Until the culprit may be good again and could have come back. */
function lifetime({ timers }: SloClass): number {
  return timers.returnWindowMillis + timers.minimumStayMillis + timers.holdMillis;
}

export function isProven(looks: readonly Look[], allowed: number): boolean {
  return evidenceBelow(sumOf(looks.map((look) => look.forward)), allowed) >= CLEAR_EVIDENCE;
}

/**
 * By the looks that end later than `since`, in which the path lost the share `lost`: is it likelier
 * that its first adjacency loses as much, or that it is good?
 */
export function placeOf(
  looks: readonly Look[],
  since: Instant,
  lost: number,
  allowed: number,
): Place {
  const recent = looks.filter((look) => look.at > since);
  const entry = sumOf(recent.flatMap((look) => look.entry ?? []));
  const evidence = evidenceBetween(entry, lost, goodShare(allowed));
  if (evidence >= CLEAR_EVIDENCE) return "entry";
  return evidence <= -CLEAR_EVIDENCE ? "behind" : "anywhere";
}
