/** What the search for candidates shares between all ingresses of one view. */

import { Alike } from "./alike.ts";
import { Arrivals } from "./arrivals.ts";
import { Choice } from "./choice.ts";
import { DisjointSearch } from "./disjoint.ts";
import { IngressWays } from "./ingress_ways.ts";
import { KEPT_AT_MOST, KnownPairs } from "./known_pairs.ts";
import { bits, Marks } from "./marks.ts";
import { PairWays } from "./pair_ways.ts";
import { type Risks, risksOf } from "./risk.ts";
import type { ShortestPaths } from "./shortest_path.ts";
import type { Topology } from "./topology.ts";

/** Candidates kept for one egress. */
export const DEFAULT_LIMIT = 8;

/** What every ingress of one view shares. */
export class CandidateSearch {
  readonly paths: ShortestPaths;
  readonly limit: number;
  readonly lists: IngressWays;
  /** The ways of the pair at hand, and those that were chosen of them. */
  readonly ways: PairWays;
  readonly choice: Choice;
  readonly known: KnownPairs;
  readonly disjoint: DisjointSearch;
  readonly arrivals: Arrivals;
  readonly marks: Marks;
  readonly risks: Risks;
  readonly uplinks: Uint8Array;

  /** `keep`: ways kept of pairs for others that are alike. */
  constructor(paths: ShortestPaths, limit = DEFAULT_LIMIT, keep = KEPT_AT_MOST) {
    const { topology } = paths.view;
    this.paths = paths;
    this.limit = limit;
    this.uplinks = uplinksInUse(topology);
    this.risks = risksOf(topology);
    this.marks = new Marks(topology, this.risks);
    this.arrivals = new Arrivals(paths, this.marks);
    const alike = new Alike(paths, this.risks);
    this.lists = new IngressWays(paths, alike, limit);
    this.ways = new PairWays(topology, this.risks, this.marks, this.arrivals);
    this.known = new KnownPairs(topology, alike, this.arrivals, this.ways, keep);
    this.choice = new Choice(this.ways, limit, topology.sites.length);
    this.disjoint = new DisjointSearch(paths, this.risks, this.ways.own);
  }
}

/** By site: uplinks that have an adjacency. */
function uplinksInUse({ sites, from, fromUplink }: Topology): Uint8Array {
  const seen = new Uint8Array(sites.length);
  for (let hop = 0; hop < from.length; hop++) {
    seen[from[hop]!] = seen[from[hop]!]! | (1 << fromUplink[hop]!);
  }
  return seen.map((uplinks) => bits(uplinks, 0));
}
