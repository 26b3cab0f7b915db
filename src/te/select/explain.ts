/** For people: where each path of a choice stands, why, and what would have to change. */

import type { Instant } from "../../model/quantity.ts";
import type { SloClass } from "../../model/slo.ts";
import { penaltyNow } from "./damping.ts";
import { isBlamed } from "./blame.ts";
import type { Cause, Decision } from "./decide.ts";
import { gainOf } from "./figure.ts";
import type { Judgement } from "./judge.ts";
import {
  type Choice,
  compareRanks,
  decidingField,
  FIELDS,
  isClearlyBetter,
  type Rank,
  rankOf,
} from "./rank.ts";
import { figureInWords, inWords, percent, type Reason, seconds, type Verdict } from "./reason.ts";

export interface Explanation {
  /** Best first, as new flows find them. */
  readonly paths: readonly PathExplanation[];
}

export interface PathExplanation {
  readonly path: string;
  readonly verdict: Verdict;
  /** New flows take it. */
  readonly inUse: boolean;
  /** Flows stay on it that are there already. */
  readonly kept: boolean;
  /** What the verdict comes from. */
  readonly reasons: readonly Reason[];
  /** Why it is not in use; null: it is, or has to become good before it takes over. */
  readonly behind: Behind | null;
  /** Of the flaps, now; 0: none. */
  readonly penalty: number;
  readonly figure: number | null;
}

/** Against the lead. */
export type Behind =
  | { readonly kind: "field"; readonly field: Exclude<(typeof FIELDS)[number], "blame"> }
  /** Better, but only by so much; `needed` is the class's margin. */
  | { readonly kind: "margin"; readonly byShare: number; readonly needed: number }
  /** Better by the figure or a field, and waits. */
  | { readonly kind: "waiting"; readonly until: Instant }
  | { readonly kind: "worse"; readonly figure: number; readonly lead: number }
  /** It shares what may be wrong with a path that was left for its loss. */
  | { readonly kind: "blamed"; readonly until: Instant }
  /** As good by every figure: cost, labels or the key decide. */
  | { readonly kind: "tie" }
  | { readonly kind: "figure-unknown" };

export function explain(
  choice: Choice,
  decision: Decision,
  judgementOf: (path: string) => Judgement,
  now: Instant,
  other?: string,
): Explanation {
  const [leading] = decision.order;
  const ranks = new Map(choice.candidates.map((candidate) => {
    const judgement = judgementOf(candidate.path);
    const { path } = candidate;
    const blamed = path !== leading && isBlamed(decision.blame, path);
    return [path, rankOf(candidate, judgement, choice, other, blamed)];
  }));
  const lead = ranks.get(leading ?? "");
  const paths = decision.order.map((path) => {
    const rank = ranks.get(path)!;
    const { verdict, reasons, penalty } = rank.judgement;
    const inUse = decision.equals.includes(path);
    return {
      path,
      verdict,
      inUse,
      kept: decision.kept.some((one) => one.path === path),
      reasons,
      behind: inUse || lead === undefined ? null : behind(rank, lead, choice.class, decision),
      penalty: penaltyNow(penalty, choice.class.timers.flap, now),
      figure: rank.figure,
    };
  });
  return { paths };
}

/** `rejected: loss forward 3.1 % in 3 s > 1 % allowed`, `better by 4 %, needs 10 % for 5 s`. */
export function pathInWords(one: PathExplanation, slo: SloClass, now: Instant): string {
  const why = one.reasons.map((reason) => inWords(reason, now)).join("; ");
  if (one.inUse) {
    return why === "" ? "in use: meets its SLO" : `in use although ${one.verdict}: ${why}`;
  }
  const rejected = why === "" ? null : `rejected: ${why}`;
  const place = one.behind && behindInWords(one.behind, slo, now);
  const said = rejected ?? place ?? "";
  const waits = rejected && one.behind?.kind === "waiting" ? `; ${place}` : "";
  return `${said}${waits}${one.kept ? "; flows that are on it stay" : ""}`;
}

export function causeInWords(cause: Cause, now: Instant): string {
  switch (cause.kind) {
    case "first":
      return "the first choice";
    case "gone":
      return "the former path is no candidate any more";
    case "failed":
      return `the former ${
        cause.verdict === "breaks" ? "breaks its SLO" : `is ${cause.verdict}`
      }: ` +
        cause.reasons.map((reason) => inWords(reason, now)).join("; ");
    case "preferred":
      return "preferred to the former";
    case "better":
      return cause.byShare === null
        ? "measured, unlike the former"
        : `better by ${percent(cause.byShare)}`;
  }
}

function behind(rank: Rank, lead: Rank, slo: SloClass, decision: Decision): Behind | null {
  const waiting = decision.waiting.find((one) => one.path === rank.candidate.path);
  if (waiting) return { kind: "waiting", until: waiting.until };
  if (isClearlyBetter(rank, lead, slo)) return null;
  const field = decidingField(rank, lead);
  if (field >= 0) {
    const name = FIELDS[field]!;
    return name === "blame" ? { kind: "blamed", until: decision.blame!.until } : {
      kind: "field",
      field: name,
    };
  }
  if (rank.figure === null || lead.figure === null) return { kind: "figure-unknown" };
  const byShare = gainOf(rank.figure, lead.figure);
  if (compareRanks(rank, lead) < 0 && !isClearlyBetter(rank, lead, slo) && byShare > 0) {
    return { kind: "margin", byShare, needed: slo.timers.marginShare };
  }
  if (byShare >= 0) return { kind: "tie" };
  return { kind: "worse", figure: rank.figure, lead: lead.figure };
}

function behindInWords(behind: Behind, slo: SloClass, now: Instant): string {
  switch (behind.kind) {
    case "field":
      return {
        usability: "others are usable",
        shared: "it has more in common with the path to keep away from",
        resort: "only for when others fail (metered)",
        verdict: "another does better against the SLO",
        preference: "the policy prefers another",
      }[behind.field];
    case "blamed":
      return "it shares what may be wrong with the path that was left for its loss, for " +
        `${seconds(behind.until - now)} more`;
    case "margin":
      return `better by ${percent(behind.byShare)}, needs ${percent(behind.needed)} for ` +
        seconds(slo.timers.holdMillis);
    case "waiting":
      return `better, takes over in ${seconds(behind.until - now)} if it stays so`;
    case "worse":
      return `${slo.objective} ${figureInWords(behind.figure, slo.objective)}, of the best ${
        figureInWords(behind.lead, slo.objective)
      }`;
    case "tie":
      return "as good; cost, labels or name decide";
    case "figure-unknown":
      return `${slo.objective} not known of both`;
  }
}
