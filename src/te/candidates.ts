/**
 * Ways from one site to another that are worth knowing: the shortest ones, the best from each uplink
 * of the one to each adjacency of the other, and one that shares nothing with the best. Bounded, and
 * the same for the same network.
 */

import type { CandidateSearch } from "./candidate_search.ts";
import type { Visit } from "./choice.ts";
import type { Apart } from "./disjoint.ts";
import type { WayLists } from "./ingress_ways.ts";
import type { MarkSets } from "./marks.ts";
import { OpenLists } from "./open_lists.ts";
import { type ShortestPaths, shortestThrough } from "./shortest_path.ts";
import { ordered, type Way, waysThrough } from "./ways.ts";

export { CandidateSearch, DEFAULT_LIMIT } from "./candidate_search.ts";
export { isSimple, type Way } from "./ways.ts";

/** Transit sites looked at for ways that have to pass others: the nearest to the ingress. */
const TRANSITS_TRIED = 32;

/** Unordered sites that every way must pass. */
export interface WayOptions {
  readonly required?: readonly number[];
}

/** Ways from one ingress to any egress, under one view. Keep it for all egresses. */
export class Candidates {
  readonly #search: CandidateSearch;
  readonly #from: number;
  readonly #lists: WayLists;
  readonly #marks: MarkSets;
  readonly #open: OpenLists;

  constructor(search: CandidateSearch, from: number) {
    this.#search = search;
    this.#from = from;
    this.#lists = search.lists.from(from);
    this.#marks = search.marks.ofPool(this.#lists.pool);
    this.#open = new OpenLists(this.#lists, search.ways, search.arrivals);
  }

