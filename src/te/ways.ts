/** Ways as arrays of adjacency indices: their order, and those that pass named sites. */

import type { ShortestPaths, View } from "./shortest_path.ts";
import { between, type Topology } from "./topology.ts";

/** Ways of one leg, and partial ways, that are combined further. */
export const BEAM = 16;

/** A way as adjacency indices of the topology. */
export type Way = readonly number[];

/** Does the way enter no site twice (its ingress included)? */
export function isSimple(
  { from, to }: Topology,
  hops: ArrayLike<number>,
  start = 0,
  length = hops.length,
): boolean {
  for (let end = start + 1; end <= start + length; end++) {
    const site = to[hops[end - 1]!]!;
    for (let at = start; at < end; at++) if (from[hops[at]!] === site) return false;
  }
  return true;
}

/** Without those that are there twice: cheapest first, then fewer hops, then smaller indices. */
export function ordered({ cost }: View, ways: readonly Way[]): Way[] {
  const sums = new Map(ways.map((way) => [way, way.reduce((sum, hop) => sum + cost[hop]!, 0)]));
  const sorted = [...ways].sort((a, b) =>
    sums.get(a)! - sums.get(b)! || a.length - b.length || compareHops(a, b)
  );
  return sorted.filter((way, index) => index === 0 || compareHops(way, sorted[index - 1]!) !== 0);
}

/** The best ways that pass `via` in this order, in order themselves. */
export function waysThrough(
  paths: ShortestPaths,
  from: number,
  egress: number,
  via: readonly number[],
): Way[] {
  const { topology, transit } = paths.view;
  if (via.some((site) => transit[site] !== 1)) return [];
  let ways: Way[] = [[]];
  let site = from;
  for (const next of [...via, egress]) {
    const leg = oneLeg(paths, site, next);
    const longer = ways.flatMap((way) => leg.map((hops) => [...way, ...hops]));
    const simple = longer.filter((way) => isSimple(topology, way));
    ways = ordered(paths.view, simple).slice(0, BEAM);
    site = next;
  }
  return ways;
}

/** Every direct adjacency, and the shortest path where that is another. */
function oneLeg(paths: ShortestPaths, from: number, to: number): Way[] {
  const { topology, usable } = paths.view;
  const [low, high] = between(topology, from, to);
  const ways: Way[] = [];
  for (let hop = low; hop < high; hop++) if (usable[hop] === 1) ways.push([hop]);
  const shortest = paths.path(from, to);
  if (shortest && shortest.length > 1) ways.push(shortest);
  // Between two sites with eight uplinks each there are 64: the cheapest of them go on.
  return ordered(paths.view, ways).slice(0, BEAM);
}

function compareHops(a: Way, b: Way): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    if (a[index] !== b[index]) return a[index]! - b[index]!;
  }
  return a.length - b.length;
}
