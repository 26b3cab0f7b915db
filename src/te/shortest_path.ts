/**
 * Shortest paths that every router of one generation computes alike, and constrained ones (CSPF).
 *
 * Between two ways the lower sum of costs wins, then fewer hops, then at the first site where they
 * part the smaller adjacency index (SID of the neighbour, own uplink number, its uplink number).
 * (cost, hops) falls strictly at each hop, so hop-by-hop forwarding by these next hops cannot loop.
 */

import FlatQueue from "flatqueue";
import type { Constraints } from "../model/network.ts";
import type { Topology } from "./topology.ts";

/** What of a topology may be used, and at which cost. */
export interface View {
  readonly topology: Topology;
  /** By adjacency; never negative. */
  readonly cost: Float64Array;
  /** By adjacency: 1 usable. */
  readonly usable: Uint8Array;
  /** By site: 1 may be passed through. */
  readonly transit: Uint8Array;
}

/** Everything, at the costs of the file: what node SIDs follow. */
export function wholeView(topology: Topology): View {
  return {
    topology,
    cost: topology.cost,
    usable: new Uint8Array(topology.from.length).fill(1),
    transit: topology.transit,
  };
}

/**
 * The part that constraints allow. Avoided sites may still begin or end a path: they are avoided as
 * transit. A hop has a color at both ends; avoiding looks at either, requiring at both.
 * `requireSites` is not of one hop: hand it to {@link shortestThrough}.
 */
export function constrainedView(
  topology: Topology,
  constraints: Constraints,
  cost: (adjacency: number) => number = (index) => topology.cost[index]!,
): View {
  const avoid = new Set(constraints.avoidColors);
  const require = new Set(constraints.requireColors);
  const colors = topology.sites.map((site) => {
    const byNumber: string[] = [];
    for (const uplink of site.uplinks) byNumber[uplink.number] = uplink.color;
    return byNumber;
  });
  const allowed = (color: string) =>
    !avoid.has(color) && (require.size === 0 || require.has(color));
  const usable = Uint8Array.from(topology.from, (from, index) =>
    Number(
      allowed(colors[from]![topology.fromUplink[index]!]!) &&
        allowed(colors[topology.to[index]!]![topology.toUplink[index]!]!),
    ));
  const transit = topology.transit.slice();
  for (const name of constraints.avoidSites) {
    const site = topology.siteIndex.get(name);
    if (site !== undefined) transit[site] = 0;
  }
  return {
    topology,
    cost: Float64Array.from(topology.from, (_, index) => cost(index)),
    usable,
    transit,
  };
}

/** Shortest paths of one view; trees are grown when first asked for and kept. */
export class ShortestPaths {
  readonly view: View;
  readonly #outward = new Map<number, Tree>();
  readonly #inward = new Map<number, Tree>();

  constructor(view: View) {
    this.view = view;
  }

  /** First adjacency of the shortest path, or -1. */
  next(from: number, to: number): number {
    if (from === to) return -1;
    return this.#choose(from, to, (tree) => tree.next[to]!, (tree) => tree.next[from]!);
  }

  /** Sum of costs, or Infinity. */
  distance(from: number, to: number): number {
    return this.#choose(from, to, (tree) => tree.distance[to]!, (tree) => tree.distance[from]!);
  }

  /** Adjacencies of the shortest path; null: there is none. */
  path(from: number, to: number): number[] | null {
    const hops: number[] = [];
    for (let site = from; site !== to;) {
      const hop = this.next(site, to);
      if (hop < 0) return null;
      hops.push(hop);
      site = this.view.topology.to[hop]!;
    }
    return hops;
  }

  // A tree answers for every other end of its root. Sites that may transit are few and asked for
  // over and over, so trees grow from them (or from an ingress asked before); otherwise towards
  // the destination.
  #choose(
    from: number,
    to: number,
    outward: (tree: Tree) => number,
    inward: (tree: Tree) => number,
  ): number {
    const kept = this.#outward.get(from);
    if (kept) return outward(kept);
    const other = this.#inward.get(to);
    if (other) return inward(other);
    if (this.view.transit[from] === 1) return outward(this.growFrom(from));
    const grown = grow(this.view, to, "inward");
    this.#inward.set(to, grown);
    return inward(grown);
  }

  /** Grows the tree of an ingress that will be asked for many destinations. */
  growFrom(site: number): Tree {
    const grown = this.#outward.get(site) ?? grow(this.view, site, "outward");
    this.#outward.set(site, grown);
    return grown;
  }
}

