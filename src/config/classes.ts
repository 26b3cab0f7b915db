/**
 * The SLO classes that are there without a line in the file. What a person wants of a call or a
 * backup is known well enough that nobody should need to look it up; each figure names its source.
 *
 * A round trip is twice what the recommendations say of one direction: clocks of two sites are not
 * synchronised. Loss is not asked to be smaller than what a window of a few hundred probes can show.
 */

import type { SloClass, SteeringTimers } from "../model/slo.ts";

const TIMERS: SteeringTimers = {
  // Long enough for 50 probes at their default rate: a single one lost is no verdict.
  leaveWindowMillis: 5_000,
  // Brown-outs come in bursts with good seconds between: a minute without any is an end of it.
  returnWindowMillis: 60_000,
  // Below it a flow that moves loses more by reordering than it gains.
  marginShare: 0.1,
  holdMillis: 5_000,
  minimumStayMillis: 10_000,
  flap: {
    // RFC 2439 §4.2 and vendors' BGP: 1000 a flap, used again at 750. Suppressed from the third
    // flap in short order, as RFC 7196 asks for more than the customary 2000.
    penalty: 1_000,
    suppress: 3_000,
    reuse: 750,
    // Of paths, not of the world's routes: minutes, where BGP takes a quarter of an hour.
    halfLifeMillis: 60_000,
    maximumMillis: 300_000,
  },
};

/** Of policies that name no class. */
export const DEFAULT_CLASS: SloClass = {
  name: "default",
  objective: "cost",
  slo: {},
  timers: TIMERS,
  move: "better",
};

export const BUILT_IN_CLASSES: Readonly<Record<string, SloClass>> = {
  // Latency: ITU-T G.114, 150 ms one way. Jitter and loss: Cisco's QoS design guides, 30 ms and 1 %
  // (ITU-T G.1010 would let 3 % pass, with concealment). Quick to leave: a call is heard at once.
  voice: {
    name: "voice",
    objective: "latency",
    slo: { latencyMicros: 300_000, jitterMicros: 30_000, loss: 0.01 },
    timers: { ...TIMERS, leaveWindowMillis: 2_000 },
    move: "better",
  },
  // Latency and loss: ITU-T G.1010, videophone, 150 ms one way and 1 %. Jitter: ITU-T Y.1541 class
  // 0, 50 ms. RFC 4594 §4.3 has conferences adapt, so a little slower to leave than a call.
  video: {
    name: "video",
    objective: "latency",
    slo: { latencyMicros: 300_000, jitterMicros: 50_000, loss: 0.01 },
    timers: { ...TIMERS, leaveWindowMillis: 3_000 },
    move: "better",
  },
  // Latency: ITU-T Y.1541 class 2, highly interactive transactions, 100 ms one way. Loss: from 1 %
  // on, TCP's timeouts are felt at the keyboard (RFC 4594 §4.7, low-latency data). No jitter.
  interactive: {
    name: "interactive",
    objective: "latency",
    slo: { latencyMicros: 200_000, loss: 0.01 },
    timers: { ...TIMERS, leaveWindowMillis: 3_000 },
    move: "better",
  },
  // Loss alone: at 2 % and 50 ms one TCP flow gets some 2 Mbit/s (Mathis et al. 1997). Nobody waits
  // at a screen (RFC 4594 §4.8), so it takes the cheapest such path and stays on it.
  bulk: {
    name: "bulk",
    objective: "cost",
    slo: { loss: 0.02 },
    timers: {
      ...TIMERS,
      leaveWindowMillis: 10_000,
      holdMillis: 30_000,
      minimumStayMillis: 60_000,
    },
    move: "broken",
  },
  default: DEFAULT_CLASS,
};
