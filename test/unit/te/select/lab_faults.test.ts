/**
 * The lab's faults that selection answers, on a simulated clock and by probes alone: as their files
 * in config/lab/faults promise, under the class that the lab's traffic has. Liveness and the engine's
 * own switching are the lab's to test.
 */

import { describe, expect, test } from "vitest";
import { BUILT_IN_CLASSES } from "../../../../src/config/classes.ts";
import { readScenarios } from "../../../faults/command.ts";
import { GOOD, type LinkState, type Weather } from "../../../sim/link.ts";
import { departures, returns, simulate } from "../../../sim/run.ts";

const scenarios = await readScenarios();
const INTERACTIVE = BUILT_IN_CLASSES["interactive"]!;
/** As the router probes what customers use whose class limits the loss. */
const PROBING = { rate: 100, closer: 100, closest: 500, look: 250 };
const SEEDS = Array.from({ length: 20 }, (_, index) => index + 1);
/** Of the lab's network, from fibre to fibre and from cable to cable. */
const FIBRE: LinkState = { ...GOOD, rttMicros: 10_000 };
const CABLE: LinkState = { ...GOOD, rttMicros: 30_000 };

function told(name: string) {
  const { reach, watchMillis } = scenarios.find(({ fault }) => fault === name)!;
  return { reach, watchMillis };
}

/** From the fault at 20 s on, as long as the lab looks. */
function meets(name: string, seed: number, weather: Weather) {
  const start = 20_000 + seed * 137 % 1_000;
  const { watchMillis } = told(name);
  const course = simulate({
    ...PROBING,
    seed,
    seconds: Math.ceil((start + watchMillis) / 1_000),
    slo: INTERACTIVE,
    paths: {
      fibre: (millis) => millis < start ? FIBRE : weather(millis - start),
      cable: () => CABLE,
    },
  });
  const left = departures(course, "fibre");
  return {
    early: left.filter(({ millis }) => millis < start).length,
    left: left.length,
    back: returns(course, "fibre").length,
    afterMillis: left.length === 0 ? Infinity : left[0]!.millis - start,
  };
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1]!;
}

describe("left for good, within what the lab's fault promises", () => {
  const faults: readonly (readonly [string, Weather])[] = [
    // Half of the packets, and the queue of 100 ms is full.
    ["bandwidth-collapse", () => ({ ...FIBRE, loss: 0.5, rttMicros: 110_000 })],
    ["brown-out", () => ({ ...FIBRE, loss: 0.06 })],
  ];
  test.each(faults)("%s", (name, weather) => {
    const times = SEEDS.map((seed) => {
      const { early, left, back, afterMillis } = meets(name, seed, weather);
      expect([early, left, back]).toEqual([0, 1, 0]);
      return afterMillis;
    });
    expect(quantile(times, 0.99)).toBeLessThanOrEqual(told(name).reach.millis!);
  });

  test("brown-out-bursty, one time in two: a burst in one look is no share", () => {
    const weather = () => ({ ...FIBRE, loss: 0.06, burst: 5 });
    const times = SEEDS.map((seed) => meets("brown-out-bursty", seed, weather).afterMillis);
    expect(quantile(times, 0.5)).toBeLessThanOrEqual(told("brown-out-bursty").reach.millis!);
  });
});

describe("left for a quicker one though it meets its SLO, once and after the hold time", () => {
  test.each<readonly [string, Weather]>([
    ["latency-step", () => ({ ...FIBRE, rttMicros: 170_000 })],
    // Each direction takes up to 100 ms longer.
    ["jitter", () => ({ ...FIBRE, rttMicros: 110_000, jitterMicros: 100_000 })],
  ])("%s", (name, weather) => {
    for (const seed of SEEDS) {
      const { early, left, back, afterMillis } = meets(name, seed, weather);
      expect([early, left, back]).toEqual([0, 1, 0]);
      // The look in which it happens shows it already.
      expect(afterMillis).toBeGreaterThanOrEqual(INTERACTIVE.timers.holdMillis - PROBING.look);
      expect(afterMillis).toBeLessThan(told(name).watchMillis);
    }
  });
});

test("flapping at 1 Hz is left at once, and not taken again while it flaps", () => {
  for (const seed of SEEDS) {
    const { early, left, back, afterMillis } = meets("flapping", seed, (millis) => ({
      ...FIBRE,
      up: millis >= 6_000 || millis % 1_000 >= 500,
    }));
    expect([early, left, back]).toEqual([0, told("flapping").reach.moves, 0]);
    expect(afterMillis).toBeLessThan(500);
  }
});

describe("ten minutes of loss", () => {
  test.each([["threshold", 0.01], ["below-threshold", 0.005]] as const)(
    "%s: no more moves than the lab's fault promises",
    (name, loss) => {
      for (const seed of SEEDS.slice(0, 6)) {
        const { left, back } = meets(name, seed, () => ({ ...FIBRE, loss }));
        expect(left + back).toBeLessThanOrEqual(told(name).reach.moves!);
      }
    },
    60_000,
  );
});
