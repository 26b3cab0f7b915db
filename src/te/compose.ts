/**
 * What a path would measure, from what is measured on its hops: a site that asks its neighbours need
 * not probe every relay to know which are worth it. Hops are taken to be independent of each other,
 * which two links in one duct are not; a path that matters is measured as a whole.
 */

import type { Figures } from "../model/figures.ts";

/** Of no hops at all: nothing is added, nothing is limited. */
const NOTHING: Figures = {
  rttMicros: 0,
  jitterMicros: 0,
  lossForward: 0,
  lossBackward: 0,
  mtuBytes: null,
  bandwidthBitsPerSecond: null,
};

/**
 * Round trips add up (ITU-T Y.1541 §8.2.1), delay variations as the root of the sum of squares,
 * what arrives is multiplied (§8.2.3), the narrowest hop decides about sizes and rates. One unknown
 * hop makes a sum unknown; a limit is that of the hops that are known.
 */
export function compose(hops: readonly Figures[]): Figures {
  return hops.reduce((path, hop): Figures => ({
    rttMicros: both(path.rttMicros, hop.rttMicros, (a, b) => a + b),
    jitterMicros: both(path.jitterMicros, hop.jitterMicros, Math.hypot),
    lossForward: both(path.lossForward, hop.lossForward, either),
    lossBackward: both(path.lossBackward, hop.lossBackward, either),
    mtuBytes: least(path.mtuBytes, hop.mtuBytes),
    bandwidthBitsPerSecond: least(path.bandwidthBitsPerSecond, hop.bandwidthBitsPerSecond),
  }), NOTHING);
}

/** Lost on one or the other. */
function either(a: number, b: number): number {
  return a + b - a * b;
}

function both(
  a: number | null,
  b: number | null,
  combine: (a: number, b: number) => number,
): number | null {
  return a === null || b === null ? null : combine(a, b);
}

function least(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.min(a, b);
}
