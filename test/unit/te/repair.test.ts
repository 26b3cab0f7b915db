/** Repairs against every way there is, less those that what failed takes away. */

import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { Network } from "../../../src/model/network.ts";
import { adjacencyRepairs, destinationRepairs, type RepairWay } from "../../../src/te/repair.ts";
import { type Protection, PROTECTIONS } from "../../../src/te/risk.ts";
import { ShortestPaths, wholeView } from "../../../src/te/shortest_path.ts";
import { adjacency, buildTopology, type Topology } from "../../../src/te/topology.ts";
import { asText, best, everyWay, type Link } from "./exhaustive.ts";
import { forEachPair, randomNetwork } from "./random_network.ts";

vi.setConfig({ testTimeout: 60_000 });

/** Some uplinks of a site share a device, some pairs of uplinks a duct. */
const risky = fc.record({
  network: randomNetwork(),
  devices: fc.integer({ min: 1, max: 4 }),
  ducts: fc.integer({ min: 1, max: 5 }),
}).map(({ network, devices, ducts }) => ({
  network: {
    ...network,
    sites: network.sites.map((site) => ({
      ...site,
      uplinks: site.uplinks.map((uplink) => ({
        ...uplink,
        device: `eth${uplink.number % devices}`,
      })),
    })),
  },
  ducts,
}));

test("a destination's repair is the best way that is left, and survives as much as any way can", () => {
  const seen = new Map<Protection | "none", number>();
  fc.assert(
    fc.property(risky, ({ network, ducts }) => {
      const paths = new ShortestPaths(wholeView(buildTopology(network)));
      const { topology } = paths.view;
      const groups = groupsOf(topology, ducts);
      const found = new Map(network.sites.map((site) => {
        const repairs = destinationRepairs(paths, topology.siteIndex.get(site.name)!, groups);
        return [site.name, new Map(repairs.map((one) => [one.destination, one]))];
      }));
      forEachPair(network, (from, to) => {
        const ways = everyWay(network, from, to);
        const primary = best(ways);
        const repair = found.get(from)!.get(topology.siteIndex.get(to)!);
        const expected = primary && strongest(network, ways, primary[0]!, to, ducts);
        const kind = expected?.protects ?? "none";
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        expect(told(topology, repair)).toEqual(expected);
        if (repair) expect(spell(topology, [repair.failed])).toBe(asText([primary![0]!]));
      });
    }),
    { numRuns: 300 },
  );
  for (const kind of [...PROTECTIONS, "none"] as const) expect(seen.get(kind)).toBeGreaterThan(20);
});

test("an adjacency's repair is the best other way to the neighbour", () => {
  fc.assert(
    fc.property(risky, ({ network, ducts }) => {
      const paths = new ShortestPaths(wholeView(buildTopology(network)));
      const { topology } = paths.view;
      const groups = groupsOf(topology, ducts);
      for (const [index, site] of topology.sites.entries()) {
        const repairs = new Map(
          adjacencyRepairs(paths, index, groups).map((one) => [one.failed, one]),
        );
        for (let hop = topology.first[index]!; hop < topology.first[index + 1]!; hop++) {
          const to = topology.sites[topology.to[hop]!]!.name;
          const ways = everyWay(network, site.name, to);
          const failed = ways.find((way) =>
            way.length === 1 && asText(way) === spell(topology, [hop])
          );
          expect(told(topology, repairs.get(hop))).toEqual(
            strongest(network, ways, failed![0]!, to, ducts),
          );
        }
      }
    }),
    { numRuns: 100 },
  );
});

test("without groups, only uplinks and devices share a risk", () => {
  fc.assert(
    fc.property(risky, ({ network }) => {
      const paths = new ShortestPaths(wholeView(buildTopology(network)));
      const none = new Uint32Array(paths.view.topology.from.length);
      for (let site = 0; site < network.sites.length; site++) {
        expect(destinationRepairs(paths, site)).toEqual(destinationRepairs(paths, site, none));
      }
    }),
    { numRuns: 50 },
  );
});

function told(topology: Topology, repair: RepairWay | undefined) {
  return repair && { protects: repair.protects, way: spell(topology, repair.hops) };
}

function strongest(
  network: Network,
  ways: readonly Link[][],
  failed: Link,
  to: string,
  ducts: number,
): { protects: Protection; way: string } | undefined {
  for (const protects of PROTECTIONS) {
    if (protects.includes("node") && failed.to.site === to) continue;
    const left = best(
      ways.filter((way) => !way.some((link) => isTaken(network, link, failed, protects, ducts))),
    );
    if (left) return { protects, way: asText(left) };
  }
  return undefined;
}

function isTaken(
  network: Network,
  link: Link,
  failed: Link,
  protects: Protection,
  ducts: number,
): boolean {
  const turned = (one: Link) => ({ ...one, from: one.to, to: one.from });
  if ([asText([failed]), asText([turned(failed)])].includes(asText([link]))) return true;
  const near = [link.from, link.to];
  if (protects.includes("node") && near.some((end) => end.site === failed.to.site)) return true;
  if (!protects.includes("group")) return false;
  const own = duct(asText([link]), ducts);
  if (own > 0 && own === duct(asText([failed]), ducts)) return true;
  const device = (end: Link["from"]) =>
    network.sites.find((site) => site.name === end.site)!.uplinks
      .find((uplink) => uplink.name === end.uplink)!.device;
  return near.some((end) =>
    [failed.from, failed.to].some((other) =>
      other.site === end.site && device(other) === device(end)
    )
  );
}

/** A number that both directions of a pair have alike; 0 for a part of them. */
function duct(text: string, ducts: number): number {
  const ends = text.split(">").sort().join(" ");
  const sum = [...ends].reduce((total, letter) => (total * 31 + letter.charCodeAt(0)) % 65_521, 7);
  return sum % (2 * ducts) < ducts ? 0 : sum % (2 * ducts);
}

function groupsOf(topology: Topology, ducts: number): Uint32Array {
  return Uint32Array.from(topology.from, (_, hop) => duct(spell(topology, [hop]), ducts));
}

function spell(topology: Topology, hops: readonly number[]): string {
  return asText(hops.map((hop) => adjacency(topology, hop)));
}
