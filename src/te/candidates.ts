/**
 * Ways from one site to another that are worth knowing: the shortest ones, every direct adjacency,
 * the best over each useful transit site, and one that shares nothing with the best. Bounded, and the
 * same for the same network.
 */

import { DisjointSearch } from "./disjoint.ts";
import { KShortest } from "./k_shortest.ts";
import { type ShortestPaths, shortestThrough } from "./shortest_path.ts";
import { between } from "./topology.ts";
import { BEAM, isSimple, ordered, type Way, waysThrough } from "./ways.ts";
import { WayPool } from "./way_pool.ts";

export { isSimple, type Way } from "./ways.ts";

/** Candidates kept for one egress. */
export const DEFAULT_LIMIT = 8;
/** Transit sites looked at for one egress: the nearest to the ingress. */
const TRANSITS_TRIED = 32;

/** Unordered sites that every way must pass, and how many ways to keep. */
export interface WayOptions {
  readonly limit?: number;
  readonly required?: readonly number[];
}

/** Takes a way: hop `at` of `length` is `hops[start + at]`, good until the next way is handed over. */
export type Visit = (hops: Int32Array, start: number, length: number, cost: number) => void;

/** What a search needs besides the trees; one serves every ingress of a view, one after another. */
class Workbench {
  readonly pool: WayPool;
  readonly shortest: KShortest;
  readonly disjoint: DisjointSearch;
  /** How many of the chosen ways use an uplink, or pass through a site. */
  readonly uplinkUses: Uint8Array;
  readonly siteUses: Uint8Array;
  readonly shortestWays: number[] = [];
  readonly ways: number[] = [];
  readonly chosen: number[] = [];

  constructor(paths: ShortestPaths) {
    const { topology } = paths.view;
    this.pool = new WayPool(topology);
    this.shortest = new KShortest(paths, this.pool);
    this.disjoint = new DisjointSearch(paths, this.pool);
    this.uplinkUses = new Uint8Array(topology.sites.length * 8);
    this.siteUses = new Uint8Array(topology.sites.length);
  }
}

const workbenches = new WeakMap<ShortestPaths, Workbench>();

/** Ways from one ingress to any egress, under one view. Keep it for all egresses. */
export class Candidates {
  readonly #paths: ShortestPaths;
  readonly #from: number;
  readonly #transits: number[];
  readonly #bench: Workbench;

  constructor(paths: ShortestPaths, from: number) {
    this.#paths = paths;
    this.#from = from;
    const { distance } = paths.growFrom(from);
    const { transit } = paths.view;
    this.#transits = [];
    for (let site = 0; site < distance.length; site++) {
      if (transit[site] === 1 && site !== from && distance[site]! < Infinity) {
        this.#transits.push(site);
      }
    }
    this.#transits.sort((a, b) => distance[a]! - distance[b]! || a - b);
    this.#transits.length = Math.min(this.#transits.length, TRANSITS_TRIED);
    let bench = workbenches.get(paths);
    if (bench === undefined) workbenches.set(paths, bench = new Workbench(paths));
    this.#bench = bench;
  }

