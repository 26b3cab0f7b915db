/**
 * Which path one policy uses towards one egress: the order for new flows, and where flows stay that
 * have a path already. A value follows from the value before; no clock, no memory beside it.
 */

import type { Instant } from "../../model/quantity.ts";
import { ALONE, type Beside, type Blame, blameFor, freshBlame, isBlamed } from "./blame.ts";
import { gainOf } from "./figure.ts";
import { earlier, type Judgement } from "./judge.ts";
import {
  type Candidate,
  type Choice,
  compareFields,
  compareRanks,
  isClearlyBetter,
  type Rank,
  rankOf,
} from "./rank.ts";
import type { Reason, Verdict } from "./reason.ts";

export interface Decision {
  /** For new flows, best first: every candidate. The first is the lead. */
  readonly order: readonly string[];
  /** The lead and what is as good as it, ascending; new flows are shared among them by weight. */
  readonly equals: readonly string[];
  /** Since when the lead is it. */
  readonly leadSince: Instant;
  /** Former leads on which flows stay that are there: the first is the one left longest ago. */
  readonly kept: readonly Kept[];
  /** Who is better than the lead but has to wait; ascending. */
  readonly waiting: readonly Waiting[];
  /** What moved at this very step; empty when nothing did. */
  readonly moves: readonly Move[];
  /** Of paths that were left for their loss, while that is fresh; null: none was. */
  readonly blame: Blame | null;
  /** When something moves by time alone; null: never. */
  readonly next: Instant | null;
}

export interface Kept {
  readonly path: string;
  /** Since when the lead has been better without a break; null: it is not. */
  readonly worseSince: Instant | null;
}

export interface Waiting {
  readonly path: string;
  readonly since: Instant;
  /** When it takes over if it stays better. */
  readonly until: Instant;
}

/** Flows that change their path, and why. */
export interface Move {
  readonly flows: "all" | "new" | "existing";
  /** null: there was none. */
  readonly from: string | null;
  readonly to: string;
  readonly cause: Cause;
}

export type Cause =
  | { readonly kind: "first" }
  /** No longer a candidate. */
  | { readonly kind: "gone" }
  /** What had become of the path that was left. */
  | { readonly kind: "failed"; readonly verdict: Verdict; readonly reasons: readonly Reason[] }
  /** The other is preferred, or of a better verdict. */
  | { readonly kind: "preferred" }
  /** The other's figure is smaller by this share of the former's; null: one is not known. */
  | { readonly kind: "better"; readonly byShare: number | null };

/** How long a better path has to wait before new flows take it; `good`: until its verdict is better. */
type Patience = "none" | "stay" | "hold" | "good";

/**
 * What follows. Idempotent at one instant but for `moves`. `other`: see `rankOf`; `beside`: what
 * paths have in common, as far as that is to be minded.
 */
