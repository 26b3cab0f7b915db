/** What of the SLO a living path breaks now, by its short windows, and what is not known of it. */

import type { SloClass } from "../../model/slo.ts";
import type { Excess } from "./evidence.ts";
import type { Look, Observed } from "./measurement.ts";
import type { Reason } from "./reason.ts";

/** Half of the packets are late in each look of so long: one look alone may have had bad luck. */
const CONFIRM_MILLIS = 2_000;

export interface Violations {
  /** Each names a {@link Fault} by its kind. */
  readonly broken:
    readonly (Reason & { readonly kind: "loss" | "latency" | "jitter" | "bandwidth" })[];
  readonly missing: readonly Reason[];
}

/** Latency is the median round trip of a look. `excess`: of its loss, see `strongestExcess`. */
export function violations(
  { measurement, looks }: Observed,
  excess: Excess | null,
  { slo, timers }: SloClass,
): Violations {
  const broken: Violations["broken"][number][] = [];
  const missing: Reason[] = [];
  if (slo.loss !== undefined && excess?.breaks) {
    const { lost, sent, spanMillis, direction, back } = excess;
    broken.push({ kind: "loss", lost, sent, spanMillis, allowed: slo.loss, direction, back });
  }
  const timed = [
    ["latency", slo.latencyMicros, (look: Look) => look.rttMicros],
    ["jitter", slo.jitterMicros, (look: Look) => look.jitterMicros],
  ] as const;
  for (const [kind, allowedMicros, figure] of timed) {
    if (allowedMicros === undefined) continue;
    const recent = newestOf(looks, Math.min(timers.leaveWindowMillis, CONFIRM_MILLIS));
    const values = recent.map(figure).filter((value) => value !== null);
    if (values.length === 0) {
      missing.push({ kind: "unmeasured", what: kind });
      continue;
    }
    const spanMillis = recent.reduce((sum, look) => sum + look.spanMillis, 0);
    const whole = values.length === recent.length &&
      spanMillis >= Math.min(timers.leaveWindowMillis, CONFIRM_MILLIS);
    // Over in each of them: so the least is the figure that stands for all.
    const micros = Math.min(...values);
    if (whole && micros > allowedMicros) broken.push({ kind, micros, allowedMicros, spanMillis });
  }
  const needed = slo.bandwidthBitsPerSecond;
  if (needed !== undefined) {
    const known = measurement.bandwidthBitsPerSecond;
    const reason = {
      kind: "bandwidth",
      bitsPerSecond: known,
      neededBitsPerSecond: needed,
    } as const;
    if (known === null) missing.push(reason);
    else if (known < needed) broken.push(reason);
  }
  return { broken, missing };
}

/** The fewest newest looks that make up so long a time, oldest first; all if there are too few. */
function newestOf(looks: readonly Look[], spanMillis: number): readonly Look[] {
  let first = looks.length;
  for (let sum = 0; first > 0 && sum < spanMillis;) sum += looks[--first]!.spanMillis;
  return looks.slice(first);
}
