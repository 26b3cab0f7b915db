/** What is known of pairs that are alike is what each pair would find alone. */

import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { Network } from "../../../src/model/network.ts";
import { Candidates, CandidateSearch } from "../../../src/te/candidates.ts";
import { KEPT_AT_MOST } from "../../../src/te/known_pairs.ts";
import { ShortestPaths, type View, wholeView } from "../../../src/te/shortest_path.ts";
import { buildTopology } from "../../../src/te/topology.ts";
import { type NetworkShape, type SiteShape, toNetwork } from "./random_network.ts";

vi.setConfig({ testTimeout: 60_000 });

/** Few kinds of sites, several of each: marks and indices differ, what they may do does not. */
const manyAlike: fc.Arbitrary<NetworkShape> = fc.record({
  kinds: fc.array(
    fc.record({
      transit: fc.boolean(),
      uplinks: fc.uniqueArray(
        fc.record({
          number: fc.integer({ min: 0, max: 7 }),
          color: fc.constantFrom("internet", "lte"),
          endpoint: fc.boolean(),
          metered: fc.constant(false),
          cost: fc.integer({ min: 0, max: 2 }),
          mtu: fc.constant(1500),
        }),
        { minLength: 1, maxLength: 3, selector: (uplink) => uplink.number },
      ),
    }),
    { minLength: 2, maxLength: 4 },
  ),
  /** By site. */
  drawn: fc.array(
    fc.record({
      kind: fc.nat(),
      skipped: fc.integer({ min: 1, max: 9 }),
      /** Has each color's uplinks where others of its kind have the other's. */
      turned: fc.boolean(),
    }),
    { minLength: 6, maxLength: 14 },
  ),
  meet: fc.constantFrom<NetworkShape["meet"]>([], [["internet", "internet"], ["lte", "internet"]]),
}).map(({ kinds, drawn, meet }) => {
  let sid = 0;
  const sites = drawn.map(({ kind, skipped, turned }): SiteShape => {
    sid += skipped;
    const { transit, uplinks } = kinds[kind % kinds.length]!;
    return {
      sid,
      transit,
      uplinks: uplinks.map((one) =>
        turned ? { ...one, color: one.color === "lte" ? "internet" : "lte" } : one
      ),
      segments: [],
    };
  });
  return { sites, meet, penultimate: "pop", policies: [] };
});

/** Risks of each site's first uplink, going round; mostly there are none. */
const ducts = fc.oneof(
  { weight: 2, arbitrary: fc.constant<string[][]>([[]]) },
  fc.array(fc.constantFrom<string[]>([], [], ["duct-1"], ["duct-2", "duct-1"]), {
    minLength: 1,
    maxLength: 5,
  }),
);
/** Of all uplinks of a site: a name of its own, or one that so many neighbours in the file share. */
const houses = fc.constantFrom(0, 0, 0, 1, 2, 3);

function withRisks(
  network: Network,
  ducts: readonly (readonly string[])[],
  houses: number,
): Network {
  const sites = network.sites.map((site, index) => {
    const house = houses === 0 || index % 4 === 3 ? [] : [`house-${Math.floor(index / houses)}`];
    return {
      ...site,
      uplinks: site.uplinks.map((uplink, at) => ({
        ...uplink,
        risks: at === 0 ? [...house, ...ducts[index % ducts.length]!] : at === 1 ? house : [],
      })),
    };
  });
  return { ...network, sites };
}

/** Links that are away, both directions together, and costs that differ by direction. */
const disturbance = fc.record({
  away: fc.array(fc.nat(), { maxLength: 3 }),
  dearer: fc.array(fc.record({ hop: fc.nat(), by: fc.constantFrom(0.1, 0.2, 1) }), {
    maxLength: 3,
  }),
});

describe("sites that are alike", () => {
  test("have the candidates that each has alone, by all orders of asking", () => {
    let [shared, alone] = [0, 0];
    fc.assert(
      fc.property(
        manyAlike,
        ducts,
        houses,
        disturbance,
        fc.integer({ min: 1, max: 9 }),
        // Mostly room for all; at times so little that what is known is forgotten under way.
        fc.constantFrom(KEPT_AT_MOST, KEPT_AT_MOST, 40),
        fc.boolean(),
        (shape, ducts, houses, { away, dearer }, limit, keep, backwards) => {
          const topology = buildTopology(withRisks(toNetwork(shape), ducts, houses));
          const whole = wholeView(topology);
          const view: View = { ...whole, cost: whole.cost.slice() };
          const hops = topology.from.length;
          for (const hop of hops > 0 ? away : []) {
            view.usable[hop % hops] = view.usable[topology.reverse[hop % hops]!] = 0;
          }
          for (const { hop, by } of hops > 0 ? dearer : []) view.cost[hop % hops]! += by;

          const search = new CandidateSearch(new ShortestPaths(view), limit, keep);
          const recall = vi.spyOn(search.known, "recall");
          const sites = topology.sites.map((_, site) => site);
          if (backwards) sites.reverse();
          for (const from of sites) {
            const candidates = new Candidates(search, from);
            for (const to of sites) {
              if (to === from) continue;
              const own = new CandidateSearch(new ShortestPaths(view), limit);
              expect(handedOver(candidates, to)).toEqual(handedOver(new Candidates(own, from), to));
            }
          }
          for (const { value } of recall.mock.results) value ? shared++ : alone++;
        },
      ),
      { numRuns: 300 },
    );
    // The networks are such that the property says something.
    expect(shared).toBeGreaterThan(alone / 4);
  });
});

function handedOver(candidates: Candidates, to: number): string[] {
  const ways: string[] = [];
  candidates.visit(to, (hops, length, cost) => {
    ways.push(`${hops.subarray(0, length).join(" ")}: ${cost}`);
  });
  return ways;
}
