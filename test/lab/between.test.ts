/** What lies between two uplinks of a lab, measured by ping, which knows nothing of it. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findPlace, requireState } from "../../src/lab/folder.ts";
import { ping } from "../../src/lab/traffic.ts";
import { labelway, PAIRS, sweep, takeDown } from "./four_sites.ts";

const LAB_SECONDS = 60_000;

/** The least of some round trips: the links' own delay, without the machine's load. */
async function quickest(from: string, address: string): Promise<number> {
  const place = await findPlace(PAIRS);
  const state = await requireState(place);
  await ping(place, state, from, address, { count: 1, intervalMillis: 10 });
  const result = await ping(place, state, from, address, { count: 30, intervalMillis: 10 });
  return Math.min(...result.replies.map(({ rttMillis }) => rttMillis));
}

describe("links between pairs of uplinks", { timeout: 30_000 }, () => {
  beforeAll(async () => {
    await sweep();
    await labelway("lab", "up", PAIRS, "--no-routers", "--emulator", "linkem");
  }, LAB_SECONDS);
  afterAll(takeDown, LAB_SECONDS);

  test.each([
    ["a to b: 20 there, 10 back, and twice b's own 1", "a", "198.51.100.6", 32],
    ["b to a is the same", "b", "198.51.100.2", 32],
    ["IPv6 goes the same way", "a", "2001:db8:f:2::2", 32],
    ["out of a NAT: twice 5, and twice b's own 1", "c", "198.51.100.6", 12],
    ["a pair that nothing is said of", "c", "198.51.100.2", 0],
  ])("%s", async (_, from, address, millis) => {
    const found = await quickest(from, address);
    expect(found).toBeGreaterThanOrEqual(millis);
    expect(found).toBeLessThan(millis + 2);
  });

  test("one direction is cut while it runs, and nobody else notices", async () => {
    const said = await labelway("lab", "impair", PAIRS, "a.isp~b.isp", "cut", "--direction", "up");
    expect(said).toContain("a.isp~b.isp: up cut; down 10 ms");
    const place = await findPlace(PAIRS);
    const state = await requireState(place);
    const probe = { count: 3, intervalMillis: 20 };
    expect((await ping(place, state, "b", "198.51.100.2", probe)).received).toBe(0);
    expect((await ping(place, state, "c", "198.51.100.6", probe)).received).toBe(3);
    await labelway("lab", "impair", PAIRS, "a.isp~b.isp", "heal", "--direction", "up");
    expect((await ping(place, state, "b", "198.51.100.2", probe)).received).toBe(3);
  });
});
