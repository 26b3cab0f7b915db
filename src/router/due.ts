import type { Instant } from "../model/quantity.ts";

/**
 * What is done every so often is due when its time has come, or when it lies further ahead than it
 * was ever put: then the clock was set back, and nothing would happen until it has caught up.
 */
export function isDue(time: number | null, everyMillis: number, now: Instant): boolean {
  return time !== null && (now >= time || time - now > everyMillis);
}

export function earliest(times: readonly (number | null)[]): Instant | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known) as Instant;
}
