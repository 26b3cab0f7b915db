/** How the candidates of one policy and egress compare: the order of fields is the policy. */

import type { SloClass } from "../../model/slo.ts";
import { isClearlyLess } from "./figure.ts";
import type { Judgement } from "./judge.ts";
import type { Verdict } from "./reason.ts";

/** A candidate path as one policy sees it. */
export interface Candidate {
  /** Key of the path, as in its measurements. */
  readonly path: string;
  /** Sum of the file's costs over its hops. */
  readonly cost: number;
  /** Labels above the service label. */
  readonly labels: number;
  /** Place among what the policy prefers (colors, sites, fallback order): 0 is preferred most. */
  readonly preference: number;
  /**
   * Whether it waits for others to fail, as a metered link does: `last` is used when every other
   * path is dead or suppressed, `when-broken` also when no other meets the SLO.
   */
  readonly resort: "always" | "when-broken" | "last";
  /** Share of flows among equal paths: 1–255. */
  readonly weight: number;
}

/** What a policy asks for towards one egress. */
export interface Choice {
  /** Unique; by convention `POLICY > EGRESS`. */
  readonly key: string;
  readonly class: SloClass;
  readonly candidates: readonly Candidate[];
  /** Share new flows among paths that are as good as the best. */
  readonly balance: boolean;
  /** Absent: it minds no other choice. */
  readonly apart?: Apart;
}

/** Keeps away from the path that another choice leads with. */
export interface Apart {
  /** Key of the other choice. */
  readonly from: string;
  /** Own path → path of the other → how many uplinks and sites both use; absent: none. */
  readonly shared: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

export interface Rank {
  readonly candidate: Candidate;
  readonly judgement: Judgement;
  /** What patience does not change, most important first; smaller is better. */
  readonly fields: readonly [
    usability: number,
    shared: number,
    lastResort: number,
    verdict: number,
    whenBroken: number,
    preference: number,
    blame: number,
  ];
  /** By the objective; the file's cost for `cost`; null: not known. */
  readonly figure: number | null;
}

/** Names of the fields that decide between two paths, in their order. */
export const FIELDS = [
  "usability",
  "shared",
  "resort",
  "verdict",
  "resort",
  "preference",
  "blame",
] as const;

/** From 0: usable at all; only if nothing else is. */
const USABILITY: Readonly<Record<Verdict, number>> = {
  meets: 0,
  recovering: 0,
  breaks: 0,
  unknown: 0,
  suppressed: 1,
  dead: 2,
};

const VERDICT: Readonly<Record<Verdict, number>> = {
  meets: 0,
  recovering: 1,
  breaks: 2,
  unknown: 3,
  suppressed: 4,
  dead: 5,
};

/**
 * `other`: the path to keep away from; undefined: there is none. `blamed`: it passes what may be wrong
 * with a path that was left for its loss.
 */
export function rankOf(
  candidate: Candidate,
  judgement: Judgement,
  { class: { objective }, apart }: Pick<Choice, "class" | "apart">,
  other?: string,
  blamed = false,
): Rank {
  const shared = other === undefined ? 0 : apart?.shared.get(candidate.path)?.get(other) ?? 0;
  return {
    candidate,
    judgement,
    fields: [
      USABILITY[judgement.verdict],
      shared,
      Number(candidate.resort === "last"),
      VERDICT[judgement.verdict],
      Number(candidate.resort === "when-broken"),
      candidate.preference,
      Number(blamed),
    ],
    figure: objective === "cost" ? candidate.cost : judgement.figure,
  };
}

/** Below 0: `a` stands before `b`. Total: the key decides what is left. */
export function compareRanks(a: Rank, b: Rank): number {
  return compareFields(a, b) ||
    compareNumbers(a.figure ?? Infinity, b.figure ?? Infinity) ||
    a.candidate.cost - b.candidate.cost ||
    a.candidate.labels - b.candidate.labels ||
    (a.candidate.path < b.candidate.path ? -1 : a.candidate.path > b.candidate.path ? 1 : 0);
}

/** What no margin applies to. */
export function compareFields(a: Rank, b: Rank): number {
  const place = decidingField(a, b);
  return place < 0 ? 0 : a.fields[place]! - b.fields[place]!;
}

/** Index of the first field that differs; −1: none. */
export function decidingField(a: Rank, b: Rank): number {
  return a.fields.findIndex((value, place) => value !== b.fields[place]);
}

/** Worth a move: by a field, or by the objective with the class's margin. */
export function isClearlyBetter(challenger: Rank, incumbent: Rank, slo: SloClass): boolean {
  const fields = compareFields(challenger, incumbent);
  if (fields !== 0) return fields < 0;
  const { objective, timers } = slo;
  // Costs are of the file: they have no noise that a margin would have to cover.
  const margin = objective === "cost" ? 0 : timers.marginShare;
  return isClearlyLess(challenger.figure, incumbent.figure, objective, margin);
}

/** Infinity − Infinity is not a number. */
function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
