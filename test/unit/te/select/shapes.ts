/** Random and hand-made inputs of the selection. */

import fc from "fast-check";
import type { Instant } from "../../../../src/model/quantity.ts";
import type { SloClass } from "../../../../src/model/slo.ts";
import type { PathMeasurement } from "../../../../src/te/select/measurement.ts";
import type { Candidate, Choice } from "../../../../src/te/select/rank.ts";
import { SIMULATED } from "../../../sim/scenarios.ts";

export const PATHS = ["a", "b", "c", "d"];

/** What they pass: `a` and `c` begin alike, `a` and `b` end alike. */
export const WAYS = (path: string): readonly string[] =>
  ({ a: ["ax", "xz"], b: ["ay", "xz"], c: ["ax", "wz"] })[path] ?? [];

export const at = (millis: number) => millis as Instant;

export function classOf(fields: Partial<SloClass> = {}, timers = {}): SloClass {
  return { ...SIMULATED, ...fields, timers: { ...SIMULATED.timers, ...timers } };
}

export function candidate(path: string, fields: Partial<Candidate> = {}): Candidate {
  return { path, cost: 1, labels: 0, preference: 0, resort: "always", weight: 1, ...fields };
}

export interface Sample {
  readonly live?: PathMeasurement["live"];
  readonly liveSince?: number;
  readonly downs?: number;
  /** Probes in each second. */
  readonly sent?: number;
  /** On the way there. */
  readonly lost?: number;
  /** On the way back. */
  readonly back?: number;
  readonly directed?: boolean;
  readonly rtt?: number | null;
  readonly jitter?: number | null;
  readonly bandwidth?: number | null;
  /** On the first adjacency of more than one. */
  readonly entry?: PathMeasurement["entry"];
}

/** A path that was alike for a minute, up to the instant. */
export function measurement(path: string, millis: number, sample: Sample = {}): PathMeasurement {
  const { live = "up", liveSince = 0, downs = 0, sent = 100, lost = 0, back = 0 } = sample;
  const { directed = true, rtt = 20_000, jitter = 500, bandwidth = null, entry = null } = sample;
  return {
    path,
    live,
    liveSince: at(liveSince),
    downs,
    at: at(millis),
    windows: [1, 10, 60].map((seconds) => ({
      spanMillis: seconds * 1_000,
      sent: sent * seconds,
      answered: (sent - lost - back) * seconds,
      lostForward: directed ? lost * seconds : null,
      lostBackward: directed ? back * seconds : null,
      rttMicros: rtt === null || lost === sent ? null : { p50: rtt, p95: rtt * 1.5 },
      jitterMicros: lost === sent ? null : jitter,
    })),
    carried: null,
    entry,
    bandwidthBitsPerSecond: bandwidth,
  };
}

const candidates = fc.uniqueArray(
  fc.record({
    path: fc.constantFrom(...PATHS),
    cost: fc.integer({ min: 1, max: 3 }),
    labels: fc.integer({ min: 0, max: 2 }),
    preference: fc.integer({ min: 0, max: 1 }),
    resort: fc.constantFrom("always" as const, "always" as const, "when-broken" as const, "last"),
    weight: fc.integer({ min: 1, max: 3 }),
  }),
  { minLength: 1, selector: (one) => one.path },
) as fc.Arbitrary<Candidate[]>;

const classes: fc.Arbitrary<SloClass> = fc.record({
  objective: fc.constantFrom("cost", "latency", "loss", "jitter", "throughput"),
  move: fc.constantFrom("broken", "better"),
  slo: fc.constantFrom(
    {},
    { loss: 0.01 },
    { latencyMicros: 60_000 },
    { loss: 0.01, latencyMicros: 60_000, jitterMicros: 5_000, bandwidthBitsPerSecond: 5e6 },
  ),
  hold: fc.constantFrom(0, 2_000, 5_000),
  stay: fc.constantFrom(0, 4_000),
  margin: fc.constantFrom(0, 0.1, 0.5),
  back: fc.constantFrom(2_000, 10_000),
}).map(({ hold, stay, margin, back, ...rest }) => {
  const timers = {
    holdMillis: hold,
    minimumStayMillis: stay,
    marginShare: margin,
    returnWindowMillis: back,
  };
  return classOf(rest as Partial<SloClass>, timers);
});

/** How much any two paths have in common. */
const shared = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 16, maxLength: 16 })
  .map((counts) =>
    new Map(
      PATHS.map((own, row) => [
        own,
        new Map(PATHS.map((other, column) => [other, counts[row * 4 + column]!])),
      ]),
    )
  );

export const choices: fc.Arbitrary<Choice[]> = fc.array(
  fc.record({ class: classes, candidates, balance: fc.boolean(), shared: fc.option(shared) }),
  { minLength: 1, maxLength: 3 },
).map((list) =>
  list.map(({ shared, ...choice }, index) => ({
    ...choice,
    key: `policy-${index} > egress`,
    // Away from the one before it: its path is settled before.
    ...(index > 0 && shared && { apart: { from: `policy-${index - 1} > egress`, shared } }),
  }))
);

/** What happens at one instant: seconds since the one before, and who is measured how. */
export interface Step {
  readonly waitMillis: number;
  readonly samples: readonly (readonly [path: string, sample: Sample])[];
}

const samples: fc.Arbitrary<Sample> = fc.record({
  live: fc.constantFrom("up" as const, "up" as const, "up" as const, "down" as const, "unknown"),
  sent: fc.constantFrom(0, 10, 100),
  lost: fc.constantFrom(0, 0, 0, 2, 10),
  directed: fc.boolean(),
  rtt: fc.constantFrom(10_000, 20_000, 21_000, 59_000, 90_000, null),
  jitter: fc.constantFrom(100, 3_000, 9_000, null),
  bandwidth: fc.constantFrom(null, 1e6, 1e7, 2e7),
  entry: fc.constantFrom(null, { lost: 0, sent: 1_000 }, { lost: 30, sent: 1_000 }),
}) as fc.Arbitrary<Sample>;

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    waitMillis: fc.constantFrom(100, 1_000, 1_000, 1_000, 4_000, 70_000),
    samples: fc.uniqueArray(fc.tuple(fc.constantFrom(...PATHS), samples), {
      selector: ([path]) => path,
    }),
  }),
  { maxLength: 25 },
);

/** With liveness told as a prober tells it: since when, and how often it went down. */
export function script(list: readonly Step[]): { now: Instant; measured: PathMeasurement[] }[] {
  const lives = new Map<string, { live: string; since: number; downs: number }>();
  let now = 100_000;
  return list.map(({ waitMillis, samples }) => {
    now += waitMillis;
    const measured = samples.map(([path, sample]) => {
      const before = lives.get(path) ?? { live: "", since: now, downs: 0 };
      const live = sample.live ?? "up";
      const after = before.live === live ? before : {
        live,
        since: now,
        downs: before.downs + Number(live === "down"),
      };
      lives.set(path, after);
      const lost = Math.min(sample.lost ?? 0, sample.sent ?? 100);
      return measurement(path, now, {
        ...sample,
        lost,
        liveSince: after.since,
        downs: after.downs,
      });
    });
    return { now: at(now), measured };
  });
}
