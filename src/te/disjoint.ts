/**
 * The shortest way that shares nothing with another: neither an uplink, nor a risk of one, nor a site
 * in between; or, in weaker forms, only no uplink and no site, or none of its links.
 *
 * A* (Hart, Nilsson, Raphael 1968): what the whole network needs from a site on never exceeds what
 * the rest of it needs, so the search stays close to the way, whatever the size of the network.
 */

import FlatQueue from "flatqueue";
import type { Risks } from "./risk.ts";
import type { ShortestPaths } from "./shortest_path.ts";
import { between } from "./topology.ts";
import type { WayPool } from "./way_pool.ts";

export type Apart =
  /** Fully, and no risk of any uplink (SRLG, RFC 4202 §2.3). */
  | "risks"
  /** No uplink at either end of a hop, and no site in between. */
  | "fully"
  /** No pair of uplinks. */
  | "links";

export class DisjointSearch {
  readonly #paths: ShortestPaths;
  readonly #risks: Risks;
  readonly #pool: WayPool;
  readonly #queue = new FlatQueue<number>();
  /** Rounds in which a mark was set, so that nothing has to be cleared between them. */
  readonly #closedSite: Uint32Array;
  readonly #closedUplink: Uint32Array;
  readonly #closedHop: Uint32Array;
  readonly #reached: Uint32Array;
  readonly #distance: Float64Array;
  readonly #length: Uint32Array;
  /** Adjacency by which a site was reached. */
  readonly #by: Int32Array;
  #round = 0;

  constructor(paths: ShortestPaths, risks: Risks, pool: WayPool) {
    const { sites, from } = paths.view.topology;
    this.#paths = paths;
    this.#risks = risks;
    this.#pool = pool;
    this.#closedSite = new Uint32Array(sites.length);
    this.#closedUplink = new Uint32Array(sites.length * 8);
    this.#closedHop = new Uint32Array(from.length);
    this.#reached = new Uint32Array(sites.length);
    this.#distance = new Float64Array(sites.length);
    this.#length = new Uint32Array(sites.length);
    this.#by = new Int32Array(sites.length);
  }

  /** Adds the way to the pool and answers its number; -1: there is none. */
  find(way: number, from: number, to: number, apart: Apart): number {
    this.#close(way, apart);
    const { view, core: { coreFirst, coreHop } } = this.#paths;
    const { topology, cost } = view;
    const { to: leads } = topology;
    const closedSite = this.#closedSite;
    const uplinks = apart !== "links";
    const queue = this.#queue;
    const round = this.#round;
    queue.clear();
    this.#reach(from, 0, 0, -1);
    queue.push(from, 0);
    while (queue.length > 0) {
      const bound = queue.peekValue()!;
      const site = queue.pop()!;
      if (site === to) return this.#trace(from, to);
      const spent = this.#distance[site]!;
      if (bound > spent + this.#paths.distance(site, to)) continue;
      const length = this.#length[site]! + 1;
      for (let index = coreFirst[site]!; index < coreFirst[site + 1]!; index++) {
        const hop = coreHop[index]!;
        const next = leads[hop]!;
        if (next === to || next === from || closedSite[next] === round) continue;
        this.#try(hop, next, spent + cost[hop]!, length, to, uplinks);
      }
      const [low, high] = between(topology, site, to);
      for (let hop = low; hop < high; hop++) {
        if (view.usable[hop] === 1) this.#try(hop, to, spent + cost[hop]!, length, to, uplinks);
      }
    }
    return -1;
  }

  #close(way: number, apart: Apart): void {
    const { topology } = this.#paths.view;
    const pool = this.#pool;
    const round = ++this.#round;
    for (let at = 0; at < pool.length[way]!; at++) {
      const hop = pool.hops[pool.start[way]! + at]!;
      if (apart === "links") {
        this.#closedHop[hop] = this.#closedHop[topology.reverse[hop]!] = round;
        continue;
      }
      if (at > 0) this.#closedSite[topology.from[hop]!] = round;
      this.#closeUplink(topology.from[hop]! * 8 + topology.fromUplink[hop]!, apart);
      this.#closeUplink(topology.to[hop]! * 8 + topology.toUplink[hop]!, apart);
    }
  }

  #closeUplink(uplink: number, apart: Apart): void {
    const { set, sets, sharers } = this.#risks;
    this.#closedUplink[uplink] = this.#round;
    if (apart !== "risks") return;
    for (const risk of sets[set[uplink]!]!) {
      for (const sharer of sharers[risk]!) this.#closedUplink[sharer] = this.#round;
    }
  }

  #try(
    hop: number,
    next: number,
    sum: number,
    length: number,
    to: number,
    uplinks: boolean,
  ): void {
    if (uplinks ? this.#usesClosed(hop) : this.#closedHop[hop] === this.#round) return;
    const round = this.#round;
    const rest = next === to ? 0 : this.#paths.distance(next, to);
    if (rest === Infinity) return;
    if (this.#reached[next] === round) {
      const known = this.#distance[next]!;
      if (sum > known) return;
      if (sum === known) {
        const best = this.#length[next]!;
        if (length > best || (length === best && hop >= this.#by[next]!)) return;
      }
    }
    this.#reach(next, sum, length, hop);
    this.#queue.push(next, sum + rest);
  }

  #usesClosed(hop: number): boolean {
    const { from, to, fromUplink, toUplink } = this.#paths.view.topology;
    return this.#closedUplink[from[hop]! * 8 + fromUplink[hop]!] === this.#round ||
      this.#closedUplink[to[hop]! * 8 + toUplink[hop]!] === this.#round;
  }

  #reach(site: number, sum: number, length: number, by: number): void {
    this.#reached[site] = this.#round;
    this.#distance[site] = sum;
    this.#length[site] = length;
    this.#by[site] = by;
  }

  #trace(from: number, to: number): number {
    const { topology } = this.#paths.view;
    const hops: number[] = [];
    for (let site = to; site !== from; site = topology.from[hops.at(-1)!]!) {
      hops.push(this.#by[site]!);
    }
    this.#pool.open();
    for (let at = hops.length - 1; at >= 0; at--) this.#pool.push(hops[at]!);
    return this.#pool.close(this.#distance[to]!);
  }
}
