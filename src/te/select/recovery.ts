/** The way back of a path that was bad: nothing bad for the return window, and proof for loss. */

import type { Instant } from "../../model/quantity.ts";
import type { SloClass } from "../../model/slo.ts";
import { evidenceBelow, RETURN_EVIDENCE } from "./evidence.ts";
import {
  type Look,
  lossOf,
  type Observed,
  type PathMeasurement,
  share,
  staleAfter,
  windowOf,
} from "./measurement.ts";
import type { Place } from "./blame.ts";
import type { Fault } from "./reason.ts";

export interface Bad {
  /** Everything that was wrong since it is bad; the newest last, none twice. */
  readonly faults: readonly Fault[];
  /** The newest sign of it: the return window begins here. */
  readonly last: Instant;
  /** Evidence that its loss is well below the SLO; null: it was never bad by loss. */
  readonly proof: number | null;
  /** Where it lost too much, by the newest sign of that; null: it never did. */
  readonly place: Place | null;
}

/** After another sign. Loss has to be disproved from the beginning each time. */
export function worse(
  bad: Bad | null,
  faults: readonly Fault[],
  last: Instant,
  place: Place | null = null,
): Bad {
  const others = bad?.faults.filter((fault) => !faults.includes(fault)) ?? [];
  return {
    faults: [...others, ...faults],
    last: bad && bad.last > last ? bad.last : last,
    proof: faults.includes("loss") ? 0 : bad?.proof ?? null,
    place: place ?? bad?.place ?? null,
  };
}

/**
 * After looks without another sign; `lookAt` is the end of those taken into account before. A gap
 * between looks is no good time: the return window begins anew behind it.
 */
export function after(
  bad: Bad,
  looks: readonly Look[],
  lookAt: Instant | null,
  { slo }: SloClass,
): Bad {
  let { last, proof } = bad;
  let until = lookAt;
  for (const look of looks) {
    if (lookAt !== null && look.at <= lookAt) continue;
    const start = look.at - look.spanMillis as Instant;
    if (until !== null && start - until > staleAfter(look) && start > last) last = start;
    if (proof !== null) proof = proven(proof, look, slo.loss);
    until = look.at;
  }
  return { ...bad, last, proof };
}

/** By what is measured now. `newest`: the newest look. */
export function mayReturn(
  bad: Bad,
  { measurement }: Observed,
  newest: Look,
  slo: SloClass,
): boolean {
  return newest.at - bad.last >= slo.timers.returnWindowMillis &&
    (bad.proof === null || bad.proof >= RETURN_EVIDENCE) &&
    isGood(bad, measurement, slo.timers.returnWindowMillis, slo);
}

/** When it returns if it goes on as in the present looks; null: then it never does. */
export function returnAt(
  bad: Bad,
  { measurement, looks }: Observed,
  newest: Look,
  slo: SloClass,
): Instant | null {
  if (!isGood(bad, measurement, slo.timers.leaveWindowMillis, slo)) return null;
  const byTime = bad.last + slo.timers.returnWindowMillis;
  if (bad.proof === null) return byTime as Instant;
  const clean = looks.filter((look) => look.at > bad.last);
  const measured = clean.reduce((sum, look) => sum + look.spanMillis, 0);
  const gained = clean.reduce((sum, look) => sum + gain(look, slo.slo.loss), 0);
  if (gained <= 0 || measured === 0) return null;
  const byProof = newest.at + (RETURN_EVIDENCE - bad.proof) * measured / gained;
  return Math.ceil(Math.max(byTime, byProof)) as Instant;
}

/** Of what was wrong, the latency and jitter have to be better than allowed by the margin. */
function isGood(
  bad: Bad,
  { windows }: PathMeasurement,
  spanMillis: number,
  { slo, timers }: SloClass,
): boolean {
  const window = windowOf(windows, spanMillis);
  if (window === undefined) return false;
  const within = (value: number | null | undefined, allowed: number | undefined, fault: Fault) => {
    if (allowed === undefined) return true;
    if (value === null || value === undefined) return false;
    return value <= allowed * (bad.faults.includes(fault) ? 1 - timers.marginShare : 1);
  };
  return within(window.rttMicros?.p50, slo.latencyMicros, "latency") &&
    within(window.jitterMicros, slo.jitterMicros, "jitter") &&
    // The proof covers the time since the last sign; a window may reach farther back.
    (bad.proof !== null || slo.loss === undefined || share(lossOf(window)) <= slo.loss ||
      bad.faults.includes("dead"));
}

function proven(proof: number, look: Look, allowed: number | undefined): number {
  return Math.min(Math.max(0, proof + gain(look, allowed)), RETURN_EVIDENCE);
}

function gain({ forward }: Look, allowed: number | undefined): number {
  return allowed === undefined ? RETURN_EVIDENCE : evidenceBelow(forward, allowed);
}
