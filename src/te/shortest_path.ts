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
import { grow, type Tree } from "./tree.ts";

/** What of a topology may be used, and at which cost. */
export interface View {
  readonly topology: Topology;
  /** By adjacency; never negative. */
  readonly cost: Float64Array;
  /** By adjacency: 1 usable. Both directions alike: who searches back from an end relies on it. */
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
  readonly #outward: (Tree | undefined)[];
  readonly #inward: (Tree | undefined)[];
  #core: Core | undefined;

  constructor(view: View) {
    this.view = view;
    const none = () => new Array<Tree | undefined>(view.topology.sites.length).fill(undefined);
    this.#outward = none();
    this.#inward = none();
  }

  /** First adjacency of the shortest path, or -1. */
  next(from: number, to: number): number {
    if (from === to) return -1;
    const kept = this.#outward[from];
    if (kept !== undefined) return kept.next[to]!;
    const inward = this.#towards(from, to);
    return inward === undefined ? this.growFrom(from).next[to]! : inward.next[from]!;
  }

  /** Sum of costs, or Infinity. */
  distance(from: number, to: number): number {
    const kept = this.#outward[from];
    if (kept !== undefined) return kept.distance[to]!;
    const inward = this.#towards(from, to);
    return inward === undefined ? this.growFrom(from).distance[to]! : inward.distance[from]!;
  }

  /** What leads on from a site, apart from what leads to a destination. */
  get core(): Core {
    return this.#core ??= coreOf(this.view);
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
  // the destination. Absent: to be answered by a tree that grows from `from`.
  #towards(from: number, to: number): Tree | undefined {
    const kept = this.#inward[to];
    if (kept !== undefined || this.view.transit[from] === 1) return kept;
    return this.#inward[to] = grow(this.view, to, "inward");
  }

  /** Grows the tree of an ingress that will be asked for many destinations. */
  growFrom(site: number): Tree {
    return this.#outward[site] ??= grow(this.view, site, "outward");
  }
}

/** Usable adjacencies to sites that may be passed through; in the order of the topology. */
export interface Core {
  /** Those of site `s` are `coreHop[coreFirst[s]] … coreHop[coreFirst[s + 1] - 1]`. */
  readonly coreFirst: Uint32Array;
  readonly coreHop: Uint32Array;
}

export function coreOf({ topology, usable, transit }: View): Core {
  const { first, from, to, sites } = topology;
  const coreFirst = new Uint32Array(sites.length + 1);
  const coreHop = new Uint32Array(from.length);
  let count = 0;
  for (let site = 0; site < sites.length; site++) {
    for (let hop = first[site]!; hop < first[site + 1]!; hop++) {
      if (usable[hop] === 1 && transit[to[hop]!] === 1) coreHop[count++] = hop;
    }
    coreFirst[site + 1] = count;
  }
  return { coreFirst, coreHop: coreHop.slice(0, count) };
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
