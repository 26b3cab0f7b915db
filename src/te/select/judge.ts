/** One path against one class: fast to call bad, slow to call good again. */

import type { Instant } from "../../model/quantity.ts";
import type { SloClass } from "../../model/slo.ts";
import { NO_PENALTY, penalise, type Penalty, penaltyNow, settle } from "./damping.ts";
import { placeOf } from "./blame.ts";
import { isSuspect, strongestExcess } from "./evidence.ts";
import { figureOf, held } from "./figure.ts";
import { type Observed, share, staleAfter } from "./measurement.ts";
import type { Reason, Verdict } from "./reason.ts";
import { after, type Bad, mayReturn, returnAt, worse } from "./recovery.ts";
import { violations } from "./violations.ts";

/** What is known of a path for a class; a value, which the next one follows from. */
export interface Judgement {
  readonly verdict: Verdict;
  /** What made the verdict, the decisive first; empty for `meets`. */
  readonly reasons: readonly Reason[];
  /** Since it was called bad, until it is good again. */
  readonly bad: Bad | null;
  readonly penalty: Penalty;
  /** By the objective, smaller is better; null: not known, or settled by the file. */
  readonly figure: number | null;
  /** More probes would settle sooner whether it is good or bad. */
  readonly undecided: boolean;
  /** When the verdict changes by time alone; null: never. */
  readonly next: Instant | null;
  /** What was taken into account; null: nothing measured ever. */
  readonly seen: {
    readonly downs: number;
    readonly live: "up" | "down" | "unknown";
    /** End of the newest look. */
    readonly lookAt: Instant | null;
  } | null;
}

/** Proof from which a lossy path counts as getting better: e = 2.7 times likelier than not. */
const RECOVERING_EVIDENCE = 1;

const UNMEASURED: Judgement = {
  verdict: "unknown",
  reasons: [{ kind: "unmeasured", what: "anything" }],
  bad: null,
  penalty: NO_PENALTY,
  figure: null,
  undecided: false,
  next: null,
  seen: null,
};

/** What follows from the previous judgement and the measurements. Idempotent at one instant. */
export function judge(
  previous: Judgement | undefined,
  observed: Observed | undefined,
  slo: SloClass,
  now: Instant,
): Judgement {
  if (observed === undefined) return previous ?? UNMEASURED;
  const { measurement, looks } = observed;
  const { timers: { flap, leaveWindowMillis }, slo: { loss } } = slo;
  const isUp = measurement.live === "up";
  const newest = looks.at(-1);
  const staleAt = newest ? newest.at + staleAfter(newest) : Infinity;
  const stale = now > staleAt;
  const excess = loss !== undefined && isUp && !stale
    ? strongestExcess(looks, loss, leaveWindowMillis)
    : null;
  const { broken, missing } = isUp && newest && !stale
    ? violations(observed, excess, slo)
    : { broken: [], missing: [] };

  const deaths = deathsSince(previous, observed);
  let bad = previous?.bad ? after(previous.bad, looks, previous.seen?.lookAt ?? null, slo) : null;
  const wasGood = bad === null;
  if (measurement.live === "down" || deaths > 0) bad = worse(bad, ["dead"], measurement.liveSince);
  // Until then it was dead or unheard of: the return window begins with its life.
  if (bad && isUp && measurement.liveSince > bad.last) {
    bad = { ...bad, last: measurement.liveSince };
  }
  if (broken.length > 0) {
    const faults = broken.map((reason) => reason.kind);
    bad = worse(
      bad,
      faults,
      newest!.at,
      excess?.breaks
        ? placeOf(looks, newest!.at - excess.spanMillis as Instant, share(excess), loss!)
        : null,
    );
  } else if (bad && isUp && newest && !stale && mayReturn(bad, observed, newest, slo)) bad = null;
  const failures = deaths > 0 ? deaths : Number(wasGood && broken.length > 0);
  const penalty = failures > 0
    ? penalise(previous?.penalty ?? NO_PENALTY, flap, failures, now)
    : settle(previous?.penalty ?? NO_PENALTY, flap, now);

  const { verdict, reasons } = summed();
  return {
    verdict,
    reasons,
    bad,
    penalty,
    figure: isUp && !stale
      ? held(previous?.figure ?? null, figureOf(measurement, slo), slo.objective)
      : null,
    undecided: isUp && !stale && (bad ? bad.proof !== null : inDoubt()),
    next: earlier(
      isUp && newest && !stale ? staleAt + 1 as Instant : null,
      penalty.until,
    ),
    seen: { downs: measurement.downs, live: measurement.live, lookAt: newest?.at ?? null },
  };

  function inDoubt(): boolean {
    return loss !== undefined && isSuspect(looks, excess, loss);
  }

  /** The first that applies is the verdict; all that apply are reasons. */
  function summed(): { verdict: Verdict; reasons: Reason[] } {
    const found: [Verdict, ...Reason[]][] = [];
    if (measurement.live === "down") {
      found.push(["dead", { kind: "dead", since: measurement.liveSince }]);
    }
    if (penalty.until !== null) {
      const value = penaltyNow(penalty, flap, now);
      found.push(["suppressed", { kind: "suppressed", penalty: value, until: penalty.until }]);
    }
    if (measurement.live === "unknown") {
      found.push(["unknown", { kind: "unmeasured", what: "liveness" }]);
    } else if (isUp && newest === undefined) {
      found.push(["unknown", { kind: "unmeasured", what: "anything" }]);
    } else if (isUp && stale) {
      found.push(["unknown", { kind: "stale", at: newest!.at }]);
    } else if (isUp && broken.length > 0) {
      found.push(["breaks", ...broken]);
    } else if (isUp && bad) {
      const at = returnAt(bad, observed!, newest!, slo);
      // Two bad paths are not played against each other for a moment in which one looks better.
      const better = at !== null && (bad.proof === null || bad.proof >= RECOVERING_EVIDENCE);
      const verdict = better ? "recovering" : "breaks";
      found.push([verdict, { kind: "recovering", fault: bad.faults.at(-1)!, at }]);
    }
    if (missing.length > 0) found.push(["unknown", ...missing]);
    const reasons = found.flatMap(([, ...why]) => why);
    return { verdict: found[0]?.[0] ?? "meets", reasons };
  }
}

/** The earlier of two instants; null is never. */
export function earlier(a: Instant | null, b: Instant | null): Instant | null {
  return a === null ? b : b === null || a < b ? a : b;
}

/** Those missed between two measurements included; none before the first measurement. */
function deathsSince(previous: Judgement | undefined, { measurement }: Observed): number {
  if (!previous?.seen) return 0;
  const died = measurement.live === "down" && previous.seen.live === "up";
  return Math.max(measurement.downs - previous.seen.downs, Number(died), 0);
}