export function decide(
  previous: Decision | undefined,
  choice: Choice,
  judgementOf: (path: string) => Judgement,
  now: Instant,
  other?: string,
  beside: Beside = ALONE,
): Decision {
  const { class: slo, candidates } = choice;
  const rank = (candidate: Candidate, blamed: boolean) =>
    rankOf(candidate, judgementOf(candidate.path), choice, other, blamed);
  // What leads is judged by what it does to its flows, and not by what others did to theirs.
  const rankAll = (lead: string | undefined, blame: Blame | null) =>
    candidates.map((one) => rank(one, one.path !== lead && isBlamed(blame, one.path)))
      .sort(compareRanks);

  const incumbentPath = previous?.order[0];
  let blame = freshBlame(previous?.blame ?? null, slo, now);
  let ranked = rankAll(incumbentPath, blame);
  const best = ranked[0];
  if (best === undefined) return { ...NOTHING, leadSince: now };
  const moves: Move[] = [];
  const incumbent = ranked.find((one) => one.candidate.path === incumbentPath);

  let lead: Rank = incumbent ?? best;
  let leadSince = incumbent ? previous!.leadSince : now;
  let waiting: readonly Waiting[] = [];
  let left: Rank | null = null;
  if (incumbent) {
    let winner: Rank | null;
    ({ winner, waiting } = challenge(ranked, lead, leadSince, previous!.waiting, choice, now));
    // Whoever meets the SLO wins against a lossy lead, blamed or not: there are only better ones.
    if (winner?.judgement.verdict === "meets") {
      const paths = candidates.map((one) => one.path);
      blame = blameFor(incumbentPath!, incumbent.judgement, slo, paths, beside, now, blame);
      ranked = rankAll(incumbentPath, blame);
      ({ winner } = challenge(ranked, lead, leadSince, previous!.waiting, choice, now));
    }
    // Against the winner, another may need no patience: each is better than the one before.
    while (winner !== null) {
      lead = winner;
      ranked = rankAll(lead.candidate.path, blame);
      ({ winner, waiting } = challenge(ranked, lead, now, previous!.waiting, choice, now));
    }
    if (lead !== incumbent) {
      leadSince = now;
      const atOnce = patienceOf(lead, incumbent) === "none";
      if (!atOnce) left = incumbent;
      moves.push(move(atOnce ? "all" : "new", incumbent, lead, choice));
    }
  } else {
    ranked = rankAll(best.candidate.path, blame);
    const kind = incumbentPath === undefined ? "first" : "gone";
    moves.push({
      flows: "all",
      from: incumbentPath ?? null,
      to: lead.candidate.path,
      cause: { kind },
    });
  }

  const byPath = new Map(ranked.map((one) => [one.candidate.path, one]));
  lead = byPath.get(lead.candidate.path)!;
  const equals = choice.balance ? equalsOf(ranked, lead, previous, choice) : [lead];
  const names = equals.map((one) => one.candidate.path).sort();
  const formers = formerPaths(previous, left, byPath, equals);
  const kept: Kept[] = [];
  let keptUntil: Instant | null = null;
  for (const { path, worseSince } of formers) {
    // Flows that are on it feel what it does, whatever it may be blamed for.
    const former = rank(byPath.get(path)!.candidate, false);
    const isWorse = isClearlyBetter(lead, former, slo);
    const since = isWorse ? worseSince ?? now : null;
    const until = since !== null && slo.move === "better"
      ? since + slo.timers.holdMillis as Instant
      : null;
    const broke = former.fields[0] > 0 || isWorse && patienceOf(lead, former) === "none";
    if (broke || until !== null && until <= now) {
      // A path left this very moment because it broke is in the moves already.
      moves.push(move("existing", former, lead, choice));
      continue;
    }
    kept.push({ path, worseSince: since });
    keptUntil = earlier(keptUntil, until);
  }
  return {
    order: orderOf(ranked, lead, previous, choice),
    equals: names,
    leadSince,
    kept,
    waiting,
    moves,
    blame,
    next: waiting.reduce(
      (next, one) => earlier(next, one.until),
      earlier(keptUntil, blame?.until ?? null),
    ),
  };
}

/** Why a better path need not wait, or has to. */
export function patienceOf(challenger: Rank, incumbent: Rank): Patience {
  if (challenger.fields[0] < incumbent.fields[0]) return "none";
  // Two policies that are to fail one at a time are apart before the next thing fails.
  if (challenger.fields[1] < incumbent.fields[1]) return "none";
  const [wanted, had] = [challenger.judgement.verdict, incumbent.judgement.verdict];
  if (wanted === "meets" && (had === "breaks" || had === "recovering")) return "none";
  if (wanted !== had) return "hold";
  // Both are on their way back: whichever is good first would be left for the other for a moment.
  // Not so where one of them is for the last resort.
  const alike = challenger.fields[2] === incumbent.fields[2];
  return wanted === "recovering" && alike ? "good" : "stay";
}

const NOTHING: Omit<Decision, "leadSince"> = {
  order: [],
  equals: [],
  kept: [],
  waiting: [],
  moves: [],
  blame: null,
  next: null,
};

