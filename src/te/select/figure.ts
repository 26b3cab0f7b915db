/** What paths of one verdict are compared by: one number a path, smaller is better. */

import type { Objective, SloClass } from "../../model/slo.ts";
import { lossOf, type PathMeasurement, share, windowOf } from "./measurement.ts";

/** Figures that differ by less than this share, or the floor of the objective, are the same one. */
const STEP_SHARE = 0.01;

/** Least difference that makes better: below it the eye of nobody sees a gain. Units as figures. */
const LEAST_GAIN: Readonly<Record<Objective, number>> = {
  cost: 0,
  /** µs. */
  latency: 2_000,
  jitter: 1_000,
  /** Share of packets. */
  loss: 0.001,
  /** bit/s. */
  throughput: 0,
};

/** µs, share or −bit/s by the objective; null: not known, or settled by the file alone. */
export function figureOf(
  { windows, bandwidthBitsPerSecond }: PathMeasurement,
  { objective, timers }: SloClass,
): number | null {
  switch (objective) {
    case "latency":
      return windowOf(windows, timers.leaveWindowMillis)?.rttMicros?.p50 ?? null;
    case "jitter":
      return windowOf(windows, timers.leaveWindowMillis)?.jitterMicros ?? null;
    case "loss": {
      // Rare events: only a long window tells the shares of two good paths apart.
      const window = windowOf(windows, timers.returnWindowMillis);
      return window && window.sent > 0 ? share(lossOf(window)) : null;
    }
    case "throughput":
      return bandwidthBitsPerSecond === null ? null : -bandwidthBitsPerSecond;
    case "cost":
      return null;
  }
}

/** The previous figure until the new one is another by more than noise: so little is ranked anew. */
export function held(
  previous: number | null,
  measured: number | null,
  objective: Objective,
): number | null {
  if (previous === null || measured === null) return measured;
  const step = Math.max(Math.abs(previous) * STEP_SHARE, LEAST_GAIN[objective] / 10);
  return Math.abs(measured - previous) > step ? measured : previous;
}

/** By what share of the incumbent's figure the challenger's is smaller; negative where it is not. */
export function gainOf(challenger: number, incumbent: number): number {
  const base = Math.abs(incumbent);
  return base === 0 ? -Math.sign(challenger) : (incumbent - challenger) / base;
}

/** Better by the margin, which is a share of the incumbent's figure, and by what can be felt. */
export function isClearlyLess(
  challenger: number | null,
  incumbent: number | null,
  objective: Objective,
  marginShare: number,
): boolean {
  if (challenger === null) return false;
  if (incumbent === null) return true;
  return incumbent - challenger > marginOf(incumbent, objective, marginShare);
}

/** By how much another figure has to be smaller. */
export function marginOf(incumbent: number, objective: Objective, marginShare: number): number {
  return Math.max(Math.abs(incumbent) * marginShare, LEAST_GAIN[objective]);
}
