import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { Constraints } from "../../../src/model/network.ts";
import { Candidates, CandidateSearch, isSimple } from "../../../src/te/candidates.ts";
import {
  constrainedView,
  ShortestPaths,
  shortestThrough,
  wholeView,
} from "../../../src/te/shortest_path.ts";
import { adjacencies, adjacency, buildTopology } from "../../../src/te/topology.ts";
import { allowedBy, asText, best, costOf, everyWay, links } from "./exhaustive.ts";
import { COLORS, forEachPair, randomNetwork, riskyNetwork, siteName } from "./random_network.ts";

// Hundreds of random networks each: seconds where other work shares the processor.
vi.setConfig({ testTimeout: 60_000 });

const runs = { numRuns: 150 };
const names = [1, 2, 5, 7, 30, 199].map(siteName);

const constraints: fc.Arbitrary<Constraints> = fc.record({
  avoidSites: fc.subarray(names, { maxLength: 1 }),
  requireSites: fc.subarray(names, { maxLength: 3 }),
  avoidColors: fc.subarray(COLORS, { maxLength: 1 }),
  requireColors: fc.subarray(COLORS, { maxLength: 2 }),
});

describe("adjacencies", () => {
  test("are both directions of every pair that meets, and nothing else", () => {
    fc.assert(
      fc.property(randomNetwork(), (network) => {
        const found = adjacencies(network);
        const spelled = found.map((one) => `${asText([one])} ${one.cost} ${one.mtu}`);
        const expected = links(network).map((one) => `${asText([one])} ${one.cost} ${one.mtu}`);
        expect(spelled.toSorted()).toEqual(expected.sort());
      }),
      runs,
    );
  });

  test("do not depend on the order of the file", () => {
    fc.assert(
      fc.property(randomNetwork(), (network) => {
        const turned = {
          ...network,
          sites: network.sites.toReversed().map((site) => ({
            ...site,
            uplinks: site.uplinks.toReversed(),
          })),
        };
        expect(adjacencies(turned)).toEqual(adjacencies(network));
      }),
      runs,
    );
  });
});

describe("shortest paths", () => {
  test("are the best of every way there is, ties included", () => {
    fc.assert(
      fc.property(randomNetwork(), (network) => {
        // One object for all pairs, one anew for each: the trees that answer differ, the answer not.
        const kept = new ShortestPaths(wholeView(buildTopology(network)));
        forEachPair(network, (from, to) => {
          const expected = asText(best(everyWay(network, from, to)));
          const { topology } = kept.view;
          const ends = [topology.siteIndex.get(from)!, topology.siteIndex.get(to)!] as const;
          for (const paths of [kept, new ShortestPaths(kept.view)]) {
            expect(asText(spell(paths, paths.path(...ends)))).toBe(expected);
          }
        });
      }),
      runs,
    );
  });
});

describe("constrained paths", () => {
  test("cost what the cheapest allowed way costs, by the cost that is handed in", () => {
    fc.assert(
      fc.property(
        randomNetwork(),
        constraints,
        fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 8, maxLength: 8 }),
        (network, limits, measured) => {
          const topology = buildTopology(network);
          const measure = (index: number) => measured[index % measured.length]!;
          const paths = new ShortestPaths(constrainedView(topology, limits, measure));
          const byText = new Map(
            Array.from(topology.from, (_, index) => [asText([adjacency(topology, index)]), index]),
          );
          const all = links(network).map((link) => ({
            ...link,
            cost: measure(byText.get(asText([link]))!),
          }));
          forEachPair(network, (from, to) => {
            const allowed = everyWay(network, from, to, all).filter((way) =>
              allowedBy(limits, way)
            );
            const known = limits.requireSites.filter((name) => topology.siteIndex.has(name));
            const found = known.length < limits.requireSites.length ? null : shortestThrough(
              paths,
              topology.siteIndex.get(from)!,
              topology.siteIndex.get(to)!,
              known.map((name) => topology.siteIndex.get(name)!),
            );
            const expected = best(allowed);
            expect(found === null).toBe(expected === undefined);
            if (!found || !expected) return;
            expect(found.reduce((sum, hop) => sum + measure(hop), 0)).toBe(costOf(expected));
            const text = asText(spell(paths, found));
            expect(allowed.map((way) => asText(way))).toContain(text);
          });
        },
      ),
      runs,
    );
  });
});

