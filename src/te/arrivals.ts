/** The adjacencies by which a way arrives at a site from those that may be passed through. */

import type { Marks } from "./marks.ts";
import type { ShortestPaths } from "./shortest_path.ts";
import { between } from "./topology.ts";

/** Adjacencies from two sites' eight uplinks each. */
const DIRECT_AT_MOST = 64;

export class Arrivals {
  /** Usable arrivals at site `s` are `[first[s], first[s + 1])`; behind all: of the pair at hand. */
  readonly first: Uint32Array;
  /** The adjacency; -1: none. */
  readonly hop: Int32Array;
  /** The list that it follows, by where it leaves: as `first` of `WayLists`. */
  readonly site: Int32Array;
  readonly cost: Float64Array;
  /** What it uses, as in {@link Marks}. */
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** At one site, at most. */
  readonly most: number;
  /** Behind those of the pair at hand. */
  ownEnd: number;
  readonly #paths: ShortestPaths;
  readonly #marks: Marks;

  constructor(paths: ShortestPaths, marks: Marks) {
    const { view: { topology, usable }, core: { coreFirst, coreHop } } = paths;
    this.#paths = paths;
    this.#marks = marks;
    const sites = topology.sites.length;
    const first = new Uint32Array(sites + 1);
    const hops: number[] = [];
    let most = 0;
    for (let site = 0; site < sites; site++) {
      for (let at = coreFirst[site]!; at < coreFirst[site + 1]!; at++) {
        const hop = topology.reverse[coreHop[at]!]!;
        if (usable[hop] === 1) hops.push(hop);
      }
      first[site + 1] = hops.length;
      most = Math.max(most, hops.length - first[site]!);
    }
    const room = hops.length + DIRECT_AT_MOST;
    this.first = first;
    this.most = most + DIRECT_AT_MOST;
    this.hop = new Int32Array(room);
    this.site = new Int32Array(room);
    this.cost = new Float64Array(room);
    this.low = new Int32Array(room);
    this.high = new Int32Array(room);
    hops.forEach((hop, at) => this.#set(at, hop));
    this.ownEnd = hops.length;
  }

  /** Where those of the pair at hand begin. */
  get own(): number {
    return this.first[this.first.length - 1]!;
  }

  /** Sets those of a pair: that its egress is where the lists lead, or what leads there directly. */
  setOwn(ingress: number, egress: number): void {
    const { topology, usable, transit } = this.#paths.view;
    const { own } = this;
    this.ownEnd = own;
    if (transit[egress] === 1) {
      this.hop[own] = -1;
      this.site[own] = egress;
      this.cost[own] = this.low[own] = this.high[own] = 0;
      this.ownEnd = own + 1;
    } else if (transit[ingress] !== 1) {
      const [low, high] = between(topology, ingress, egress);
      for (let hop = low; hop < high; hop++) {
        if (usable[hop] !== 1) continue;
        this.#set(this.ownEnd, hop);
        this.site[this.ownEnd++] = topology.sites.length;
      }
    }
  }

  #set(at: number, hop: number): void {
    const { topology, cost } = this.#paths.view;
    this.hop[at] = hop;
    this.site[at] = topology.from[hop]!;
    this.cost[at] = cost[hop]!;
    this.low[at] = this.#marks.low(hop);
    this.high[at] = this.#marks.high(hop);
  }
}
