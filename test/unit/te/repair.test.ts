/** Repairs against every way there is, less those that what failed takes away. */

import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { Network } from "../../../src/model/network.ts";
import { adjacencyRepairs, destinationRepairs, type RepairWay } from "../../../src/te/repair.ts";
import { type Protection, PROTECTIONS } from "../../../src/te/risk.ts";
import { ShortestPaths, wholeView } from "../../../src/te/shortest_path.ts";
import { adjacency, buildTopology, type Topology } from "../../../src/te/topology.ts";
import { asText, best, everyWay, type Link } from "./exhaustive.ts";
import { forEachPair, riskyNetwork } from "./random_network.ts";

vi.setConfig({ testTimeout: 60_000 });

test("a destination's repair is the best way that is left, and survives as much as any way can", () => {
  const seen = new Map<Protection | "none", number>();
  fc.assert(
    fc.property(riskyNetwork(), (network) => {
      const paths = new ShortestPaths(wholeView(buildTopology(network)));
      const { topology } = paths.view;
      const found = new Map(network.sites.map((site) => {
        const repairs = destinationRepairs(paths, topology.siteIndex.get(site.name)!);
        return [site.name, new Map(repairs.map((one) => [one.destination, one]))];
      }));
      forEachPair(network, (from, to) => {
        const ways = everyWay(network, from, to);
        const primary = best(ways);
        const repair = found.get(from)!.get(topology.siteIndex.get(to)!);
        const expected = primary && strongest(network, ways, primary[0]!, to);
        const kind = expected?.protects ?? "none";
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        expect(told(topology, repair)).toEqual(expected);
        if (repair) expect(spell(topology, [repair.failed])).toBe(asText([primary![0]!]));
      });
    }),
    { numRuns: 500 },
  );

  for (const kind of [...PROTECTIONS, "none"] as const) expect(seen.get(kind)).toBeGreaterThan(20);
});

test("where the way does not fit, the best one that survives less and fits is taken", () => {
  let [weaker, none] = [0, 0];
  fc.assert(
    fc.property(riskyNetwork(), fc.integer({ min: 0, max: 9 }), (network, salt) => {
      const paths = new ShortestPaths(wholeView(buildTopology(network)));
      const { topology } = paths.view;
      // Every other one, for no reason: what fits has nothing to do with what it survives.
      const isEven = (way: string) =>
        [...way].reduce((sum, one) => (sum * 31 + one.charCodeAt(0)) % 1009, salt) % 2 === 0;
      forEachPair(network, (from, to) => {
        const [site, destination] = [topology.siteIndex.get(from)!, topology.siteIndex.get(to)!];
        const ways = everyWay(network, from, to);
        const primary = best(ways);
        const repair = destinationRepairs(paths, site, (hops) => isEven(spell(topology, hops)))
          .find((one) => one.destination === destination);
        const expected = primary && strongest(
          network,
          ways,
          primary[0]!,
          to,
          (way) => isEven(asText(way)),
        );
        expect(told(topology, repair)).toEqual(expected);
        const whole = primary && strongest(network, ways, primary[0]!, to);
        if (whole && !expected) none++;
        else if (whole?.protects !== expected?.protects) weaker++;
      });
    }),
    { numRuns: 200 },
  );
  expect(Math.min(weaker, none)).toBeGreaterThan(20);
});

test("an adjacency's repair is the best other way to the neighbour", () => {
  fc.assert(
    fc.property(riskyNetwork(), (network) => {
      const paths = new ShortestPaths(wholeView(buildTopology(network)));
      const { topology } = paths.view;
      for (const [index, site] of topology.sites.entries()) {
        const repairs = new Map(
          adjacencyRepairs(paths, index).map((one) => [one.failed, one]),
        );
        for (let hop = topology.first[index]!; hop < topology.first[index + 1]!; hop++) {
          const to = topology.sites[topology.to[hop]!]!.name;
          const ways = everyWay(network, site.name, to);
          const failed = ways.find((way) =>
            way.length === 1 && asText(way) === spell(topology, [hop])
          );
          expect(told(topology, repairs.get(hop))).toEqual(
            strongest(network, ways, failed![0]!, to),
          );
        }
      }
    }),
    { numRuns: 100 },
  );
});

test("a repair that protects the group uses no uplink of the group, nor its device", () => {
  const seen = { far: 0, alone: 0 };
  fc.assert(
    fc.property(riskyNetwork(), (network) => {
      const paths = new ShortestPaths(wholeView(buildTopology(network)));
      const { topology } = paths.view;
      const risksOf = (hop: number) =>
        endsOf(topology, hop).flatMap(([site, number]) =>
          topology.sites[site]!.uplinks.find((one) => one.number === number)!.risks!
        );
      for (let site = 0; site < topology.sites.length; site++) {
        for (const one of [...destinationRepairs(paths, site), ...adjacencyRepairs(paths, site)]) {
          const group = risksOf(one.failed);
          const met = one.hops.flatMap(risksOf).some((risk) => group.includes(risk));
          if (one.protects.includes("group")) {
            expect(met).toBe(false);
            if (group.length > 0) seen.far++;
          } else if (met) {
            seen.alone++;
          }
        }
      }
    }),
    { numRuns: 200 },
  );
  expect(Math.min(seen.far, seen.alone)).toBeGreaterThan(50);
});

function endsOf(topology: Topology, hop: number): (readonly [site: number, uplink: number])[] {
  return [
    [topology.from[hop]!, topology.fromUplink[hop]!],
    [topology.to[hop]!, topology.toUplink[hop]!],
  ];
}

function told(topology: Topology, repair: RepairWay | undefined) {
  return repair && { protects: repair.protects, way: spell(topology, repair.hops) };
}

function strongest(
  network: Network,
  ways: readonly Link[][],
  failed: Link,
  to: string,
  fits: (way: readonly Link[]) => boolean = () => true,
): { protects: Protection; way: string } | undefined {
  for (const protects of PROTECTIONS) {
    if (protects.includes("node") && failed.to.site === to) continue;
    const left = best(
      ways.filter((way) => !way.some((link) => isTaken(network, link, failed, protects))),
    );
    if (left && fits(left)) return { protects, way: asText(left) };
  }
  return undefined;
}

function isTaken(
  network: Network,
  link: Link,
  failed: Link,
  protects: Protection,
): boolean {
  const turned = (one: Link) => ({ ...one, from: one.to, to: one.from });
  if ([asText([failed]), asText([turned(failed)])].includes(asText([link]))) return true;
  const near = [link.from, link.to];
  if (protects.includes("node") && near.some((end) => end.site === failed.to.site)) return true;
  if (!protects.includes("group")) return false;
  const uplink = (end: Link["from"]) =>
    network.sites.find((site) => site.name === end.site)!.uplinks
      .find((one) => one.name === end.uplink)!;
  const group = [failed.from, failed.to].flatMap((end) => uplink(end).risks!);
  if (near.some((end) => uplink(end).risks!.some((risk) => group.includes(risk)))) return true;
  const device = (end: Link["from"]) => uplink(end).device;
  return near.some((end) =>
    [failed.from, failed.to].some((other) =>
      other.site === end.site && device(other) === device(end)
    )
  );
}

function spell(topology: Topology, hops: readonly number[]): string {
  return asText(hops.map((hop) => adjacency(topology, hop)));
}
