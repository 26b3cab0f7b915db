/** What selection is told about a path, and what of it is kept from one measurement to the next. */

import type { Instant } from "../../model/quantity.ts";

/** What was seen of a path's probes up to {@link PathMeasurement.at}. */
export interface MeasurementWindow {
  /** Length, ms. */
  readonly spanMillis: number;
  /** Probes sent in it, without those whose answer may still come. */
  readonly sent: number;
  /** Answers to them. */
  readonly answered: number;
  /** Of the sent, those that did not reach the reflector; null: it does not say (stateless). */
  readonly lostForward: number | null;
  /** Of the reflected, those that did not come back; null as above. */
  readonly lostBackward: number | null;
  /** Of round trips; null without an answer. */
  readonly rttMicros: { readonly p50: number; readonly p95: number } | null;
  /** Mean difference of successive round trips (RFC 3550 §6.4.1); null without two answers. */
  readonly jitterMicros: number | null;
}

/** All that is known of one path at one instant. */
export interface PathMeasurement {
  /** Key of the candidate path. */
  readonly path: string;
  readonly live: "up" | "down" | "unknown";
  /** Since when it is so. */
  readonly liveSince: Instant;
  /** Times that it went down, ever; one that is missed between two measurements counts, too. */
  readonly downs: number;
  /** End of the windows. */
  readonly at: Instant;
  /** Ascending by length. The shortest is the grain in which losses are looked at: 250–1,000 ms. */
  readonly windows: readonly MeasurementWindow[];
  /** Real packets since the looks before, each direction; null: not told apart or none. */
  readonly carried: { readonly forward: Tally; readonly backward: Tally } | null;
  /**
   * Where it has more than one hop: packets and probes on the first one alone since the looks before;
   * null: nothing is told of them.
   */
  readonly entry: Tally | null;
  /** What the path can carry; null: not known. */
  readonly bandwidthBitsPerSecond: number | null;
}

/** Probes one way, and how many of them were lost. */
export interface Tally {
  readonly lost: number;
  readonly sent: number;
}

/** One shortest window; consecutive looks never overlap, so each probe is in one at most. */
export interface Look {
  readonly at: Instant;
  readonly spanMillis: number;
  /** Each direction; both are the round trip where directions are unknown. */
  readonly forward: Tally;
  readonly backward: Tally;
  readonly directed: boolean;
  /** On the way there over its first hop alone; null: not told. */
  readonly entry: Tally | null;
  /** Median round trip, µs. */
  readonly rttMicros: number | null;
  readonly jitterMicros: number | null;
}

/**
 * Real packets of one look that are lost together have one cause: a whole look of them weighs no
 * more than so many probes. With looks of 250 ms that is 400 a second, which settles within 3 s whether
 * three times as much is lost as is allowed.
 */
const CARRIED_AT_MOST = 100;

/** A path as measured last, with the looks of the last {@link LOOKS_MILLIS}, oldest first. */
export interface Observed {
  readonly measurement: PathMeasurement;
  readonly looks: readonly Look[];
}

/** The longest window on which a class may leave a path (`leaveWindowMillis`). */
export const LOOKS_MILLIS = 10_000;
/** A look says nothing any more when it is so many of its own length old, and older than 3 s. */
const STALE_LOOKS = 3;
const STALE_FLOOR_MILLIS = 3_000;

/** Adds a measurement. One that is older than the present one is passed over. */
export function observe(previous: Observed | undefined, measurement: PathMeasurement): Observed {
  if (previous && measurement.at < previous.measurement.at) return previous;
  const shortest = measurement.windows[0];
  const looks = previous?.looks ?? [];
  const last = looks.at(-1);
  const { carried } = measurement;
  const some = shortest !== undefined &&
    (shortest.sent > 0 || carried !== null && carried.forward.sent + carried.backward.sent > 0);
  const fresh = some &&
    (last === undefined || measurement.at - shortest.spanMillis >= last.at);
  const oldest = measurement.at - LOOKS_MILLIS;
  const all = fresh ? [...looks, look(shortest, measurement)] : looks;
  // What was lost while the path was dead is told by that, and nothing new once it lives again.
  const alive = measurement.live === "up" ? measurement.liveSince : 0;
  const kept = all.filter((one) => one.at > oldest && one.at - one.spanMillis >= alive);
  return { measurement, looks: kept };
}

/** What a path is judged by: the way there; the round trip, which loses no less, where it is unknown. */
export function lossOf(window: MeasurementWindow): Tally {
  return tallies(window).forward;
}

/** 0 of nothing. */
export function share({ lost, sent }: Tally): number {
  return sent > 0 ? lost / sent : 0;
}

/** The shortest that is at least so long; the longest where none is; undefined without windows. */
export function windowOf(
  windows: readonly MeasurementWindow[],
  spanMillis: number,
): MeasurementWindow | undefined {
  return windows.find((window) => window.spanMillis >= spanMillis) ?? windows.at(-1);
}

/** So long after its end, what a look said is not known any more. */
export function staleAfter(look: Look): number {
  return Math.max(STALE_FLOOR_MILLIS, STALE_LOOKS * look.spanMillis);
}

function look(window: MeasurementWindow, { at, carried, entry }: PathMeasurement): Look {
  const { forward, backward } = tallies(window);
  return {
    at,
    spanMillis: window.spanMillis,
    forward: carried ? together(forward, weighed(carried.forward)) : forward,
    backward: carried ? together(backward, weighed(carried.backward)) : backward,
    directed: window.lostForward !== null && window.lostBackward !== null,
    entry,
    rttMicros: window.rttMicros?.p50 ?? null,
    jitterMicros: window.jitterMicros,
  };
}

/** Nothing of none. */
export function sumOf(tallies: readonly Tally[]): Tally {
  return tallies.reduce(together, { lost: 0, sent: 0 });
}

/** Probes and probes; of real packets see {@link CARRIED_AT_MOST}. */
export function together(a: Tally, b: Tally): Tally {
  return { lost: a.lost + b.lost, sent: a.sent + b.sent };
}

function weighed({ lost, sent }: Tally): Tally {
  const weight = Math.min(1, CARRIED_AT_MOST / Math.max(1, sent));
  return { lost: lost * weight, sent: sent * weight };
}

/** Each direction; the round trip for both where they are unknown. */
export function tallies(window: MeasurementWindow): { forward: Tally; backward: Tally } {
  const { sent, answered, lostForward, lostBackward } = window;
  if (lostForward === null || lostBackward === null) {
    const trip = { lost: Math.max(0, sent - answered), sent };
    return { forward: trip, backward: trip };
  }
  return {
    forward: { lost: lostForward, sent },
    backward: { lost: lostBackward, sent: Math.max(0, sent - lostForward) },
  };
}