/** The best of those whose time has come, and who waits. */
function challenge(
  ranked: readonly Rank[],
  incumbent: Rank,
  leadSince: Instant,
  before: readonly Waiting[],
  { class: slo }: Choice,
  now: Instant,
): { winner: Rank | null; waiting: readonly Waiting[] } {
  const { minimumStayMillis, holdMillis } = slo.timers;
  const staysUntil = leadSince + minimumStayMillis;
  const waiting: Waiting[] = [];
  for (const rank of ranked) {
    if (rank.candidate === incumbent.candidate || !isClearlyBetter(rank, incumbent, slo)) continue;
    const patience = patienceOf(rank, incumbent);
    if (patience === "good") continue;
    const path = rank.candidate.path;
    const since = before.find((one) => one.path === path)?.since ?? now;
    const until = patience === "none"
      ? now
      : Math.max(staysUntil, patience === "hold" ? since + holdMillis : 0) as Instant;
    // In the order of rank, so the first whose time has come is the best of them.
    if (until <= now) return { winner: rank, waiting: [] };
    waiting.push({ path, since, until });
  }
  waiting.sort((a, b) => a.path < b.path ? -1 : 1);
  return { winner: null, waiting };
}

/** Those that share with the lead: they join within half of the margin, and leave beyond it. */
function equalsOf(
  ranked: readonly Rank[],
  lead: Rank,
  previous: Decision | undefined,
  { class: slo }: Choice,
): readonly Rank[] {
  const timers = { ...slo.timers, marginShare: slo.timers.marginShare / 2 };
  const narrow = { ...slo, timers };
  return ranked.filter((rank) => {
    if (rank === lead) return true;
    if (compareFields(rank, lead) !== 0 || rank.judgement.verdict !== "meets") return false;
    if ((rank.figure === null) !== (lead.figure === null)) return false;
    const was = previous?.equals.includes(rank.candidate.path) ?? false;
    return !isClearlyBetter(lead, rank, was ? slo : narrow);
  });
}

/** Where flows may be that new ones do not take any more, those left longest ago first. */
function formerPaths(
  previous: Decision | undefined,
  left: Rank | null,
  byPath: ReadonlyMap<string, Rank>,
  equals: readonly Rank[],
): readonly Kept[] {
  if (previous === undefined) return [];
  const former = [...previous.kept];
  const lead = previous.order[0];
  const add = (path: string) => former.push({ path, worseSince: null });
  if (left) add(left.candidate.path);
  for (const path of previous.equals) if (path !== lead) add(path);
  const seen = new Set(equals.map((rank) => rank.candidate.path));
  return former.filter(({ path }) => {
    if (seen.has(path) || !byPath.has(path)) return false;
    seen.add(path);
    return true;
  });
}

/** The lead first. What is behind it changes places only for a reason, not for every measurement. */
function orderOf(
  ranked: readonly Rank[],
  lead: Rank,
  previous: Decision | undefined,
  { class: slo }: Choice,
): readonly string[] {
  const fresh = ranked.filter((rank) => rank !== lead);
  const place = new Map(previous?.order.map((path, index) => [path, index]));
  const known = fresh.every((rank) => place.has(rank.candidate.path));
  const standing = known
    ? fresh.toSorted((a, b) => place.get(a.candidate.path)! - place.get(b.candidate.path)!)
    : fresh;
  const stands = standing.every((rank, index) =>
    standing.slice(index + 1).every((behind) => !isClearlyBetter(behind, rank, slo))
  );
  return [lead, ...stands ? standing : fresh].map((rank) => rank.candidate.path);
}

function move(flows: Move["flows"], from: Rank, to: Rank, { class: slo }: Choice): Move {
  return {
    flows,
    from: from.candidate.path,
    to: to.candidate.path,
    cause: causeOf(from, to, slo.objective === "cost"),
  };
}

function causeOf(from: Rank, to: Rank, byCost: boolean): Cause {
  const { verdict, reasons } = from.judgement;
  if (verdict !== "meets" && verdict !== to.judgement.verdict) {
    return { kind: "failed", verdict, reasons };
  }
  if (compareFields(to, from) !== 0 || byCost) return { kind: "preferred" };
  const known = to.figure !== null && from.figure !== null;
  return { kind: "better", byShare: known ? gainOf(to.figure, from.figure) : null };
}
