/**
 * `deno task sim:speed`: how long selection takes for many policies, egresses and paths. One
 * measurement of one path, one second of measurements of all, and everything from the beginning.
 *
 *     deno task sim:speed [POLICIES] [EGRESSES] [PATHS] [CLASSES]     default: 1000 1000 8 4
 */

import type { Instant } from "../../src/model/quantity.ts";
import type { PathMeasurement } from "../../src/te/select/measurement.ts";
import type { Choice } from "../../src/te/select/rank.ts";
import { Selection } from "../../src/te/select/selection.ts";
import { uniform } from "./random.ts";
import { SIMULATED } from "./scenarios.ts";

const [policies = 1_000, egresses = 1_000, paths = 8, classes = 4] = Deno.args.map((text) => {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  console.error(`sim:speed: ${text} is not accepted: give whole numbers, 1–99999`);
  Deno.exit(2);
});
const random = uniform(1);
const slos = Array.from({ length: classes }, (_, index) => ({
  ...SIMULATED,
  name: `class-${index}`,
  objective: "latency" as const,
  slo: { ...SIMULATED.slo, latencyMicros: 40_000 + index * 10_000 },
}));
const choices: Choice[] = [];
for (let egress = 0; egress < egresses; egress++) {
  const candidates = Array.from({ length: paths }, (_, path) => ({
    path: `${egress}/${path}`,
    cost: path,
    labels: path % 4,
    preference: 0,
    resort: "always" as const,
    weight: 1,
  }));
  for (let policy = 0; policy < policies; policy++) {
    const slo = slos[policy % classes]!;
    choices.push({ key: `${policy} > ${egress}`, class: slo, candidates, balance: false });
  }
}

console.log(`${policies} policies × ${egresses} egresses × ${paths} paths, ${classes} classes`);
let selection!: Selection;
report("from the beginning", 1, () => {
  selection = new Selection(choices, 0 as Instant);
});
let second = 0;
report("first measurement of all", 1, everySecond);
report("one second of all, nothing else than noise", 10, everySecond);
let egress = 0;
report("one path goes down", 50, () => {
  const now = second * 1_000 + 500 as Instant;
  const one = measurement(`${egress++ % egresses}/0`, now);
  selection.measure([{ ...one, live: "down", liveSince: now, downs: 1 }], now);
});
console.log(`heap ${(Deno.memoryUsage().heapUsed / 2 ** 20).toFixed(0)} MiB`);

function everySecond(): void {
  const now = ++second * 1_000 as Instant;
  const all: PathMeasurement[] = [];
  for (let egress = 0; egress < egresses; egress++) {
    for (let path = 0; path < paths; path++) all.push(measurement(`${egress}/${path}`, now));
  }
  selection.measure(all, now);
}

/** Around 20 ms with half a percent of noise. */
function measurement(path: string, now: Instant): PathMeasurement {
  const p50 = 20_000 * (1 + 0.005 * (random() - 0.5));
  return {
    path,
    live: "up",
    liveSince: 0 as Instant,
    downs: 0,
    at: now,
    windows: [1, 10, 60].map((seconds) => ({
      spanMillis: seconds * 1_000,
      sent: 10 * seconds,
      answered: 10 * seconds,
      lostForward: 0,
      lostBackward: 0,
      rttMicros: { p50, p95: p50 * 1.2 },
      jitterMicros: 300,
    })),
    carried: null,
    entry: null,
    bandwidthBitsPerSecond: null,
  };
}

function report(name: string, times: number, work: () => void): void {
  const took = Array.from({ length: times }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  }).sort((a, b) => a - b);
  const median = took[took.length >> 1]!;
  const longest = took.at(-1)!;
  console.log(
    `${name.padEnd(44)} ${median.toFixed(2).padStart(9)} ms` +
      (times > 1 ? `, at most ${longest.toFixed(2)} ms of ${times}` : ""),
  );
}
