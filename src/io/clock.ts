/** The only place that reads a clock: everything else is handed the time. */

import type { Instant } from "../model/quantity.ts";

export function now(): Instant {
  return Date.now() as Instant;
}

/** Calls `callback` once the time has come; answers how to call it off. */
export function at(time: Instant, callback: () => void): () => void {
  const timer = setTimeout(callback, Math.max(0, time - Date.now()));
  return () => clearTimeout(timer);
}
