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
  /** Where it leaves. */
  readonly site: Int32Array;
  readonly cost: Float64Array;
  /** What it uses, as in {@link Marks}. */
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** At one site, at most. */
  readonly most: number;
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
  }

  /** Where the arrivals of the pair at hand begin. */
  get own(): number {
    return this.first[this.first.length - 1]!;
  }

  /** Sets the arrival of a way that is already there. Answers behind the last. */
  setThere(site: number): number {
    const { own } = this;
    this.hop[own] = -1;
    this.site[own] = site;
    this.cost[own] = this.low[own] = this.high[own] = 0;
    return own + 1;
  }

  /** Sets the adjacencies from one site to another. Answers behind the last. */
  setDirect(from: number, to: number): number {
    const { topology, usable } = this.#paths.view;
    const [low, high] = between(topology, from, to);
    let end = this.own;
    for (let hop = low; hop < high; hop++) if (usable[hop] === 1) this.#set(end++, hop);
    return end;
  }

  #set(at: number, hop: number): void {
    const { topology, cost } = this.#paths.view;
    this.hop[at] = hop;
    this.site[at] = topology.from[hop]!;
    this.cost[at] = cost[hop]!;
    this.low[at] = this.#marks.low[hop]!;
    this.high[at] = this.#marks.high[hop]!;
  }
}
