/** Penalties of paths that keep failing (RFC 2439 §4.2), decayed when somebody asks. */

import type { FlapDamping } from "../../model/slo.ts";
import type { Instant } from "../../model/quantity.ts";

export interface Penalty {
  /** As it was at `at`. */
  readonly value: number;
  readonly at: Instant;
  /** While suppressed: when it ends unless the path fails again. */
  readonly until: Instant | null;
}

export const NO_PENALTY: Penalty = { value: 0, at: 0 as Instant, until: null };

/** Halves by half-life. */
export function penaltyNow(penalty: Penalty, damping: FlapDamping, now: Instant): number {
  if (penalty.value === 0) return 0;
  const age = Math.max(0, now - penalty.at);
  return damping.halfLifeMillis > 0 ? penalty.value * 2 ** (-age / damping.halfLifeMillis) : 0;
}

/** After `times` more failures at this instant. */
export function penalise(
  penalty: Penalty,
  damping: FlapDamping,
  times: number,
  now: Instant,
): Penalty {
  if (times <= 0 || damping.penalty <= 0) return settle(penalty, damping, now);
  const value = penaltyNow(penalty, damping, now) + times * damping.penalty;
  const suppressed = penalty.until !== null && penalty.until > now || value >= damping.suppress;
  return { value, at: now, until: suppressed ? reusable(value, damping, now) : null };
}

/** Ends a suppression whose time is over. What is left is at most the value of reuse. */
export function settle(penalty: Penalty, damping: FlapDamping, now: Instant): Penalty {
  if (penalty.until === null || penalty.until > now) return penalty;
  const value = Math.min(penaltyNow(penalty, damping, now), damping.reuse);
  return { value, at: now, until: null };
}

/** By decay, or by the longest time, whichever is sooner. */
function reusable(value: number, damping: FlapDamping, now: Instant): Instant {
  const halves = Math.max(0, Math.log2(value / Math.max(damping.reuse, 1e-9)));
  const wait = Math.min(halves * damping.halfLifeMillis, damping.maximumMillis);
  return now + Math.ceil(wait) as Instant;
}
