import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chooseProbed, type LastProbed, type Prospect } from "../../../src/te/probed.ts";

const prospects = fc.uniqueArray(
  fc.record({
    key: fc.string({ minLength: 1, maxLength: 3 }),
    expected: fc.option(fc.nat(1000)),
    inUse: fc.boolean(),
  }),
  { selector: ({ key }) => key, maxLength: 30 },
);
const budgets = fc.record({
  paths: fc.integer({ min: 1, max: 12 }),
  turns: fc.integer({ min: 1, max: 4 }),
});

describe("which candidates are probed", () => {
  test("those in use, then the best, and as many as the budget has", () => {
    fc.assert(fc.property(prospects, budgets, (all, budget) => {
      const { keys } = chooseProbed(all, budget, new Map(), 0);
      const used = all.filter(({ inUse }) => inUse).map(({ key }) => key);
      expect(keys).toEqual(expect.arrayContaining(used));
      const most = Math.max(budget.paths, used.length + budget.turns);
      expect(keys.length).toBeLessThanOrEqual(most);
      expect(keys.length).toBeGreaterThanOrEqual(Math.min(all.length, budget.paths));
      // Nobody outside is better than one who is in by merit: reference by a plain sort.
      const order = [...all].sort((a, b) =>
        (a.expected ?? Infinity) - (b.expected ?? Infinity) || (a.key < b.key ? -1 : 1)
      );
      const merit = order.filter(({ inUse }) => !inUse)
        .slice(0, Math.max(0, budget.paths - budget.turns - used.length));
      for (const { key } of merit) expect(keys).toContain(key);
    }));
  });

  test("everybody has a turn in time, whatever is expected of whom meanwhile", () => {
    const steps = fc.array(prospects, { minLength: 1, maxLength: 1 });
    fc.assert(
      fc.property(steps, budgets, fc.infiniteStream(fc.nat(1000)), ([all], budget, dice) => {
        let last: LastProbed = new Map();
        const seen = new Map(all!.map(({ key }) => [key, -1]));
        const bound = Math.ceil(all!.length / budget.turns);
        for (let round = 0; round < 3 * bound + 3; round++) {
          const now = all!.map((one): Prospect => ({
            ...one,
            expected: dice.next().value,
            inUse: one.inUse && dice.next().value! > 500,
          }));
          const chosen = chooseProbed(now, budget, last, round);
          last = chosen.last;
          for (const key of chosen.keys) seen.set(key, round);
          for (const [key, when] of seen) {
            expect(round - when, `${key} in round ${round}`).toBeLessThanOrEqual(bound);
          }
        }
      }),
    );
  });

  test("the order of the prospects does not matter, and those that are gone are forgotten", () => {
    fc.assert(fc.property(prospects, budgets, (all, budget) => {
      const last = new Map([...all.map(({ key }, index) => [key, index] as const), ["gone!", 1]]);
      const one = chooseProbed(all, budget, last, 99);
      const other = chooseProbed([...all].reverse(), budget, last, 99);
      expect(other.keys).toEqual(one.keys);
      expect(one.last.has("gone!")).toBe(false);
    }));
  });
});
