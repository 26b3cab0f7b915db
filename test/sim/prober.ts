/** Probes a simulated path and measures as the router does: windows that slide, and liveness. */

import type { Instant } from "../../src/model/quantity.ts";
import type { MeasurementWindow, PathMeasurement } from "../../src/te/select/measurement.ts";
import type { Link, Probe } from "./link.ts";

/** Replies missing in a row make a path dead … */
const DOWN_AFTER = 5;
/** … and so many in a row alive. */
const UP_AFTER = 10;

/** Round trips of a window that are looked at, evenly spread: what an hour of simulation allows. */
const SAMPLES = 100;

export class Prober {
  readonly path: string;
  readonly #link: Link;
  readonly #spans: readonly number[];
  readonly #probes: Probe[] = [];
  /** By probe: how many were answered before it. */
  readonly #answered: number[] = [0];
  /** By probe: how many arrived before it. */
  readonly #arrived: number[] = [0];
  /** By span: the first probe of the window, which only moves on. */
  readonly #first: number[];
  #next = 0;
  #live: PathMeasurement["live"] = "unknown";
  #liveSince = 0;
  #downs = 0;
  #run = 0;

  /** `spans`: lengths of the windows, ascending, ms. */
  constructor(path: string, link: Link, spans: readonly number[]) {
    this.path = path;
    this.#link = link;
    this.#spans = spans;
    this.#first = spans.map(() => 0);
  }

  /** Probes up to the time, so many a second. Answers whether it went up or down. */
  run(until: number, rate: number): boolean {
    const before = this.#live;
    const downs = this.#downs;
    for (; this.#next <= until; this.#next += 1_000 / rate) {
      const probe = this.#link.probe(this.#next);
      this.#probes.push(probe);
      this.#answered.push(this.#answered.at(-1)! + Number(probe.rttMicros !== null));
      this.#arrived.push(this.#arrived.at(-1)! + Number(probe.outcome !== "lost-forward"));
      this.#follow(probe);
    }
    return this.#live !== before || this.#downs !== downs;
  }

  measure(now: number): PathMeasurement {
    return {
      path: this.path,
      live: this.#live,
      liveSince: this.#liveSince as Instant,
      downs: this.#downs,
      at: now as Instant,
      windows: this.#spans.map((span, index) => this.#window(now, span, index)),
      carried: null,
      entry: null,
      bandwidthBitsPerSecond: null,
    };
  }

  #follow({ millis, rttMicros }: Probe): void {
    const answered = rttMicros !== null;
    const agrees = this.#live === (answered ? "up" : "down");
    this.#run = agrees ? 0 : this.#run + 1;
    // A single reply that agrees breaks the run of those that do not.
    const enough = this.#live === "unknown" ? 1 : answered ? UP_AFTER : DOWN_AFTER;
    if (agrees || this.#run < enough) return;
    this.#live = answered ? "up" : "down";
    this.#liveSince = millis;
    this.#run = 0;
    if (!answered) this.#downs++;
  }

  #window(now: number, spanMillis: number, index: number): MeasurementWindow {
    let first = this.#first[index]!;
    while (first < this.#probes.length && this.#probes[first]!.millis <= now - spanMillis) first++;
    this.#first[index] = first;
    const sent = this.#probes.length - first;
    const answered = this.#answered.at(-1)! - this.#answered[first]!;
    const arrived = this.#arrived.at(-1)! - this.#arrived[first]!;
    const trips: number[] = [];
    const differences: number[] = [];
    const stride = Math.max(1, sent / SAMPLES);
    for (let at = first; at < this.#probes.length; at += stride) {
      const { rttMicros } = this.#probes[at | 0]!;
      const before = this.#probes[(at | 0) - 1]?.rttMicros ?? null;
      if (rttMicros === null) continue;
      trips.push(rttMicros);
      if (before !== null) differences.push(Math.abs(rttMicros - before));
    }
    trips.sort((a, b) => a - b);
    const at = (share: number) => trips[Math.min(trips.length - 1, trips.length * share | 0)]!;
    return {
      spanMillis,
      sent,
      answered,
      lostForward: sent - arrived,
      lostBackward: arrived - answered,
      rttMicros: trips.length === 0 ? null : { p50: at(0.5), p95: at(0.95) },
      jitterMicros: differences.length === 0
        ? null
        : differences.reduce((sum, one) => sum + one, 0) / differences.length,
    };
  }
}
