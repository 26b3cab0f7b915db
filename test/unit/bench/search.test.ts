import { expect, test } from "vitest";
import { highestDelivered } from "../../bench/measure/search.ts";

/** Carries up to its capacity, and the less the more is offered beyond. */
function router(capacity: number, collapse: number) {
  const offered: number[] = [];
  const deliver = (rate: number) => {
    offered.push(rate);
    const over = Math.max(0, rate - capacity);
    return Promise.resolve(Math.max(0, Math.min(rate, capacity) - collapse * over));
  };
  return { offered, deliver };
}

test.each([1_500, 9_000, 60_000, 240_000, 1_700_000])(
  "finds a capacity of %i",
  async (capacity) => {
    for (const collapse of [0, 0.3, 1]) {
      const { deliver } = router(capacity, collapse);
      const { delivered } = await highestDelivered(deliver);
      expect(delivered, `collapse ${collapse}`).toBeGreaterThan(0.75 * capacity);
      expect(delivered).toBeLessThanOrEqual(capacity);
    }
  },
);

test("a sender that cannot offer more ends the climb", async () => {
  const { offered, deliver } = router(100_000, 0);
  await highestDelivered(deliver);
  expect(Math.max(...offered)).toBeLessThan(600_000);
});

test("a sender that falls behind every rate does not end it before its time", async () => {
  const { deliver } = router(200_000, 0.5);
  const { delivered } = await highestDelivered((rate) => deliver(0.8 * rate));
  expect(delivered).toBeGreaterThan(150_000);
});

test("nothing that arrives ends as well", async () => {
  const { offered, deliver } = router(0, 0);
  expect((await highestDelivered(deliver)).delivered).toBe(0);
  expect(offered.length).toBeLessThan(20);
});
