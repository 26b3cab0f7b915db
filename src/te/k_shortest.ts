/**
 * The k shortest ways without a site twice, exactly, in the order of {@link WayPool.compare}.
 *
 * Lawler's partition, best first: each way that is found leaves behind, at each of its sites, the
 * ways that part from it there. The bound of such a part is the hop that parts and the shortest path
 * from there on, by a tree that is there already; mostly that is the way itself. Only where it comes
 * by a site of the beginning again, and its turn comes, is the rest searched for without these sites.
 */

import type { ShortestPaths } from "./shortest_path.ts";
import { SinglePath } from "./single_path.ts";
import { between } from "./topology.ts";
import type { WayPool } from "./way_pool.ts";

export class KShortest {
  readonly #paths: ShortestPaths;
  readonly #pool: WayPool;
  readonly #single: SinglePath;
  readonly #seen: Uint32Array;
  #round = 0;
  /** By way of the pool: where it may part from what was found before it; 1: it is simple. */
  #from = new Int32Array(64);
  #simple = new Uint8Array(64);
  /** Ways that wait, the best last. */
  readonly #waiting: number[] = [];
  #simpleWaiting = 0;

  constructor(paths: ShortestPaths, pool: WayPool) {
    this.#paths = paths;
    this.#pool = pool;
    this.#single = new SinglePath(paths.view, paths.core);
    this.#seen = new Uint32Array(paths.view.topology.sites.length);
  }

  /** Clears the pool, fills it, and answers the numbers of the ways in it, best first. */
  find(from: number, to: number, k: number, found: number[]): void {
    const pool = this.#pool;
    found.length = 0;
    this.#waiting.length = 0;
    this.#simpleWaiting = 0;
    pool.clear();
    this.#offer(-1, 0, -1, 0, from, to, k);
    while (this.#waiting.length > 0) {
      const way = this.#waiting.pop()!;
      if (this.#simple[way] !== 1) {
        this.#search(way, to, k - found.length);
        continue;
      }
      this.#simpleWaiting--;
      found.push(way);
      if (found.length === k) return;
      this.#part(way, to, k - found.length);
    }
  }

  /** Puts the best simple way that begins like this one in its place. */
  #search(way: number, to: number, wanted: number): void {
    const pool = this.#pool;
    const { topology, cost } = this.#paths.view;
    const round = ++this.#round;
    const keep = this.#from[way]!;
    let spent = 0;
    for (let at = 0; at < keep; at++) {
      const hop = pool.hop(way, at);
      this.#seen[topology.from[hop]!] = round;
      spent += cost[hop]!;
    }
    const site = topology.to[pool.hop(way, keep - 1)]!;
    const full = this.#simpleWaiting >= wanted;
    const most = full ? pool.cost[this.#waiting[0]!]! - spent : Infinity;
    const guide = this.#paths.growFrom(site).distance;
    const rest = this.#single.find(site, to, this.#seen, round, guide, most);
    if (rest === null) return;
    let whole = spent;
    const simple = pool.open();
    for (let at = 0; at < keep; at++) pool.push(pool.hop(way, at));
    for (const hop of rest) {
      pool.push(hop);
      whole += cost[hop]!;
    }
    pool.close(whole);
    this.#enqueue(simple, keep, 1, wanted);
  }

  /** Offers all that keep to the way up to one of its sites and part from it there. */
  #part(way: number, to: number, wanted: number): void {
    const pool = this.#pool;
    const { topology, cost, usable } = this.#paths.view;
    const { coreFirst, coreHop } = this.#paths.core;
    const round = ++this.#round;
    const first = this.#from[way]!;
    const length = pool.length[way]!;
    let spent = 0;
    for (let at = 0; at < length; at++) {
      const taken = pool.hops[pool.start[way]! + at]!;
      const site = topology.from[taken]!;
      this.#seen[site] = round;
      if (at >= first) {
        for (let index = coreFirst[site]!; index < coreFirst[site + 1]!; index++) {
          const hop = coreHop[index]!;
          const next = topology.to[hop]!;
          if (hop === taken || next === to || this.#seen[next] === round) continue;
          this.#offer(way, at, hop, spent + cost[hop]!, next, to, wanted);
        }
        const [low, high] = between(topology, site, to);
        for (let hop = low; hop < high; hop++) {
          if (hop === taken || usable[hop] !== 1) continue;
          this.#offer(way, at, hop, spent + cost[hop]!, to, to, wanted);
        }
      }
      spent += cost[taken]!;
    }
  }

  /** The first `keep` hops of a way, then `hop` to `site`, then the shortest path. */
  #offer(
    way: number,
    keep: number,
    hop: number,
    spent: number,
    site: number,
    to: number,
    wanted: number,
  ): void {
    const paths = this.#paths;
    const pool = this.#pool;
    const whole = site === to ? spent : spent + paths.distance(site, to);
    if (whole === Infinity) return;
    const full = this.#simpleWaiting >= wanted;
    if (full && whole > pool.cost[this.#waiting[0]!]!) return;

    const offered = pool.open();
    if (hop >= 0) {
      const start = pool.start[way]!;
      for (let at = 0; at < keep; at++) pool.push(pool.hops[start + at]!);
      pool.push(hop);
    }
    let simple = 1;
    for (let at = site; at !== to;) {
      const next = paths.next(at, to);
      pool.push(next);
      at = paths.view.topology.to[next]!;
      if (hop >= 0 && this.#seen[at] === this.#round) {
        simple = 0;
        break;
      }
    }
    pool.close(whole);
    this.#enqueue(offered, hop < 0 ? 0 : keep + 1, simple, wanted);
  }

  #enqueue(way: number, from: number, simple: number, wanted: number): void {
    if (way >= this.#from.length) {
      const [grownFrom, grownSimple] = [this.#from, this.#simple];
      this.#from = new Int32Array(way * 2);
      this.#simple = new Uint8Array(way * 2);
      this.#from.set(grownFrom);
      this.#simple.set(grownSimple);
    }
    this.#from[way] = from;
    this.#simple[way] = simple;
    const waiting = this.#waiting;
    let place = waiting.length;
    waiting.push(way);
    while (place > 0 && this.#pool.compare(way, waiting[place - 1]!) > 0) {
      waiting[place] = waiting[place - 1]!;
      place--;
    }
    waiting[place] = way;
    this.#simpleWaiting += simple;
    // What stands behind enough simple ways will not be among the best; the last one is simple.
    while (
      this.#simpleWaiting > wanted ||
      (this.#simpleWaiting === wanted && this.#simple[waiting[0]!] !== 1)
    ) {
      this.#simpleWaiting -= this.#simple[waiting.shift()!]!;
    }
  }
}
