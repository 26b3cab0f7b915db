/** When a file that turns ways comes to its next phase. The ways themselves: `sr/transition.test.ts`. */

import { describe, expect, test } from "vitest";
import type { Network } from "../../../src/model/network.ts";
import type { Instant } from "../../../src/model/quantity.ts";
import { Plans } from "../../../src/router/plans.ts";
import type { Heard } from "../../../src/router/rollout.ts";
import { toNetwork } from "../te/random_network.ts";

const HOLD = 30_000;

/** Sites 1, 2 and 3 in a row; 3 reaches 4 directly, and 1 does, too. */
function network(generation: number, costs: Readonly<Record<string, number>>): Network {
  const up = { endpoint: true, metered: false, mtu: 1500 };
  return toNetwork({
    sites: [1, 2, 3, 4].map((sid) => ({
      sid,
      transit: true,
      uplinks: Object.entries(costs).filter(([pair]) => pair.includes(`${sid}`))
        .map(([pair, cost]) => {
          const other = Number(pair.replace(`${sid}`, ""));
          return { ...up, number: other, color: `link${pair}`, cost };
        }),
      segments: [1],
    })),
    meet: [],
    penultimate: "pop",
    policies: [],
  }, `000000000000000${generation}`);
}

const BEFORE = network(1, { "12": 1, "23": 1, "34": 1, "13": 5, "14": 9 });
const AFTER = network(2, { "12": 1, "23": 1, "34": 20, "13": 1, "14": 1 });

function configurationOf(network: Network) {
  const site = network.sites.find((one) => one.name === "site3")!;
  return { network, site, backends: {} };
}

function heard(runs: Record<number, "same" | "other">): Heard {
  return new Map(Object.entries(runs).map(([sid, told]) => [Number(sid), told]));
}

const ALL = heard({ 1: "same", 2: "same", 4: "same" });

/** Ran the one, and reads the other at 0. */
function reloaded(network: Network = AFTER) {
  const plans = new Plans();
  const before = plans.configure(configurationOf(BEFORE), -1000 as Instant);
  plans.configure(configurationOf(network), 0 as Instant);
  return {
    plans,
    before,
    roll: (at: number, heard: Heard | null = null) => plans.roll(heard, at as Instant),
    phase: () => plans.rollout?.phase ?? "settled",
    until: () => plans.rollout!.until,
    /** The neighbour that packets for site 4 go to, and with which labels. */
    towards4: () => {
      const { labels, adjacencies } = plans.table;
      const { action } = labels.find((one) => one.label === 16004)!;
      const [hop] = (action as { forward: { adjacency: number; labels: number[] }[] }).forward;
      return [adjacencies[hop!.adjacency]!.remote_site, ...hop!.labels];
    },
  };
}

describe("a file that turns ways", () => {
  test("keeps the former way for the hold time, follows the new one for as long, and comes to rest", () => {
    const { roll, phase, until, towards4, plans } = reloaded();
    expect(phase()).toBe("segment-routed");
    expect(towards4()).toEqual([4]);
    expect(plans.rollout!.awaited).toEqual(["site1", "site2", "site4"]);
    roll(1000, ALL);
    expect(until()).toBe(HOLD);
    expect(roll(HOLD - 1)).toMatchObject({ lines: [], relabelled: false });
    expect(roll(HOLD).relabelled).toBe(true);
    expect(phase()).toBe("switched");
    expect(towards4()).toEqual([1, 16004]);
    roll(2 * HOLD);
    expect(phase()).toBe("settled");
    const fresh = new Plans().configure(configurationOf(AFTER), 0 as Instant);
    // The order of paths is that of the selection, which goes on.
    expect([plans.table.labels, plans.table.lists]).toEqual([fresh.labels, fresh.lists]);
    expect(plans.candidates).toEqual(candidatesOf(AFTER));
  });

  test("does not wait for ever for a neighbour that says nothing", () => {
    const { roll, phase, until, towards4 } = reloaded();
    roll(1000, heard({ 2: "same", 4: "same" }));
    expect(until()).toBe(20 * HOLD);
    roll(20 * HOLD);
    expect(phase()).toBe("switched");
    // By site 1, which may run the former file and would send it back.
    expect(towards4()).toEqual([1, 100000 + 4 * 64 + 4 * 8 + 1]);
    roll(21 * HOLD);
    expect(phase()).toBe("settled");
  });

  test("is not at rest beside a neighbour that is known to run another", () => {
    const { roll, phase, until, towards4 } = reloaded();
    roll(20 * HOLD, heard({ 1: "other", 2: "same", 4: "same" }));
    expect(phase()).toBe("switched");
    expect(until()).toBe(null);
    expect(roll(1000 * HOLD).relabelled).toBe(false);
    expect(towards4()).toEqual([1, 100000 + 4 * 64 + 4 * 8 + 1]);
    roll(1000 * HOLD + 1, ALL);
    expect(phase()).toBe("settled");
    expect(towards4()).toEqual([1, 16004]);
  });

  test("waits as long when the clock is set back", () => {
    const { roll, phase } = reloaded();
    roll(1000, ALL);
    roll(-1_000_000);
    roll(-1_000_000 + HOLD - 1001);
    expect(phase()).toBe("segment-routed");
    roll(-1_000_000 + HOLD - 1000);
    expect(phase()).toBe("switched");
  });

  test("that is read again goes on where it was; another begins with what runs", () => {
    const { plans, roll, phase, until, towards4 } = reloaded();
    plans.configure(configurationOf({ ...AFTER }), 10_000 as Instant);
    roll(10_000, ALL);
    expect(until()).toBe(HOLD);
    const other = network(3, { "12": 1, "23": 1, "34": 20, "13": 1, "14": 2 });
    plans.configure(configurationOf(other), 20_000 as Instant);
    expect(phase()).toBe("segment-routed");
    // Still by the first of the three.
    expect(towards4()).toEqual([4]);
    roll(20_000, ALL);
    expect(until()).toBe(20_000 + HOLD);
  });

  test("that cannot run leaves nothing behind", () => {
    const { plans, before, phase } = reloaded();
    expect(plans.revert(1000 as Instant)).toEqual(before);
    expect(phase()).toBe("settled");
  });
});

test("a file that turns no way has no phases", () => {
  const twice = Object.fromEntries(
    Object.entries({ "12": 1, "23": 1, "34": 1, "13": 5, "14": 9 })
      .map(([pair, cost]) => [pair, 2 * cost]),
  );
  const { phase, plans, roll } = reloaded(network(2, twice));
  expect(phase()).toBe("settled");
  expect(roll(1000, ALL)).toMatchObject({ lines: [], relabelled: false });
  expect(plans.table).toEqual(
    new Plans().configure(configurationOf(network(2, twice)), 0 as Instant),
  );
});

test("a router that knows nothing of a file before is at rest", () => {
  const plans = new Plans();
  plans.configure(configurationOf(AFTER), 0 as Instant);
  expect(plans.rollout).toBe(null);
});

function candidatesOf(network: Network) {
  const plans = new Plans();
  plans.configure(configurationOf(network), 0 as Instant);
  return plans.candidates;
}