/** One path, without keeping a tree: searched from the destination, until the source is reached. */
export function pathTowards(view: View, from: number, to: number): number[] | null {
  const { next } = grow(view, to, "inward", from);
  const hops: number[] = [];
  for (let site = from; site !== to; site = view.topology.to[hops.at(-1)!]!) {
    if (next[site]! < 0) return null;
    hops.push(next[site]!);
  }
  return hops;
}

/**
 * Cheapest path without a site twice through all of `required`, in any order; null: none found.
 * Exact (A* over simple paths; the estimate never exceeds what is left), but gives up after
 * {@link LARGEST_SEARCH} partial paths, because the question is NP-hard.
 */
export function shortestThrough(
  paths: ShortestPaths,
  from: number,
  to: number,
  required: readonly number[],
): number[] | null {
  const { topology, cost, usable, transit } = paths.view;
  const wanted = [...new Set(required)].filter((site) => site !== from && site !== to);
  if (wanted.some((site) => transit[site] !== 1)) return null;
  if (wanted.length === 0) return paths.path(from, to);

  const onward = wanted.map((site) => paths.distance(site, to));
  const estimate = (site: number, seen: ReadonlySet<number>) => {
    let least = paths.distance(site, to);
    wanted.forEach((must, index) => {
      if (!seen.has(must)) least = Math.max(least, paths.distance(site, must) + onward[index]!);
    });
    return least;
  };

  const queue = new FlatQueue<Partial>();
  const start: Partial = { site: from, spent: 0, hops: [], seen: new Set([from]) };
  queue.push(start, estimate(from, start.seen));
  for (let tried = 0; queue.length > 0 && tried < LARGEST_SEARCH; tried++) {
    const partial = queue.pop()!;
    if (partial.site === to) return partial.hops;
    for (let hop = topology.first[partial.site]!; hop < topology.first[partial.site + 1]!; hop++) {
      const next = topology.to[hop]!;
      if (usable[hop] !== 1 || partial.seen.has(next)) continue;
      if (next === to ? !wanted.every((site) => partial.seen.has(site)) : transit[next] !== 1) {
        continue;
      }
      const seen = new Set(partial.seen).add(next);
      const spent = partial.spent + cost[hop]!;
      const whole = spent + estimate(next, seen);
      if (whole < Infinity) {
        queue.push({ site: next, spent, hops: [...partial.hops, hop], seen }, whole);
      }
    }
  }
  return null;
}

/** Partial paths that a search for required sites looks at: about half a second. */
export const LARGEST_SEARCH = 100_000;

interface Partial {
  readonly site: number;
  readonly spent: number;
  readonly hops: readonly number[] & number[];
  readonly seen: ReadonlySet<number>;
}

interface Tree {
  /** Between the root and each site. */
  readonly distance: Float64Array;
  /** Outward: first adjacency from the root to the site. Inward: from the site to the root. */
  readonly next: Int32Array;
}

function grow(view: View, root: number, direction: "outward" | "inward", until = -1): Tree {
  const { topology, cost, usable, transit } = view;
  const { first, to, reverse } = topology;
  const count = topology.sites.length;
  const distance = new Float64Array(count).fill(Infinity);
  const hops = new Uint32Array(count);
  const next = new Int32Array(count).fill(-1);
  distance[root] = 0;

  const queue = new FlatQueue<number>();
  queue.push(root, 0);
  while (queue.length > 0) {
    const priority = queue.peekValue()!;
    const site = queue.pop()!;
    if (site === until) break;
    if (priority > distance[site]! || (site !== root && transit[site] !== 1)) continue;
    for (let out = first[site]!; out < first[site + 1]!; out++) {
      const hop = direction === "outward" ? out : reverse[out]!;
      const other = to[out]!;
      if (usable[hop] !== 1 || other === root) continue;
      const sum = distance[site]! + cost[hop]!;
      if (sum > distance[other]!) continue;
      const length = hops[site]! + 1;
      const step = direction === "inward" || site === root ? hop : next[site]!;
      const better = sum < distance[other]! || length < hops[other]! ||
        (length === hops[other]! && step < next[other]!);
      if (!better) continue;
      distance[other] = sum;
      hops[other] = length;
      next[other] = step;
      // Also when only the tie-break changed: hops that cost nothing may have passed it on already.
      queue.push(other, sum);
    }
  }
  return { distance, next };
}
