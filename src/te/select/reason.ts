/** Why a path stands where it stands: as data, and in words for people. */

import type { Instant } from "../../model/quantity.ts";
import type { Objective } from "../../model/slo.ts";
import type { Verdict } from "../../model/standing.ts";
import { share, type Tally } from "./measurement.ts";

export type { Verdict };

export type Fault = "loss" | "latency" | "jitter" | "bandwidth" | "dead";

export type Reason =
  | { readonly kind: "unmeasured"; readonly what: "liveness" | "anything" | "latency" | "jitter" }
  | { readonly kind: "stale"; readonly at: Instant }
  | { readonly kind: "dead"; readonly since: Instant }
  | {
    readonly kind: "loss";
    readonly lost: number;
    readonly sent: number;
    readonly spanMillis: number;
    readonly allowed: number;
    readonly direction: "forward" | "round-trip";
    /** What began to be lost on the way back and made it sure sooner; null: it had no part. */
    readonly back: Tally | null;
  }
  | {
    readonly kind: "latency" | "jitter";
    readonly micros: number;
    readonly allowedMicros: number;
    readonly spanMillis: number;
  }
  | {
    readonly kind: "bandwidth";
    readonly bitsPerSecond: number | null;
    readonly neededBitsPerSecond: number;
  }
  /** `at`: when it is good again if nothing bad comes; null: not before its figures improve. */
  | { readonly kind: "recovering"; readonly fault: Fault; readonly at: Instant | null }
  | { readonly kind: "suppressed"; readonly penalty: number; readonly until: Instant };

/** `loss forward 3.1 % in 3 s > 1 % allowed; good again 42 s from now if it stays so`. */
export function inWords(reason: Reason, now: Instant): string {
  switch (reason.kind) {
    case "unmeasured":
      return reason.what === "liveness"
        ? "it has not answered yet"
        : reason.what === "anything"
        ? "not measured yet"
        : `no ${reason.what} measured`;
    case "stale":
      return `last measured ${seconds(now - reason.at)} ago`;
    case "dead":
      return `dead for ${seconds(now - reason.since)}`;
    case "loss": {
      const direction = reason.direction === "round-trip"
        ? "in the round trip (directions unknown)"
        : reason.direction;
      const back = reason.back ? ` (and ${percent(share(reason.back))} back)` : "";
      return `loss ${direction} ${percent(share(reason))}${back} in ` +
        `${seconds(reason.spanMillis)} > ${percent(reason.allowed)} allowed`;
    }
    case "latency":
    case "jitter":
      return `${reason.kind} ${millis(reason.micros)} in ${seconds(reason.spanMillis)} > ` +
        `${millis(reason.allowedMicros)} allowed`;
    case "bandwidth": {
      const needed = `${megabits(reason.neededBitsPerSecond)} needed`;
      return reason.bitsPerSecond === null
        ? `bandwidth not known, ${needed}`
        : `bandwidth ${megabits(reason.bitsPerSecond)} < ${needed}`;
    }
    case "recovering": {
      const past = reason.fault === "dead" ? "was dead" : `broke its SLO by ${reason.fault}`;
      return reason.at === null
        ? `${past}; its figures are not good enough yet to return`
        : `${past}; good again ${seconds(reason.at - now)} from now if it stays so`;
    }
    case "suppressed":
      return `suppressed: penalty ${Math.round(reason.penalty)}, reusable in ` +
        seconds(reason.until - now);
  }
}

/** As selection compares them, in the units that people read. */
export function figureInWords(figure: number, objective: Objective): string {
  switch (objective) {
    case "latency":
    case "jitter":
      return millis(figure);
    case "loss":
      return percent(figure);
    case "throughput":
      // With its sign turned: less is better everywhere.
      return megabits(-figure);
    case "cost":
      return String(figure);
  }
}

/** `0.4 s`, `42 s`. */
export function seconds(millis: number): string {
  const value = Math.max(0, millis) / 1_000;
  return `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)} s`;
}

/** Of a share: `3.1 %`. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}

/** `3.1 ms`. */
export function millis(micros: number): string {
  return `${Number((micros / 1_000).toPrecision(3))} ms`;
}

/** `10 Mbit/s`. */
export function megabits(bits: number): string {
  return `${Number((bits / 1e6).toPrecision(3))} Mbit/s`;
}
