/**
 * Ways from one site to another that are worth knowing: every direct adjacency, the best over each
 * useful transit site, and ones that share nothing with the best. Bounded, and the same for the
 * same network.
 */

import { pathTowards, type ShortestPaths, shortestThrough, type View } from "./shortest_path.ts";
import { between, type Topology } from "./topology.ts";

/** Candidates kept for one egress. */
export const DEFAULT_LIMIT = 8;
/** Transit sites tried for one egress: the nearest to the ingress. */
const TRANSITS_TRIED = 32;
/** Ways of one leg, and partial ways, that are combined further. */
const BEAM = 16;

/** A way as adjacency indices of the topology. */
export type Way = readonly number[];

/** Unordered sites that every way must pass, and how many ways to keep. */
export interface WayOptions {
  readonly limit?: number;
  readonly required?: readonly number[];
}

/** Ways from one ingress to any egress, under one view. Keep it for all egresses. */
export class Candidates {
  readonly #paths: ShortestPaths;
  readonly #from: number;
  readonly #transits: number[];

  constructor(paths: ShortestPaths, from: number) {
    this.#paths = paths;
    this.#from = from;
    paths.growFrom(from);
    const { transit, topology } = paths.view;
    this.#transits = [];
    for (let site = 0; site < topology.sites.length; site++) {
      if (transit[site] === 1 && site !== from && paths.distance(from, site) < Infinity) {
        this.#transits.push(site);
      }
    }
    this.#transits.sort((a, b) => paths.distance(from, a) - paths.distance(from, b) || a - b);
    this.#transits.length = Math.min(this.#transits.length, TRANSITS_TRIED);
  }

