/** A short form of `deno task sim`: bounds that leave room, over seeds that are always the same. */

import { describe, expect, test } from "vitest";
import { GOOD } from "../../../sim/link.ts";
import { departures, simulate } from "../../../sim/run.ts";
import {
  FAULTS,
  flapping,
  hour,
  HOURS,
  type Probing,
  PROBINGS,
  SIMULATED,
  timeToLeave,
} from "../../../sim/scenarios.ts";

const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1);
const [closely, plainly] = Object.values(PROBINGS) as [Probing, Probing];

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1]!;
}

describe("time to leave", () => {
  const bounds: readonly (readonly [string, Probing, p50: number, p95: number])[] = [
    ["loss 3 %, 2 % above", closely, 1.5, 3],
    // Without the witness of the way back it is 1.1 and 1.95.
    ["loss 3 % each way", closely, 1.05, 1.8],
    ["loss 6 %, 5 % above", closely, 1, 3],
    ["loss 2 %, 1 % above the SLO", closely, 3, 8],
    ["loss 6 % in bursts of 4", closely, 2, 5],
    ["loss 6 %, 5 % above", plainly, 3, 4],
    ["round trip +80 ms", plainly, 3, 3],
    ["round trips of 40 ± 30 ms", plainly, 3, 3],
    ["loss 100 %", plainly, 0.2, 0.2],
  ];
  test.each(bounds)("%s", (name, probing, p50, p95) => {
    const times = SEEDS.map((seed) => timeToLeave(FAULTS[name]!, probing, seed, 30));
    expect(quantile(times, 0.5)).toBeLessThanOrEqual(p50);
    expect(quantile(times, 0.95)).toBeLessThanOrEqual(p95);
  }, 60_000);
});

describe("an hour without a change", () => {
  test.each(["loss 0.9 %", "loss 1 %, the threshold", "loss 1.1 %"])(
    "%s: left once at most, never returned to",
    (name) => {
      for (const seed of [1, 2]) {
        const { left, back } = hour(HOURS[name]!, plainly, seed);
        expect([left <= 1, back]).toEqual([true, 0]);
      }
    },
    60_000,
  );

  test("a round trip at the threshold is left once at most, too", () => {
    const { left, back } = hour(HOURS["round trip of 60 ± 5 ms, the threshold"]!, plainly, 1);
    expect([left <= 1, back]).toEqual([true, 0]);
  }, 60_000);

  test.each(["no loss", "loss 0.3 %"])("%s: never left", (name) => {
    expect(hour(HOURS[name]!, plainly, 1)).toEqual({ left: 0, back: 0 });
  }, 60_000);

  test.each(["loss 0.5 %", "loss 0.7 %", "loss 0.5 % each way", "loss 0.7 %, 3 % back"])(
    "%s, steadily below: not left, looked at closely",
    (name) => {
      expect(hour(HOURS[name]!, closely, 1)).toEqual({ left: 0, back: 0 });
    },
    60_000,
  );
});

describe("one thing after another", () => {
  test("a link that flaps once a second is left once, suppressed, and comes back", () => {
    const course = flapping(plainly, 1, 50_000, 1_400);
    expect(departures(course, "first").filter((move) => move.millis < 50_000)).toHaveLength(1);
    expect(course.verdicts.some((one) => one.verdict === "suppressed")).toBe(true);
    const back = course.moves.filter((move) => move.to === "first" && move.flows !== "existing");
    expect(back).toHaveLength(1);
    expect(course.decision.order[0]).toBe("first");
  }, 60_000);

  test("total loss for a while: left at once, back after a minute, existing flows by and by", () => {
    const course = simulate({
      ...plainly,
      seed: 1,
      seconds: 200,
      slo: SIMULATED,
      paths: {
        first: (millis) => ({ ...GOOD, up: millis < 30_000 || millis > 40_000 }),
        second: () => GOOD,
      },
    });
    expect(course.moves.map(({ flows, from, to }) => `${flows}: ${from} → ${to}`)).toEqual([
      "all: first → second",
      "new: second → first",
      "existing: second → first",
    ]);
    const [away, back, existing] = course.moves.map((move) => move.millis / 1_000);
    expect(away).toBeLessThan(30.2);
    expect(back).toBeGreaterThan(100);
    expect(back).toBeLessThan(103);
    expect(existing).toBe(back! + 5);
  });

  test("a gap in what is measured moves nothing while it concerns all", () => {
    const course = simulate({
      ...plainly,
      seed: 1,
      seconds: 120,
      slo: { ...SIMULATED, objective: "latency" },
      paths: { first: () => GOOD, second: () => ({ ...GOOD, rttMicros: 19_000 }) },
      gap: [30_000, 60_000],
    });
    expect(course.moves).toEqual([]);
    const first = course.verdicts.filter((one) => one.path === "first");
    expect(first.map((one) => one.verdict)).toEqual(["unknown", "meets", "unknown", "meets"]);
  });

  test("two paths that both lose too much are not played against each other", () => {
    const course = simulate({
      ...plainly,
      seed: 3,
      seconds: 1_800,
      slo: SIMULATED,
      paths: { first: () => ({ ...GOOD, loss: 0.02 }), second: () => ({ ...GOOD, loss: 0.02 }) },
    });
    expect(course.moves.filter((move) => move.flows !== "existing").length).toBeLessThan(6);
  }, 60_000);

  test("the same seed gives the same course", () => {
    const once = () => flapping(plainly, 7, 40_000, 120);
    expect(once().moves).toEqual(once().moves);
  });
});
