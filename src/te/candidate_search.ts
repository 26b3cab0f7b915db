/** What the search for candidates shares between all ingresses of one view. */

import { Choice } from "./choice.ts";
import { DisjointSearch } from "./disjoint.ts";
import { IngressWays } from "./ingress_ways.ts";
import { bits, Marks } from "./marks.ts";
import { PairWays } from "./pair_ways.ts";
import type { ShortestPaths } from "./shortest_path.ts";
import type { Topology } from "./topology.ts";

/** Candidates kept for one egress. */
export const DEFAULT_LIMIT = 8;
/** Adjacencies from two sites' eight uplinks each. */
export const DIRECT_AT_MOST = 64;

/** Usable adjacencies that arrive at a site from those that may be passed through. */
export interface Arrivals {
  /** Those at site `s` are `[first[s], first[s + 1])`. */
  readonly first: Uint32Array;
  readonly hop: Uint32Array;
  readonly site: Uint32Array;
  readonly cost: Float64Array;
  /** What each uses, as in `Marks`. */
  readonly low: Int32Array;
  readonly high: Int32Array;
}

/** What every ingress of one view shares. */
export class CandidateSearch {
  readonly paths: ShortestPaths;
  readonly limit: number;
  readonly lists: IngressWays;
  /** The ways of the pair at hand, and those that were chosen of them. */
  readonly ways: PairWays;
  readonly choice: Choice;
  readonly disjoint: DisjointSearch;
  readonly arrivals: Arrivals;
  /** Most adjacencies from transit sites that one site has. */
  readonly mostArrivals: number;
  readonly marks: Marks;
  readonly uplinks: Uint8Array;

  constructor(paths: ShortestPaths, limit = DEFAULT_LIMIT) {
    const { topology } = paths.view;
    this.paths = paths;
    this.limit = limit;
    this.lists = new IngressWays(paths, limit);
    this.ways = new PairWays(topology);
    this.choice = new Choice(this.ways, limit, topology.sites.length);
    this.disjoint = new DisjointSearch(paths, this.ways.own);
    this.marks = new Marks(topology);
    this.uplinks = uplinksInUse(topology);
    this.arrivals = arrivalsOf(paths, this.marks);
    let most = 1;
    for (let site = 0; site < topology.sites.length; site++) {
      most = Math.max(most, this.arrivals.first[site + 1]! - this.arrivals.first[site]!);
    }
    this.mostArrivals = most;
  }
}

function arrivalsOf(
  { view, core: { coreFirst, coreHop } }: ShortestPaths,
  marks: Marks,
): Arrivals {
  const { topology, usable, cost } = view;
  const first = new Uint32Array(topology.sites.length + 1);
  const hops: number[] = [];
  for (let site = 0; site < topology.sites.length; site++) {
    for (let at = coreFirst[site]!; at < coreFirst[site + 1]!; at++) {
      const hop = topology.reverse[coreHop[at]!]!;
      if (usable[hop] === 1) hops.push(hop);
    }
    first[site + 1] = hops.length;
  }
  return {
    first,
    hop: Uint32Array.from(hops),
    site: Uint32Array.from(hops, (hop) => topology.from[hop]!),
    cost: Float64Array.from(hops, (hop) => cost[hop]!),
    low: Int32Array.from(hops, (hop) => marks.low[hop]!),
    high: Int32Array.from(hops, (hop) => marks.high[hop]!),
  };
}

/** By site: uplinks that have an adjacency. */
function uplinksInUse({ sites, from, fromUplink }: Topology): Uint8Array {
  const seen = new Uint8Array(sites.length);
  for (let hop = 0; hop < from.length; hop++) {
    seen[from[hop]!] = seen[from[hop]!]! | (1 << fromUplink[hop]!);
  }
  return seen.map((uplinks) => bits(uplinks, 0));
}