describe("candidates", () => {
  test("are possible, simple, bounded, different, and begin with the best", () => {
    fc.assert(
      fc.property(randomNetwork(), (network) => {
        const paths = new ShortestPaths(wholeView(buildTopology(network)));
        const { topology } = paths.view;
        forEachPair(network, (from, to) => {
          const ways = new Candidates(new CandidateSearch(paths), topology.siteIndex.get(from)!)
            .to(topology.siteIndex.get(to)!);
          const possible = everyWay(network, from, to);
          const spelled = ways.map((way) => asText(spell(paths, way)));
          expect(new Set(spelled).size).toBe(ways.length);
          expect(ways.length).toBeLessThanOrEqual(8);
          expect(ways.every((way) => isSimple(topology, way))).toBe(true);
          const all = new Set(possible.map((way) => asText(way)));
          expect(spelled.every((text) => all.has(text))).toBe(true);
          if (possible.length > 0) expect(spelled[0]).toBe(asText(best(possible)));
          else expect(ways).toEqual([]);
          const direct = possible.filter((way) => way.length === 1).map((way) => asText(way));
          if (possible.length <= 8) expect(spelled).toEqual(expect.arrayContaining(direct));
        });
      }),
      runs,
    );
  });

  test("hold a way that shares no uplink and no transit site with the best, if there is one", () => {
    fc.assert(
      fc.property(randomNetwork(), (network) => {
        const paths = new ShortestPaths(wholeView(buildTopology(network)));
        const { topology } = paths.view;
        forEachPair(network, (from, to) => {
          const possible = everyWay(network, from, to);
          const first = best(possible);
          if (!first) return;
          const apart = possible.filter((way) => disjoint(way, first));
          const found = new Candidates(new CandidateSearch(paths), topology.siteIndex.get(from)!)
            .to(topology.siteIndex.get(to)!)
            .map((way) => spell(paths, way));
          expect(found.some((way) => disjoint(way, first))).toBe(apart.length > 0);
        });
      }),
      runs,
    );
  });

  test("hold one that shares no risk either, if there is one", () => {
    const seen = { clear: 0, shared: 0 };
    fc.assert(
      fc.property(riskyNetwork(), (network) => {
        const paths = new ShortestPaths(wholeView(buildTopology(network)));
        const { topology } = paths.view;
        const byEnd = new Map(
          network.sites.flatMap((site) =>
            site.uplinks.map((uplink) => [`${site.name}.${uplink.name}`, uplink.risks!] as const)
          ),
        );
        const risks = (way: readonly Ends[]) =>
          new Set(
            way.flatMap(({ from, to }) =>
              [from, to].flatMap(({ site, uplink }) => byEnd.get(`${site}.${uplink}`)!)
            ),
          );
        forEachPair(network, (from, to) => {
          const possible = everyWay(network, from, to);
          const first = best(possible);
          if (!first) return;
          const isClear = (way: readonly Ends[]) =>
            disjoint(way, first) && risks(way).isDisjointFrom(risks(first));
          const apart = possible.some((way) => disjoint(way, first));
          const clear = possible.some(isClear);
          if (clear) seen.clear++;
          else if (apart) seen.shared++;
          // Of so few it is none by the way: it has to be searched for.
          for (const limit of [2, 3, 8]) {
            const search = new CandidateSearch(paths, limit);
            const found = new Candidates(search, topology.siteIndex.get(from)!)
              .to(topology.siteIndex.get(to)!)
              .map((way) => spell(paths, way));
            expect(found.some(isClear)).toBe(clear);
            expect(found.some((way) => disjoint(way, first))).toBe(apart);
          }
        });
      }),
      { numRuns: 300 },
    );
    expect(Math.min(seen.clear, seen.shared)).toBeGreaterThan(5);
  });

  test("keep to constraints, and to sites named in order", () => {
    fc.assert(
      fc.property(randomNetwork(), constraints, (network, limits) => {
        const topology = buildTopology(network);
        const site = (name: string) => topology.siteIndex.get(name);
        const required = limits.requireSites.map(site).filter((one) => one !== undefined);
        const view = constrainedView(topology, limits);
        const paths = new ShortestPaths(view);
        const whole = new ShortestPaths(wholeView(topology));
        const kept = {
          ...limits,
          requireSites: limits.requireSites.filter((one) => site(one) !== undefined),
        };
        forEachPair(network, (from, to) => {
          const possible = everyWay(network, from, to);
          const allowed = possible.filter((way) => allowedBy(kept, way)).map((way) => asText(way));
          const found = new Candidates(new CandidateSearch(paths), site(from)!).to(site(to)!, {
            required,
          })
            .map((way) => asText(spell(paths, way)));
          expect(found.every((text) => allowed.includes(text))).toBe(true);
          expect(found.length > 0).toBe(allowed.length > 0);

          const via = required.filter((one) => one !== site(from) && one !== site(to));
          for (
            const way of new Candidates(new CandidateSearch(whole), site(from)!).through(
              site(to)!,
              via,
            )
          ) {
            const order = way.map((hop) => topology.to[hop]!).filter((one) => via.includes(one));
            expect(order).toEqual(via);
            expect(isSimple(topology, way)).toBe(true);
          }
        });
      }),
      runs,
    );
  });
});

type Ends = {
  readonly from: { site: string; uplink: string };
  readonly to: { site: string; uplink: string };
};

function disjoint(a: readonly Ends[], b: readonly Ends[]): boolean {
  const parts = (way: readonly Ends[]) =>
    way.flatMap((hop, index) => [
      `${hop.from.site}.${hop.from.uplink}`,
      `${hop.to.site}.${hop.to.uplink}`,
      ...(index > 0 ? [hop.from.site] : []),
    ]);
  const taken = new Set(parts(b));
  return !parts(a).some((part) => taken.has(part));
}

function spell(paths: ShortestPaths, way: readonly number[] | null) {
  return (way ?? []).map((hop) => adjacency(paths.view.topology, hop));
}
