/** Two faults of `deno task lab:faults`, once each: that they end, not how quickly. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readScenarios } from "../faults/command.ts";
import { once } from "../faults/run.ts";
import { raise, type Stage, strike } from "../faults/stage.ts";
import { FAULTS, sweep, takeDown } from "./four_sites.ts";

const LAB_SECONDS = 60_000;
/** Ten times what is promised, for a machine that does something else as well. */
const GENEROUS = 10;

describe("faults", { timeout: 60_000 }, async () => {
  const scenarios = await readScenarios();
  let stage: Stage | undefined;
  beforeAll(async () => {
    await sweep();
    stage = await raise(FAULTS, {}, new AbortController().signal);
  }, LAB_SECONDS);
  afterAll(async () => {
    if (stage !== undefined) await strike(stage);
    await takeDown();
  }, LAB_SECONDS);

  test.each([
    ["blackhole", "fibre>turin.fibre", /fibre>turin\.fibre$/],
    ["local-link-down", "fibre>turin.fibre", /^quickest: cable>turin\.cable$/m],
  ])("%s is over, on another path", async (name, from, to) => {
    const scenario = scenarios.find(({ fault }) => fault === name)!;
    const { lostBefore, recoverMillis, moved } = await once(stage!, scenario);
    expect(lostBefore).toBe(0);
    expect(moved.from).toContain(`quickest: ${from}`);
    expect(moved.to.join("\n")).toMatch(to);
    expect(recoverMillis).not.toBeNull();
    expect(recoverMillis).toBeGreaterThan(0);
    expect(recoverMillis).toBeLessThan(Math.max(GENEROUS * (scenario.reach.millis ?? 0), 1500));
  });
});
