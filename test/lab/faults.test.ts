/** Faults of `deno task lab:faults`, once each: that they end, and on which way, not how quickly. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readScenarios } from "../faults/command.ts";
import { atRest, once, type Repeat } from "../faults/run.ts";
import { raise, type Stage, strike } from "../faults/stage.ts";
import { DETOUR, FAULTS, RING, sweep, takeDown } from "./four_sites.ts";

const LAB_SECONDS = 60_000;
/** Ten times what is promised, for a machine that does something else as well. */
const GENEROUS = 10;
const scenarios = await readScenarios();
const scenario = (name: string) => scenarios.find(({ fault }) => fault === name)!;

function inLab(lab: string, body: (stage: () => Stage) => void) {
  return () => {
    let stage: Stage | undefined;
    beforeAll(async () => {
      await sweep();
      stage = await raise(lab, {}, new AbortController().signal);
    }, LAB_SECONDS);
    afterAll(async () => {
      if (stage !== undefined) await strike(stage);
      await takeDown();
    }, LAB_SECONDS);
    body(() => stage!);
  };
}

async function tried(stage: Stage, name: string): Promise<Repeat> {
  return await once(stage, scenario(name), await atRest(stage, scenario(name)));
}

describe(
  "faults",
  { timeout: 120_000 },
  inLab(FAULTS, (stage) => {
    // The others take minutes to come to rest: `deno task lab:faults` has them all.
    test.each([
      ["blackhole", "quickest: fibre>turin.fibre", /^quickest: /m],
      ["local-link-down", "quickest: fibre>turin.fibre", /^quickest: cable>turin\.cable$/m],
      ["transit-lost", "over-geneva: fibre>geneva.fibre,fibre>turin.fibre", /^over-geneva: /m],
      // By what is measured.
      ["brown-out", "quickest: fibre>turin.fibre", /^quickest: /m],
    ])("%s is over, on another path", async (name, from, to) => {
      const { lostBefore, recoverMillis, moved } = await tried(stage(), name);
      expect(lostBefore).toBe(0);
      expect(moved.from).toContain(from);
      expect(moved.to.join("\n")).toMatch(to);
      expect(recoverMillis).not.toBeNull();
      expect(recoverMillis).toBeGreaterThan(0);
      const { reach, watchMillis } = scenario(name);
      const most = reach.millis === null ? watchMillis : GENEROUS * reach.millis;
      expect(recoverMillis).toBeLessThan(Math.max(most, 1500));
    });
  }),
);

describe(
  "files that disagree about ways",
  { timeout: 90_000 },
  inLab(RING, (stage) => {
    test("let nothing go round, where each of them by itself would", async () => {
      const { lost, dropped, moved } = await tried(stage(), "label-loop");
      expect([lost, dropped]).toEqual([0, 0]);
      expect(moved.from).toEqual([]);
    });
  }),
);

describe(
  "a link behind a transit site",
  { timeout: 90_000 },
  inLab(DETOUR, (stage) => {
    test.each([
      // Seen by the link itself, between one packet and the next if it happens so: then none is lost.
      ["transit-link-down", 0],
      ["transit-link-dead", 1],
    ])(
      "%s: the site before it sends all packets round, by a stack",
      async (name, least) => {
        const { lostBefore, recoverMillis, moves, passed } = await tried(stage(), name);
        const { reach } = scenario(name);
        // The ingress has no other way and did not move: what arrived was repaired.
        expect([lostBefore, moves]).toEqual([0, 0]);
        // Nor is this so unless the link was lost: by the stack nothing goes otherwise.
        expect(passed).toBeGreaterThan(reach.passed! / 2);
        expect(recoverMillis).not.toBeNull();
        expect(recoverMillis).toBeGreaterThanOrEqual(least);
        expect(recoverMillis).toBeLessThan(Math.max(GENEROUS * reach.millis!, 1500));
      },
    );
  }),
);