  /** Cheapest first (then fewer hops, then smaller indices); none of them passes a site twice. */
  to(egress: number, options: WayOptions = {}): Way[] {
    const must = (options.required ?? []).filter((site) => site !== this.#from && site !== egress);
    if (must.length > 0) this.#passing(egress, must);
    else this.#choose(egress);
    return this.#chosen();
  }

  /** The same ways, handed over one by one without an array of their own. */
  visit(egress: number, visit: Visit): void {
    this.#choose(egress);
    this.#search.choice.visit(visit);
  }

  /** Ways that pass `via` in this order. */
  through(egress: number, via: readonly number[]): Way[] {
    const inner = via.filter((site) => site !== this.#from && site !== egress);
    this.#bound(waysThrough(this.#search.paths, this.#from, egress, inner));
    return this.#chosen();
  }

  #chosen(): Way[] {
    const ways: Way[] = [];
    this.#search.choice.visit((hops, length) => ways.push(Array.from(hops.subarray(0, length))));
    return ways;
  }

  /** Chooses of the ways that pass all of `must`, in any order. */
  #passing(egress: number, must: readonly number[]): void {
    const { paths } = this.#search;
    const { topology } = paths.view;
    const ways = waysThrough(paths, this.#from, egress, []);
    for (const transit of nearest(paths, this.#from)) {
      if (transit !== egress) ways.push(...waysThrough(paths, this.#from, egress, [transit]));
    }
    const through = shortestThrough(paths, this.#from, egress, must);
    if (through) ways.push(through);
    const passing = ways.filter((way) =>
      must.every((site) => way.some((hop) => topology.to[hop] === site))
    );
    this.#bound(ordered(paths.view, passing));
  }

  #bound(bounded: readonly Way[]): void {
    const { ways, paths, choice } = this.#search;
    ways.begin(this.#lists.pool, this.#marks);
    for (const one of bounded) {
      ways.own.open();
      for (const hop of one) ways.own.push(hop);
      const cost = one.reduce((sum, hop) => sum + paths.view.cost[hop]!, 0);
      ways.noteOwn(ways.own.close(cost));
    }
    ways.settle(ways.size, ways.size, -1);
    choice.pick();
  }

  #choose(egress: number): void {
    const { ways, choice, arrivals, known } = this.#search;
    ways.begin(this.#lists.pool, this.#marks);
    arrivals.setOwn(this.#from, egress);
    if (!known.recall(this.#from, egress)) {
      this.#note(egress);
      known.keep(this.#from, egress);
    }
    choice.pick();
  }

  /** Notes the ways to choose from. */
  #note(egress: number): void {
    const { limit, ways } = this.#search;
    const open = this.#open;
    this.#openLists(egress);
    while (ways.size < limit && open.take());
    const listed = ways.size;
    // Fewer than asked for: there are no others.
    if (listed < limit || limit === 1) {
      ways.settle(listed, listed, -1);
      return;
    }
    this.#noteByUplinks();
    const noted = ways.size;
    ways.settle(listed, noted, this.#apart(egress));
  }

  /** A list for each last hop: the ways to where it leaves. */
  #openLists(egress: number): void {
    const { arrivals, paths: { view: { transit } } } = this.#search;
    const open = this.#open;
    open.clear();
    if (transit[egress] !== 1) open.open(arrivals.first[egress]!, arrivals.first[egress + 1]!);
    open.open(arrivals.own, arrivals.ownEnd);
  }

  /** The best way from each uplink of the ingress to each adjacency of the egress. */
  #noteByUplinks(): void {
    const { byUplink, first, uplinks, pool } = this.#lists;
    const open = this.#open;
    const count = uplinks.length;
    for (let list = 0; list < open.size; list++) {
      const site = open.site(list);
      const head = open.head(list);
      const begin = first[site]!;
      for (let index = 0; index < count; index++) {
        const way = byUplink[site * 8 + uplinks[index]!]!;
        // Those before the head are taken already.
        if (way < 0 || (way >= begin && way < head)) continue;
        open.note(list, way);
      }
      // The direct adjacency: a list of one, which is empty but for its last hop.
      if (head !== open.end(list) && pool.length[head] === 0) open.note(list, head);
    }
  }

  /** A way that was noted, or a new one, that shares nothing with the best; -1: there is none. */
  #apart(egress: number): number {
    const { uplinks, risks } = this.#search;
    let found = -1;
    // Most ends have one uplink, or one adjacency: then there is nothing to search for.
    if (uplinks[this.#from]! > 1 && uplinks[egress]! > 1) {
      if (risks.sharers.length > 0) found = this.#apartBy("risks", egress);
      if (found < 0) found = this.#apartBy("fully", egress);
    }
    return found < 0 ? this.#apartBy("links", egress) : found;
  }

  #apartBy(apart: Apart, egress: number): number {
    const found = this.#listedApart(apart);
    return found < 0 ? this.#searchedApart(apart, egress) : found;
  }

  /** One that is apart from the best, of what is noted and of the lists. */
  #listedApart(apart: Apart): number {
    const { ways } = this.#search;
    const open = this.#open;
    const known = this.#lists.pool;
    const leaves = ways.hop(0, 0);
    const arrives = ways.hop(0, ways.length(0) - 1);
    const isApart = (way: number) =>
      apart === "links"
        ? ways.sharesNoHop(way, 0)
        : ways.isApart(way, 0) && (apart === "fully" || ways.sharesNoRisk(way, 0));
    const noted = ways.size;
    for (let way = 1; way < noted; way++) if (isApart(way)) return way;
    for (let list = 0; list < open.size; list++) {
      if (open.exit(list) === arrives) continue;
      const end = open.end(list);
      for (let way = open.head(list); way < end; way++) {
        if (known.length[way] === 0 || known.hop(way, 0) === leaves) continue;
        const found = open.note(list, way);
        if (isApart(found)) return found;
        ways.drop();
      }
    }
    return -1;
  }

  #searchedApart(apart: Apart, egress: number): number {
    const { disjoint, ways, paths } = this.#search;
    paths.growFrom(this.#from);
    const best = ways.own.open();
    const length = ways.length(0);
    for (let at = 0; at < length; at++) ways.own.push(ways.hop(0, at));
    ways.own.close(ways.cost(0));
    const found = disjoint.find(best, this.#from, egress, apart);
    return found < 0 ? -1 : ways.noteOwn(found);
  }
}

function nearest(paths: ShortestPaths, from: number): number[] {
  const { distance } = paths.growFrom(from);
  const { transit } = paths.view;
  const sites: number[] = [];
  for (let site = 0; site < distance.length; site++) {
    if (transit[site] === 1 && site !== from && distance[site]! < Infinity) sites.push(site);
  }
  return sites.sort((a, b) => distance[a]! - distance[b]! || a - b).slice(0, TRANSITS_TRIED);
}