  /** Cheapest first (then fewer hops, then smaller indices); none of them passes a site twice. */
  to(egress: number, options: WayOptions = {}): Way[] {
    const { limit = DEFAULT_LIMIT, required = [] } = options;
    const pool = this.#via(egress, []);
    for (const transit of this.#transits) {
      if (transit !== egress) pool.push(...this.#via(egress, [transit]));
    }
    const must = required.filter((site) => site !== this.#from && site !== egress);
    if (must.length > 0) {
      const through = shortestThrough(this.#paths, this.#from, egress, must);
      if (through) pool.push(through);
    }
    pool.push(...this.#disjoint(egress, this.#ordered(pool)));
    const passing = pool.filter((way) => passes(this.#paths.view.topology, way, must));
    return this.#bounded(this.#ordered(passing), limit);
  }

  /** Ways that pass `via` in this order. */
  through(egress: number, via: readonly number[], limit = DEFAULT_LIMIT): Way[] {
    const inner = via.filter((site) => site !== this.#from && site !== egress);
    return this.#bounded(this.#ordered(this.#via(egress, inner)), limit);
  }

  #via(egress: number, via: readonly number[]): Way[] {
    const { topology, transit } = this.#paths.view;
    if (via.some((site) => transit[site] !== 1)) return [];
    let ways: Way[] = [[]];
    let site = this.#from;
    for (const next of [...via, egress]) {
      const leg = this.#leg(site, next);
      const longer = ways.flatMap((way) => leg.map((hops) => [...way, ...hops]));
      ways = this.#ordered(longer.filter((way) => isSimple(topology, way))).slice(0, BEAM);
      site = next;
    }
    return ways;
  }

  /** Every direct adjacency, and the shortest path where that is another. */
  #leg(from: number, to: number): Way[] {
    const { topology, usable } = this.#paths.view;
    const [low, high] = between(topology, from, to);
    const ways: Way[] = [];
    for (let hop = low; hop < high; hop++) if (usable[hop] === 1) ways.push([hop]);
    const shortest = this.#paths.path(from, to);
    if (shortest && shortest.length > 1) ways.push(shortest);
    // Between two sites with eight uplinks each there are 64: the cheapest of them go on.
    return this.#ordered(ways).slice(0, BEAM);
  }

  /** What is left without the best: first without its uplinks and sites, then without its links. */
  #disjoint(egress: number, pool: readonly Way[]): Way[] {
    const best = pool[0];
    if (!best) return [];
    const { view } = this.#paths;
    const { topology } = view;
    const taken = new Set(marks(topology, best));
    if (pool.some((way) => !marks(topology, way).some((mark) => taken.has(mark)))) return [];

    // Most ends have one uplink, or one adjacency: then there is nothing to search for.
    const ends = [best[0]!, topology.reverse[best.at(-1)!]!];
    if (!ends.every((hop) => hasOther(topology, hop, "adjacency"))) return [];
    if (ends.every((hop) => hasOther(topology, hop, "uplink"))) {
      const fully = pathTowards(this.#without(taken), this.#from, egress);
      if (fully) return [fully];
    }
    const usable = view.usable.slice();
    for (const hop of best) usable[hop] = usable[topology.reverse[hop]!] = 0;
    const partly = pathTowards({ ...view, usable }, this.#from, egress);
    return partly ? [partly] : [];
  }

  #without(taken: ReadonlySet<number>): View {
    const { view } = this.#paths;
    const transit = view.transit.slice();
    const apart = view.usable.slice();
    for (const mark of taken) {
      if (mark < 0) transit[-1 - mark] = 0;
      else closeUplink(view.topology, apart, mark >> 3, mark & 7);
    }
    return { ...view, transit, usable: apart };
  }

  #ordered(ways: readonly Way[]): Way[] {
    const { cost } = this.#paths.view;
    const sums = new Map(ways.map((way) => [way, way.reduce((sum, hop) => sum + cost[hop]!, 0)]));
    const sorted = [...ways].sort((a, b) =>
      sums.get(a)! - sums.get(b)! || a.length - b.length || compareHops(a, b)
    );
    return sorted.filter((way, index) => index === 0 || compareHops(way, sorted[index - 1]!) !== 0);
  }

  /** Half of the places go by order, half to what shares least with those chosen before. */
  #bounded(ordered: readonly Way[], limit: number): Way[] {
    if (ordered.length <= limit) return [...ordered];
    const { topology } = this.#paths.view;
    const used = new Map<number, number>();
    const chosen = new Set<Way>();
    const shares = (way: Way) =>
      marks(topology, way).reduce((sum, m) => sum + (used.get(m) ?? 0), 0);
    for (let place = 0; place < limit; place++) {
      let pick: Way | undefined;
      let least = Infinity;
      for (const way of ordered) {
        if (chosen.has(way)) continue;
        const shared = place % 2 === 0 ? 0 : shares(way);
        if (shared < least) [pick, least] = [way, shared];
      }
      chosen.add(pick!);
      for (const mark of marks(topology, pick!)) used.set(mark, (used.get(mark) ?? 0) + 1);
    }
    return ordered.filter((way) => chosen.has(way));
  }
}

/** Does the way enter no site twice (its ingress included)? */
export function isSimple(topology: Topology, way: Way): boolean {
  const seen = new Set<number>(way.length > 0 ? [topology.from[way[0]!]!] : []);
  for (const hop of way) {
    const site = topology.to[hop]!;
    if (seen.has(site)) return false;
    seen.add(site);
  }
  return true;
}

function passes(topology: Topology, way: Way, required: readonly number[]): boolean {
  return required.every((site) => way.some((hop) => topology.to[hop] === site));
}

/** Both uplinks of a hop as numbers. */
function uplinkEnds(topology: Topology, hop: number): [number, number] {
  return [
    topology.from[hop]! * 8 + topology.fromUplink[hop]!,
    topology.to[hop]! * 8 + topology.toUplink[hop]!,
  ];
}

/** Does the site that `hop` leaves have another adjacency, or one by another uplink? */
function hasOther(topology: Topology, hop: number, what: "adjacency" | "uplink"): boolean {
  const site = topology.from[hop]!;
  for (let other = topology.first[site]!; other < topology.first[site + 1]!; other++) {
    if (other === hop) continue;
    if (what === "adjacency" || topology.fromUplink[other] !== topology.fromUplink[hop]) {
      return true;
    }
  }
  return false;
}

function closeUplink(topology: Topology, usable: Uint8Array, site: number, uplink: number): void {
  for (let hop = topology.first[site]!; hop < topology.first[site + 1]!; hop++) {
    if (topology.fromUplink[hop] === uplink) usable[hop] = usable[topology.reverse[hop]!] = 0;
  }
}

/** What two ways may have in common: uplinks, and (below zero) transit sites. */
function marks(topology: Topology, way: Way): number[] {
  return way.flatMap((hop, index) => {
    const ends: number[] = uplinkEnds(topology, hop);
    return index === 0 ? ends : [...ends, -1 - topology.from[hop]!];
  });
}

function compareHops(a: Way, b: Way): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    if (a[index] !== b[index]) return a[index]! - b[index]!;
  }
  return a.length - b.length;
}
