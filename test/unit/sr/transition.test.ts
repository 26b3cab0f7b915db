/** A new file reaches the routers one by one: packets walked through every mixture of them. */

import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { SegmentList, Table } from "../../../src/model/boundary.ts";
import type { Network } from "../../../src/model/network.ts";
import { compileTable } from "../../../src/sr/compile.ts";
import { Former } from "../../../src/sr/former.ts";
import { type Survey, survey } from "../../../src/sr/survey.ts";
import type { Transition } from "../../../src/sr/transition.ts";
import { adjacency, buildTopology, type Topology } from "../../../src/te/topology.ts";
import { siteName, toNetwork } from "../te/random_network.ts";
import { type Arrival, spellAdjacency, type Tables, walk } from "./walk.ts";

vi.setConfig({ testTimeout: 120_000 });

const SITES = 6;
const SITE_NUMBERS = Array.from({ length: SITES }, (_, site) => site);
const PAIRS = SITE_NUMBERS.flatMap((a) =>
  SITE_NUMBERS.filter((b) => a < b).map((b) => [a, b] as const)
);

/** Costs of one link by the old file and the new one; 0: not there. Far apart, for long ways round. */
const cost = fc.constantFrom(1, 2, 3, 5, 9, 20);
const link = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(cost, cost) },
  { weight: 3, arbitrary: fc.constant([0, 0] as const) },
  { weight: 1, arbitrary: fc.tuple(fc.constant(0), cost) },
  { weight: 1, arbitrary: fc.tuple(cost, fc.constant(0)) },
);

interface Change {
  readonly before: Network;
  readonly after: Network;
}

type Costs = readonly (readonly [before: number, after: number])[];

/** Every pair of sites may have one link, between two uplinks with a color of their own. */
function changeOf(
  links: Costs,
  transit: (site: number, which: 0 | 1) => boolean = () => true,
  penultimate: Network["penultimate"] = "pop",
): Change {
  const network = (which: 0 | 1) =>
    toNetwork({
      sites: Array.from({ length: SITES }, (_, site) => ({
        sid: site + 1,
        transit: transit(site, which),
        uplinks: PAIRS.flatMap(([a, b], index) => {
          const cost = links[index]![which];
          if (cost === 0 || (a !== site && b !== site)) return [];
          const number = site === a ? b : a;
          const color = `link${index}`;
          return [{ number, color, endpoint: true, metered: false, cost, mtu: 1500 }];
        }),
        segments: [1],
      })),
      meet: [],
      penultimate,
      policies: [],
    }, `000000000000000${which}`);
  return { before: network(0), after: network(1) };
}

const change: fc.Arbitrary<Change> = fc.record({
  links: fc.array(link, { minLength: PAIRS.length, maxLength: PAIRS.length }),
  ends: fc.array(fc.boolean(), { minLength: SITES, maxLength: SITES }),
  becomes: fc.option(fc.integer({ min: 0, max: SITES - 1 }), { nil: null }),
  penultimate: fc.constantFrom("pop" as const, "explicit-null" as const),
}).map(({ links, ends, becomes, penultimate }) => {
  // Most sites may be passed through, or there is nothing to go round.
  const transit = (site: number, which: 0 | 1) =>
    (site < 4 || ends[site]!) !== (which === 1 && becomes === site);
  return changeOf(links, transit, penultimate);
});

type State = "old" | "segment-routed" | "switched" | "settled";

/** What each site has come to. */
type States = readonly State[];

/** A change, and mixtures of routers while it arrives; which neighbours they have heard of. */
function mixtures(...states: State[]) {
  const mixture = fc.tuple(
    fc.array(fc.constantFrom(...states), { minLength: SITES, maxLength: SITES }),
    fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }).map(
      (heard) => (site: number, other: number) => heard[(site * 7 + other) % 40]!,
    ),
  );
  return fc.tuple(change, fc.array(mixture, { minLength: 6, maxLength: 6 }));
}

