/** The slow, plain reference: every way without a site twice, found by trying everything. */

import type { Adjacency, Constraints, Network } from "../../../src/model/network.ts";

/** An adjacency as the reference sees it, worked out anew from the file. */
export interface Link extends Adjacency {
  readonly colors: readonly [string, string];
  /** What ties are broken by: SID of the neighbour, own uplink number, its uplink number. */
  readonly tie: readonly [number, number, number];
}

export function links(network: Network): Link[] {
  const found: Link[] = [];
  for (const near of network.sites) {
    for (const far of network.sites) {
      if (near === far) continue;
      for (const own of near.uplinks) {
        for (const other of far.uplinks) {
          const meets = network.meet.length === 0
            ? own.color === other.color
            : network.meet.some(([a, b]) =>
              (a === own.color && b === other.color) || (b === own.color && a === other.color)
            );
          if (!meets || (!own.endpoint && !other.endpoint)) continue;
          found.push({
            from: { site: near.name, uplink: own.name },
            to: { site: far.name, uplink: other.name },
            cost: Math.max(own.cost, other.cost),
            mtu: Math.min(own.mtu, other.mtu),
            colors: [own.color, other.color],
            tie: [far.sid, own.number, other.number],
          });
        }
      }
    }
  }
  return found;
}

/** Every simple way between two sites that passes only through transit sites. */
export function everyWay(
  network: Network,
  from: string,
  to: string,
  all = links(network),
): Link[][] {
  const transit = new Set(network.sites.filter((site) => site.transit).map((site) => site.name));
  const ways: Link[][] = [];
  const extend = (site: string, way: Link[], seen: Set<string>) => {
    if (site === to) return void ways.push(way);
    if (site !== from && !transit.has(site)) return;
    for (const link of all) {
      if (link.from.site !== site || seen.has(link.to.site)) continue;
      extend(link.to.site, [...way, link], new Set(seen).add(link.to.site));
    }
  };
  extend(from, [], new Set([from]));
  return ways;
}

export function allowedBy(constraints: Constraints, way: readonly Link[]): boolean {
  const inside = way.slice(1).map((link) => link.from.site);
  const passed = [way[0]!.from.site, ...way.map((link) => link.to.site)];
  const colors = way.flatMap((link) => link.colors);
  return !constraints.avoidSites.some((site) => inside.includes(site)) &&
    constraints.requireSites.every((site) => passed.includes(site)) &&
    !constraints.avoidColors.some((color) => colors.includes(color)) &&
    (constraints.requireColors.length === 0 ||
      colors.every((color) => constraints.requireColors.includes(color)));
}

export function costOf(way: readonly Link[]): number {
  return way.reduce((sum, link) => sum + link.cost, 0);
}

export function best(ways: readonly Link[][]): Link[] | undefined {
  return inOrder(ways)[0];
}

/** By cost, then hops, then the smaller tie-break at the first hop where two part. */
export function inOrder(ways: readonly Link[][]): Link[][] {
  return [...ways].sort((a, b) => {
    if (costOf(a) !== costOf(b)) return costOf(a) - costOf(b);
    if (a.length !== b.length) return a.length - b.length;
    for (let hop = 0; hop < a.length; hop++) {
      for (let field = 0; field < 3; field++) {
        const difference = a[hop]!.tie[field]! - b[hop]!.tie[field]!;
        if (difference !== 0) return difference;
      }
    }
    return 0;
  });
}

export function asText(hops: readonly Adjacency[] | undefined): string {
  const spell = (hop: Adjacency) =>
    `${hop.from.site}.${hop.from.uplink}>${hop.to.site}.${hop.to.uplink}`;
  return (hops ?? []).map(spell).join(",");
}
