/** What paths go through in the simulations, and the figures that come of it. */

import type { SloClass } from "../../src/model/slo.ts";
import { GOOD, type LinkState, type Weather } from "./link.ts";
import { type Course, departures, returns, simulate, type Simulation } from "./run.ts";

/** Loss of 1 %, 60 ms, 10 ms; the timers are those that a class has when its file says nothing. */
export const SIMULATED: SloClass = {
  name: "simulated",
  objective: "cost",
  slo: { loss: 0.01, latencyMicros: 60_000, jitterMicros: 10_000 },
  timers: {
    leaveWindowMillis: 10_000,
    returnWindowMillis: 60_000,
    marginShare: 0.1,
    holdMillis: 5_000,
    minimumStayMillis: 30_000,
    // The penalties that routers of the Internet used for BGP, with shorter times: a path of many.
    flap: {
      penalty: 1_000,
      suppress: 2_000,
      reuse: 750,
      halfLifeMillis: 600_000,
      maximumMillis: 1_200_000,
    },
  },
  move: "better",
};

/** How paths are probed. */
export type Probing = Pick<Simulation, "rate" | "closer" | "closest" | "look">;

export const PROBINGS: Readonly<Record<string, Probing>> = {
  // The router's own, where packets go that may not get lost.
  "100/s, 500/s while in doubt, looks of 250 ms": {
    rate: 100,
    closer: 100,
    closest: 500,
    look: 250,
  },
  "100/s, looks of 1 s": { rate: 100, closer: 100, closest: 100, look: 1_000 },
  "10/s, 100/s when undecided, looks of 1 s": { rate: 10, closer: 100, closest: 100, look: 1_000 },
  "10/s, looks of 1 s": { rate: 10, closer: 10, closest: 10, look: 1_000 },
  "100/s, looks of 250 ms": { rate: 100, closer: 100, closest: 100, look: 250 },
};

/** A change for the worse at about 12 s; the figure is the time until new flows have left. */
export const FAULTS: Readonly<Record<string, Partial<LinkState>>> = {
  "loss 2 %, 1 % above the SLO": { loss: 0.02 },
  "loss 3 %, 2 % above": { loss: 0.03 },
  "loss 3 % each way": { loss: 0.03, lossBack: 0.03 },
  "loss 6 %, 5 % above": { loss: 0.06 },
  "loss 3 % in bursts of 4": { loss: 0.03, burst: 4 },
  "loss 6 % in bursts of 4": { loss: 0.06, burst: 4 },
  "round trip +80 ms": { rttMicros: 100_000 },
  "round trips of 40 ± 30 ms": { jitterMicros: 30_000, rttMicros: 40_000 },
  "loss 100 %": { up: false },
};

/** An hour without a change; the figures are how often new flows left and came back. */
export const HOURS: Readonly<Record<string, Partial<LinkState>>> = {
  "no loss": {},
  "loss 0.3 %": { loss: 0.003 },
  "loss 0.5 %": { loss: 0.005 },
  "loss 0.7 %": { loss: 0.007 },
  "loss 0.9 %": { loss: 0.009 },
  "loss 1 %, the threshold": { loss: 0.01 },
  "loss 1.1 %": { loss: 0.011 },
  "loss 0.5 % each way": { loss: 0.005, lossBack: 0.005 },
  "loss 0.7 % each way": { loss: 0.007, lossBack: 0.007 },
  "loss 0.7 %, 3 % back": { loss: 0.007, lossBack: 0.03 },
  "loss 0.3 % in bursts of 4": { loss: 0.003, burst: 4 },
  "loss 1 % in bursts of 4": { loss: 0.01, burst: 4 },
  "round trip of 60 ± 5 ms, the threshold": { rttMicros: 60_000, jitterMicros: 5_000 },
  "round trip of 59 ± 5 ms": { rttMicros: 59_000, jitterMicros: 5_000 },
};

/** Seconds from the fault until new flows have left; Infinity: not within `seconds`. */
export function timeToLeave(
  fault: Partial<LinkState>,
  probing: Probing,
  seed: number,
  seconds = 60,
): number {
  // Anywhere between two measurements.
  const start = 12_000 + seed * 137 % 1_000;
  const weather: Weather = (millis) => millis < start ? GOOD : { ...GOOD, ...fault };
  const course = simulate({
    ...probing,
    seed,
    seconds: 12 + seconds,
    slo: SIMULATED,
    paths: { first: weather, second: () => GOOD },
  });
  const away = departures(course, "first").find((move) => move.millis >= start);
  return away ? (away.millis - start) / 1_000 : Infinity;
}

/** How often new flows left the first path, and came back, in an hour. */
export function hour(
  state: Partial<LinkState>,
  probing: Probing,
  seed: number,
): { readonly left: number; readonly back: number } {
  const course = simulate({
    ...probing,
    seed,
    seconds: 3_600,
    slo: SIMULATED,
    paths: { first: () => ({ ...GOOD, ...state }), second: () => GOOD },
  });
  return { left: departures(course, "first").length, back: returns(course, "first").length };
}

/** Up for half a second and down for half a second, from 20 s to `until` ms; good after. */
export function flapping(probing: Probing, seed: number, until: number, seconds: number): Course {
  const weather: Weather = (millis) => ({
    ...GOOD,
    up: millis < 20_000 || millis >= until || millis % 1_000 < 500,
  });
  return simulate({
    ...probing,
    seed,
    seconds,
    slo: SIMULATED,
    paths: { first: weather, second: () => GOOD },
  });
}
