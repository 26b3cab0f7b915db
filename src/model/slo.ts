/** What a policy wants of a path, and how quickly what is measured moves traffic. */

/** What makes one path better than another, of those that meet the SLO alike. */
export type Objective = "cost" | "latency" | "loss" | "jitter" | "throughput";

/** Service level objectives (RFC 9543 §5.1); absent: none of this kind. */
export interface Slo {
  /** Round trip, at most; clocks of two sites are not synchronised, so no direction has its own. */
  readonly latencyMicros?: number;
  /** Mean difference of successive round trips, at most (RFC 3550 §6.4.1). */
  readonly jitterMicros?: number;
  /** Share of packets, 0–1, that the worse direction may lose. */
  readonly loss?: number;
  /** Rate that the path is able to carry, at least. */
  readonly bandwidthBitsPerSecond?: number;
}

/** When traffic moves: fast to leave, slow to return. */
export interface SteeringTimers {
  /** A path is judged bad by what was measured in so long: 1,000–10,000. */
  readonly leaveWindowMillis: number;
  /** A path that was bad is judged good again by what was measured in so long. */
  readonly returnWindowMillis: number;
  /** By what share of the present path's figure another must be better, 0–1 … */
  readonly marginShare: number;
  /** … for how long without a break, before it takes its place. */
  readonly holdMillis: number;
  /** So long a path stays in use once chosen, unless it breaks its SLO or dies. */
  readonly minimumStayMillis: number;
  readonly flap: FlapDamping;
}

/** A path that keeps failing is suppressed (after RFC 2439 §4.2); penalties halve by half-life. */
export interface FlapDamping {
  /** Added each time that the path dies or breaks its SLO. */
  readonly penalty: number;
  /** Suppressed from this penalty … */
  readonly suppress: number;
  /** … until it has fallen to this one … */
  readonly reuse: number;
  readonly halfLifeMillis: number;
  /** … but never longer than so. */
  readonly maximumMillis: number;
}

/** Whether flows that have a path already follow the verdict. */
export type FlowMove =
  /** Only when their path dies or breaks the SLO; new flows take the better path at once. */
  | "broken"
  /** As well when another path has been better for the hold time. */
  | "better";

/** A named SLO class: what a policy says by one word. */
export interface SloClass {
  readonly name: string;
  readonly objective: Objective;
  readonly slo: Slo;
  readonly timers: SteeringTimers;
  readonly move: FlowMove;
}