test("three routers, of which one has read the file, do not send a packet round", () => {
  const costs: Record<string, readonly [number, number]> = {
    "0-1": [1, 1],
    "1-2": [1, 1],
    "2-3": [1, 20],
    "0-2": [5, 1],
    "0-3": [9, 1],
  };
  const links = PAIRS.map(([a, b]) => costs[`${a}-${b}`] ?? [0, 0] as const);
  const two = changeOf(links);
  // Site 1 goes by 2 and 3 to 4, by the new file by 1 and 4.
  const states = SITE_NUMBERS.map((site): State => site === 2 ? "switched" : "old");
  const out = (tables: Tables) =>
    tables.get("site1")!.adjacencies.findIndex(({ remote_site }) => remote_site === 2);
  const naive = mix(two, unguarded(states));
  expect(walk(naive, "site1", out(naive), [16004, 0]).reason).toBe("ttl-expired");
  const tables = mix(two, states);
  const arrival = walk(tables, "site1", out(tables), [16004, 0]);
  expect(arrival).toMatchObject({ outcome: "local", site: "site4" });
  expect(arrival.hops.map((hop) => hop.spelled)).toEqual([
    "site1.up1>site2.up0",
    "site2.up2>site3.up1",
    "site3.up0>site1.up2",
    "site1.up3>site4.up0",
  ]);
});

test("no packet goes in circles, whoever has read the file, and whatever they know of each other", () => {
  const seen = { circles: 0, arrived: 0, dropped: 0 };
  fc.assert(
    fc.property(mixtures("old", "segment-routed", "switched", "settled"), ([two, all]) => {
      const { topology } = surveysOf(two.after)[0]!.labelling.paths.view;
      for (const [wanted, hears] of all) {
        // Whoever has settled knows that its neighbours have read the file.
        const states = wanted.map((state, site): State =>
          state === "settled" && neighbours(topology, site).some((one) => wanted[one] === "old")
            ? "switched"
            : state
        );
        forEachNodeSid(mix(two, unguarded(states)), ({ reason }) => {
          // A circle of two is cut by the rule that nothing goes back the way it came.
          if (reason === "ttl-expired" || reason === "would-return") seen.circles++;
        });
        const tables = mix(two, states, hears);
        forEachNodeSid(tables, (arrival, target) => {
          expect(arrival.reason).not.toBe("ttl-expired");
          // On the way by the old file and, from the first router with the new one on, once more.
          expect(mostVisits(arrival)).toBeLessThanOrEqual(2);
          if (arrival.outcome === "local") {
            expect(arrival.site).toBe(target);
            seen.arrived++;
          } else seen.dropped++;
        });
        forEachList(tables, (table, list) => {
          const arrival = walk(tables, table.site.name, list.adjacency, [...list.labels, 0]);
          expect(arrival.reason).not.toBe("ttl-expired");
        });
      }
    }),
    { numRuns: 80 },
  );
  expect(seen.circles).toBeGreaterThan(50);
  expect(seen.arrived).toBeGreaterThan(seen.dropped * 3);
});

test("paths of who has read the new file keep to their hops, there and back, in any mixture", () => {
  keepToTheirHops(
    ["old", "segment-routed", "switched"],
    (two) => (table) => table.generation === two.after.generation,
  );
});

test("paths of who has not keep to theirs while the others are segment-routed", () => {
  keepToTheirHops(["old", "segment-routed"], () => () => true);
});

/** Of the paths that both files have; without the transition many would not. */
function keepToTheirHops(
  allowed: readonly State[],
  meantOf: (two: Change) => (table: Table) => boolean,
): void {
  const seen = { exact: 0, strayed: 0 };
  fc.assert(
    fc.property(mixtures(...allowed), ([two, all]) => {
      const common = both(two);
      const meant = meantOf(two);
      for (const [states, hears] of all) {
        const naive = mix(two, unguarded(states));
        forEachList(naive, (table, list) => {
          if (meant(table) && common(table, list) && !isExact(naive, table, list)) seen.strayed++;
        });
        const tables = mix(two, states, hears);
        forEachList(tables, (table, list) => {
          if (!meant(table) || !common(table, list)) return;
          seen.exact++;
          expect(isExact(tables, table, list)).toBe(true);
        });
      }
    }),
    { numRuns: 40 },
  );
  expect(seen.exact).toBeGreaterThan(1000);
  expect(seen.strayed).toBeGreaterThan(100);
}

test("once all have switched, stacks may be short again one router after the other", () => {
  let short = 0;
  fc.assert(
    fc.property(mixtures("switched", "settled"), ([two, all]) => {
      for (const [states, hears] of all) {
        const tables = mix(two, states, hears);
        const long = mix(two, states.map(() => "switched"));
        forEachList(tables, (table, list) => {
          expect(isExact(tables, table, list)).toBe(true);
          const before = long.get(table.site.name)!.lists.find((one) => one.key === list.key)!;
          if (list.labels.length < before.labels.length) short++;
        });
      }
    }),
    { numRuns: 40 },
  );
  expect(short).toBeGreaterThan(100);
});