  /** Cheapest first (then fewer hops, then smaller indices); none of them passes a site twice. */
  to(egress: number, options: WayOptions = {}): Way[] {
    const { limit = DEFAULT_LIMIT, required = [] } = options;
    const must = required.filter((site) => site !== this.#from && site !== egress);
    if (must.length > 0) return this.#passing(egress, must, limit);
    this.#choose(egress, limit);
    return this.#bench.chosen.map((way) => this.#bench.pool.way(way));
  }

  /** The same ways, handed over one by one without an array of their own. */
  visit(egress: number, visit: Visit, limit = DEFAULT_LIMIT): void {
    this.#choose(egress, limit);
    const { pool, chosen } = this.#bench;
    for (let index = 0; index < chosen.length; index++) {
      const way = chosen[index]!;
      visit(pool.hops, pool.start[way]!, pool.length[way]!, pool.cost[way]!);
    }
  }

  /** Ways that pass `via` in this order. */
  through(egress: number, via: readonly number[], limit = DEFAULT_LIMIT): Way[] {
    const inner = via.filter((site) => site !== this.#from && site !== egress);
    return this.#boundedWays(waysThrough(this.#paths, this.#from, egress, inner), limit);
  }

  /** Ways that pass all of `must`, in any order. */
  #passing(egress: number, must: readonly number[], limit: number): Way[] {
    const { topology } = this.#paths.view;
    const pool = waysThrough(this.#paths, this.#from, egress, []);
    for (const transit of this.#transits) {
      if (transit !== egress) {
        pool.push(...waysThrough(this.#paths, this.#from, egress, [transit]));
      }
    }
    const through = shortestThrough(this.#paths, this.#from, egress, must);
    if (through) pool.push(through);
    const passing = pool.filter((way) =>
      must.every((site) => way.some((hop) => topology.to[hop] === site))
    );
    return this.#boundedWays(ordered(this.#paths.view, passing), limit);
  }

  #boundedWays(sorted: readonly Way[], limit: number): Way[] {
    const { pool, chosen, ways } = this.#bench;
    const { cost } = this.#paths.view;
    pool.clear();
    ways.length = 0;
    for (const way of sorted) {
      pool.open();
      for (const hop of way) pool.push(hop);
      ways.push(pool.close(way.reduce((sum, hop) => sum + cost[hop]!, 0)));
    }
    this.#bound(limit);
    return chosen.map((way) => pool.way(way));
  }

  /** Leaves the candidates in `chosen`, best first. */
  #choose(egress: number, limit: number): void {
    const { pool, shortest, shortestWays, ways } = this.#bench;
    shortest.find(this.#from, egress, limit, shortestWays);
    ways.length = 0;
    for (let index = 0; index < shortestWays.length; index++) ways.push(shortestWays[index]!);
    // Fewer than asked for: there are no others.
    if (ways.length === limit && limit > 1) {
      this.#addDirect(egress);
      this.#addRelayed(egress);
      this.#addDisjoint(egress);
    }
    this.#bound(limit);
    if (pool.size === 0) this.#bench.chosen.length = 0;
  }

  #addDirect(egress: number): void {
    const { topology, usable, cost } = this.#paths.view;
    const [low, high] = between(topology, this.#from, egress);
    let added = 0;
    for (let hop = low; hop < high && added < BEAM; hop++) {
      if (usable[hop] !== 1) continue;
      const { pool } = this.#bench;
      pool.open();
      pool.push(hop);
      this.#add(pool.close(cost[hop]!));
      added++;
    }
  }

  #addRelayed(egress: number): void {
    const paths = this.#paths;
    const { pool } = this.#bench;
    const { topology } = paths.view;
    const from = this.#from;
    for (let index = 0; index < this.#transits.length; index++) {
      const relay = this.#transits[index]!;
      if (relay === egress) continue;
      const sum = paths.distance(from, relay) + paths.distance(relay, egress);
      if (sum === Infinity) continue;
      pool.open();
      for (let site = from; site !== relay;) {
        const hop = paths.next(site, relay);
        pool.push(hop);
        site = topology.to[hop]!;
      }
      for (let site = relay; site !== egress;) {
        const hop = paths.next(site, egress);
        pool.push(hop);
        site = topology.to[hop]!;
      }
      const { hops, start, length } = pool;
      const at = start[pool.size]!;
      if (isSimple(topology, hops, at, length[pool.size]!)) this.#add(pool.close(sum));
    }
  }

  #addDisjoint(egress: number): void {
    const { pool, ways, disjoint } = this.#bench;
    const best = ways[0]!;
    this.#count(best, 1);
    let apart = false;
    for (let index = 1; index < ways.length && !apart; index++) {
      apart = this.#shared(ways[index]!) === 0;
    }
    this.#count(best, -1);
    if (apart) return;
    // Most ends have one uplink, or one adjacency: then there is nothing to search for.
    const { topology } = this.#paths.view;
    const start = pool.start[best]!;
    const leaves = pool.hops[start]!;
    const arrives = topology.reverse[pool.hops[start + pool.length[best]! - 1]!]!;
    if (!hasOther(topology, leaves, "adjacency") || !hasOther(topology, arrives, "adjacency")) {
      return;
    }
    let found = -1;
    if (hasOther(topology, leaves, "uplink") && hasOther(topology, arrives, "uplink")) {
      found = disjoint.find(best, this.#from, egress, "fully");
    }
    if (found < 0) found = disjoint.find(best, this.#from, egress, "links");
    if (found >= 0) this.#add(found);
  }

  /** Puts a way of the pool in its place, unless it is there already. */
  #add(way: number): void {
    const { pool, ways } = this.#bench;
    let place = ways.length;
    while (place > 0) {
      const order = pool.compare(way, ways[place - 1]!);
      if (order === 0) return;
      if (order > 0) break;
      place--;
    }
    ways.splice(place, 0, way);
  }

  /** Half of the places go by order, half to what shares least with those chosen before. */
  #bound(limit: number): void {
    const { ways, chosen, pool } = this.#bench;
    chosen.length = 0;
    if (ways.length <= limit) {
      for (let index = 0; index < ways.length; index++) chosen.push(ways[index]!);
      return;
    }
    for (let place = 0; place < limit; place++) {
      let pick = 0;
      if (place % 2 === 1) {
        let least = Infinity;
        for (let index = 0; index < ways.length && least > 0; index++) {
          const shared = this.#shared(ways[index]!);
          if (shared < least) [pick, least] = [index, shared];
        }
      }
      const way = ways[pick]!;
      ways.splice(pick, 1);
      chosen.push(way);
      this.#count(way, 1);
    }
    for (let index = 0; index < chosen.length; index++) this.#count(chosen[index]!, -1);
    chosen.sort((a, b) => pool.compare(a, b));
  }

  /** Uses of the way's uplinks and inner sites by those that are counted. */
  #shared(way: number): number {
    const { pool, uplinkUses, siteUses } = this.#bench;
    const { from, to, fromUplink, toUplink } = this.#paths.view.topology;
    const start = pool.start[way]!;
    const end = start + pool.length[way]!;
    let sum = 0;
    for (let at = start; at < end; at++) {
      const hop = pool.hops[at]!;
      sum += uplinkUses[from[hop]! * 8 + fromUplink[hop]!]! +
        uplinkUses[to[hop]! * 8 + toUplink[hop]!]!;
      if (at > start) sum += siteUses[from[hop]!]!;
    }
    return sum;
  }

  #count(way: number, by: 1 | -1): void {
    const { pool, uplinkUses, siteUses } = this.#bench;
    const { from, to, fromUplink, toUplink } = this.#paths.view.topology;
    const start = pool.start[way]!;
    const end = start + pool.length[way]!;
    for (let at = start; at < end; at++) {
      const hop = pool.hops[at]!;
      const near = from[hop]! * 8 + fromUplink[hop]!;
      const far = to[hop]! * 8 + toUplink[hop]!;
      uplinkUses[near] = uplinkUses[near]! + by;
      uplinkUses[far] = uplinkUses[far]! + by;
      if (at > start) siteUses[from[hop]!] = siteUses[from[hop]!]! + by;
    }
  }
}

/** Does the site that `hop` leaves have another adjacency, or one by another uplink? */
function hasOther(
  topology: ShortestPaths["view"]["topology"],
  hop: number,
  what: "adjacency" | "uplink",
): boolean {
  const site = topology.from[hop]!;
  for (let other = topology.first[site]!; other < topology.first[site + 1]!; other++) {
    if (other === hop) continue;
    if (what === "adjacency" || topology.fromUplink[other] !== topology.fromUplink[hop]) {
      return true;
    }
  }
  return false;
}
