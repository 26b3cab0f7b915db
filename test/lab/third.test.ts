/** The demo of the slow direct way, as a person runs it: it fails where a path is not taken. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { labelway, sweep, takeDown } from "./four_sites.ts";

const DEMO_SECONDS = 180_000;

describe("better through a third site", () => {
  beforeAll(sweep, DEMO_SECONDS);
  afterAll(takeDown, DEMO_SECONDS);

  test("traffic takes two hops, leaves them when they get slow, and comes back", async () => {
    const out = await labelway("lab", "demo", "better-through-a-third", "--exit");
    expect(out).toMatch(/on the direct way after \d/);
    expect(out).toMatch(/through geneva again after \d/);
    const trips = [...out.matchAll(/round trip, median of 50 +([\d.]+) ms/g)].map(([, millis]) =>
      Number(millis)
    );
    expect(trips.length).toBe(3);
    const [through, direct, again] = trips as [number, number, number];
    expect(through).toBeGreaterThanOrEqual(13);
    expect(through).toBeLessThan(50);
    expect(direct).toBeGreaterThanOrEqual(100);
    expect(again).toBeLessThan(50);
    // Each of the 50 requests has crossed geneva, and each of the replies.
    const switched = [...out.matchAll(/adjacency SID \S+ > \S+ +(\d+)$/gm)].map(([, n]) =>
      Number(n)
    );
    expect(switched.length).toBe(2);
    for (const packets of switched) expect(packets).toBeGreaterThanOrEqual(50);
  }, DEMO_SECONDS);
});