/** The same routers if each did at once what the new file says. */
function unguarded(states: States): States {
  return states.map((state) => state === "old" ? state : "settled");
}

const surveyed = new WeakMap<Network, Survey[]>();

/** By index of the site. */
function surveysOf(network: Network): Survey[] {
  let known = surveyed.get(network);
  if (known === undefined) {
    known = network.sites.map(({ name }) => survey(network, name));
    surveyed.set(network, known);
  }
  return known;
}

function mix(
  { before, after }: Change,
  states: States,
  hears: (site: number, other: number) => boolean = () => false,
): Tables {
  const old = surveysOf(before);
  const fresh = surveysOf(after);
  return new Map(after.sites.map(({ name }, site): [string, Table] => {
    const state = states[site]!;
    if (state === "old") return [name, compileTable(old[site]!, "embedded")];
    const former = new Former(old[site]!.labelling.paths);
    const transition: Transition = {
      formers: [former],
      held: state === "segment-routed" ? former : null,
      joined: new Set(
        states.flatMap((one, other) => one !== "old" && hears(site, other) ? [other + 1] : []),
      ),
    };
    const during = state === "settled" ? null : transition;
    return [name, compileTable(fresh[site]!, "embedded", new Map(), new Set(), during)];
  }));
}

function neighbours(topology: Topology, site: number): number[] {
  return [...topology.to.slice(topology.first[site], topology.first[site + 1])];
}

/** As a packet leaves each router on each of its entries for another site. */
function forEachNodeSid(tables: Tables, visit: (arrival: Arrival, target: string) => void): void {
  for (const table of tables.values()) {
    for (const { label, action } of table.labels) {
      if (label >= 28000 || typeof action === "string" || !("forward" in action)) continue;
      const { adjacency, labels } = action.forward[0]!;
      visit(walk(tables, table.site.name, adjacency, [...labels, 0]), siteName(label - 16000));
    }
  }
}

function forEachList(tables: Tables, visit: (table: Table, list: SegmentList) => void): void {
  for (const table of tables.values()) table.lists.forEach((list) => visit(table, list));
}

/** Whether every hop is in both files, between sites that may be passed through in both. */
function both({ before, after }: Change) {
  const hops = [before, after].map((network) => {
    const topology = buildTopology(network);
    return new Set(Array.from(topology.from, (_, hop) => {
      const { from, to } = adjacency(topology, hop);
      return `${from.site}.${from.uplink}>${to.site}.${to.uplink}`;
    }));
  });
  const closed = new Set(
    [before, after].flatMap(({ sites }) => sites.filter((one) => !one.transit))
      .map(({ name }) => name),
  );
  return (table: Table, list: SegmentList) =>
    spelled(table, list).every((hop, index) =>
      hops.every((known) => known.has(hop)) && (index === 0 || !closed.has(hop.split(".")[0]!))
    );
}

function isExact(tables: Tables, table: Table, list: SegmentList): boolean {
  const wanted = spelled(table, list);
  const there = walk(tables, table.site.name, list.adjacency, [...list.labels, 0]);
  if (there.outcome !== "local" || hopsOf(there) !== wanted.join()) return false;
  const back = wanted.map((hop) => hop.split(">").reverse().join(">")).reverse();
  const egress = tables.get(there.site)!;
  const first = egress.adjacencies.findIndex((_, at) => spellAdjacency(egress, at) === back[0]);
  const answer = walk(tables, there.site, first, [...list.return_labels, 0]);
  return answer.outcome === "local" && hopsOf(answer) === back.join();
}

function hopsOf(arrival: Arrival): string {
  return arrival.hops.map((hop) => hop.spelled).join();
}

function mostVisits(arrival: Arrival): number {
  const visits = new Map<string, number>();
  for (const hop of arrival.hops) {
    const site = hop.spelled.split(".")[0]!;
    visits.set(site, (visits.get(site) ?? 0) + 1);
  }
  return Math.max(...visits.values());
}

/** `up0>site2.up3,up1>site5.up0` of site1 → each hop with the site that it leaves. */
function spelled(table: Table, list: SegmentList): string[] {
  let site = table.site.name;
  return list.key.split(",").map((hop) => {
    const whole = `${site}.${hop}`;
    site = hop.split(">")[1]!.split(".")[0]!;
    return whole;
  });
}
