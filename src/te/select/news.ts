/**
 * What the engine tells of probes → what selection is told of paths. A path lives while its first
 * adjacency and its own probes do; the engine tells of each by itself.
 */

import type { Liveness, Look, Looks, Window } from "../../model/boundary.ts";
import type { Instant } from "../../model/quantity.ts";
import {
  type MeasurementWindow,
  type PathMeasurement,
  tallies,
  type Tally,
  together,
} from "./measurement.ts";

/** A candidate path, as far as measuring it goes. */
export interface Measurable {
  readonly key: string;
  /** Key of the first hop; the path's own where it is the only one. */
  readonly adjacency: string;
  /** Of the narrowest uplink on the way, by the file; null: some uplink has none in it. */
  readonly bandwidthBitsPerSecond: number | null;
}

/** An adjacency or a list as told last. */
interface Told {
  readonly look: Look;
  /** Since when it is up or down. */
  readonly since: Instant;
}

interface PathState {
  readonly path: Measurable;
  live: Liveness;
  liveSince: Instant;
  /** Of the whole path: an adjacency and the probes over it fail as one. */
  downs: number;
  /** Of its adjacency and of its probes, as counted last. */
  counted: number;
  /** End of the windows that were handed over last; null: none was. */
  at: Instant | null;
}

export class News {
  readonly #told = new Map<string, Told>();
  readonly #paths = new Map<string, PathState>();
  readonly #byAdjacency = new Map<string, PathState[]>();

  /** What `previous` knew of the same paths goes on. */
  constructor(paths: readonly Measurable[], previous?: News) {
    for (const path of paths) {
      const state: PathState = {
        live: "unknown",
        liveSince: 0 as Instant,
        downs: 0,
        counted: 0,
        at: null,
        ...(previous && previous.#paths.get(path.key)),
        path,
      };
      this.#paths.set(path.key, state);
      const others = this.#byAdjacency.get(path.adjacency);
      if (others) others.push(state);
      else this.#byAdjacency.set(path.adjacency, [state]);
      for (const key of [path.key, path.adjacency]) {
        const told = previous && previous.#told.get(key);
        if (told) this.#told.set(key, told);
      }
    }
  }

  /** In the order of the looks; of the paths alone that there is something to say of. */
  take({ looks }: Looks, now: Instant): PathMeasurement[] {
    const touched = new Set<PathState>();
    const fresh = new Set<string>();
    for (const look of looks) {
      const before = this.#told.get(look.key);
      const same = before?.look.state === look.state && before.look.downs === look.downs;
      // Once told, the beginning of a state stays where it is, however late the next look comes.
      const since = same ? before.since : now - look.state_millis as Instant;
      this.#told.set(look.key, { look, since });
      fresh.add(look.key);
      const own = this.#paths.get(look.key);
      if (own) touched.add(own);
      if (same) continue;
      for (const state of this.#byAdjacency.get(look.key) ?? []) touched.add(state);
    }
    return [...touched].flatMap((state) => this.#measurement(state, fresh, now) ?? []);
  }

  /** `fresh`: keys of the looks just taken. */
  #measurement(
    state: PathState,
    fresh: ReadonlySet<string>,
    now: Instant,
  ): PathMeasurement | null {
    const { path } = state;
    const isFresh = fresh.has(path.key);
    const adjacency = this.#told.get(path.adjacency);
    const own = this.#told.get(path.key);
    this.#follow(state, adjacency, own);
    if (own === undefined) return null;
    const windows = windowsOf(own.look, isFresh, state.at, now);
    state.at = now;
    return {
      path: path.key,
      live: state.live,
      liveSince: state.liveSince,
      downs: state.downs,
      at: now,
      windows,
      carried: isFresh ? carriedOf(own.look) : null,
      entry: adjacency && adjacency !== own && fresh.has(path.adjacency)
        ? entryOf(adjacency.look)
        : null,
      bandwidthBitsPerSecond: path.bandwidthBitsPerSecond,
    };
  }

  #follow(state: PathState, adjacency: Told | undefined, own: Told | undefined): void {
    const parts = adjacency === own ? [own] : [adjacency, own];
    const culprit = parts.find((part) => part?.look.state !== "up");
    const live = parts.every((part) => part?.look.state === "up")
      ? "up"
      : culprit?.look.state ?? "unknown";
    const counted = parts.reduce((sum, part) => sum + (part?.look.downs ?? 0), 0);
    // Dead already, it does not die again by what fails later of the same.
    if (state.live === "up" && (live === "down" || counted > state.counted)) state.downs++;
    state.counted = counted;
    state.live = live;
    const since = live === "up"
      ? Math.max(...parts.map((part) => part?.since ?? 0))
      : culprit?.since ?? 0;
    state.liveSince = since as Instant;
  }
}

/** Ascending by length. */
function windowsOf(
  { since, ten_seconds, minute }: Look,
  isFresh: boolean,
  last: Instant | null,
  now: Instant,
): MeasurementWindow[] {
  // The engine's clock and ours differ by a bit, and looks must not overlap.
  const most = last === null ? since.span_millis : Math.min(since.span_millis, now - last);
  const spanMillis = Math.max(1, isFresh ? most : now - (last ?? now));
  const first = isFresh ? windowOf(since) : NO_NEWS;
  const longer = [ten_seconds, minute].filter((window) => window.span_millis > spanMillis);
  return [{ ...first, spanMillis }, ...longer.map(windowOf)];
}

const NO_NEWS: Omit<MeasurementWindow, "spanMillis"> = {
  sent: 0,
  answered: 0,
  lostForward: null,
  lostBackward: null,
  rttMicros: null,
  jitterMicros: null,
};

function windowOf(window: Window): MeasurementWindow {
  return {
    spanMillis: window.span_millis,
    sent: window.sent,
    answered: window.answered,
    lostForward: window.lost_forward,
    lostBackward: window.lost_return,
    rttMicros: window.round_trip,
    jitterMicros: window.jitter_micros,
  };
}

/** All that went over an adjacency: each packet tells as much of it as a probe does. */
function entryOf(look: Look): Tally {
  const probes = tallies(windowOf(look.since)).forward;
  const carried = carriedOf(look)?.forward;
  return carried ? together(probes, carried) : probes;
}

function carriedOf({ carried }: Look): PathMeasurement["carried"] {
  if (carried === null) return null;
  return {
    forward: { lost: carried.forward_lost, sent: carried.forward_sent },
    backward: { lost: carried.return_lost, sent: carried.return_sent },
  };
}
