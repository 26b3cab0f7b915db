/**
 * Ways from one site to another that are worth knowing: the shortest ones, the best from each uplink
 * of the one to each adjacency of the other, and one that shares nothing with the best. Bounded, and
 * the same for the same network.
 */

import { type Apart, isApart, sharesNoHop } from "./apart.ts";
import { type CandidateSearch, DIRECT_AT_MOST } from "./candidate_search.ts";
import type { WayLists } from "./ingress_ways.ts";
import { type ShortestPaths, shortestThrough } from "./shortest_path.ts";
import { bits, MarkSets } from "./marks.ts";
import { lowerBound } from "./topology.ts";
import { ordered, type Way, waysThrough } from "./ways.ts";

export { CandidateSearch, DEFAULT_LIMIT } from "./candidate_search.ts";
export { isSimple, type Way } from "./ways.ts";

/** Transit sites looked at for ways that have to pass others: the nearest to the ingress. */
const TRANSITS_TRIED = 32;

/** Unordered sites that every way must pass. */
export interface WayOptions {
  readonly required?: readonly number[];
}

/** Takes a way: hop `at` of `length` is `hops[start + at]`, good until the next way is handed over. */
export type Visit = (hops: Int32Array, start: number, length: number, cost: number) => void;

/** Ways from one ingress to any egress, under one view. Keep it for all egresses. */
export class Candidates {
  readonly #search: CandidateSearch;
  readonly #from: number;
  readonly #lists: WayLists;
  /** Uplinks of the ingress by which some list has a way. */
  readonly #uplinks: number[] = [];
  /** Lists open for the egress at hand. */
  #open = 0;
  /** Of each: its last hop (-1: the egress is itself where the list leads), that one's cost, … */
  readonly #exit: Int32Array;
  readonly #exitCost: Float64Array;
  /** … where the list leads, its next way and where it ends, and what that way costs as a whole. */
  readonly #site: Int32Array;
  readonly #head: Int32Array;
  readonly #end: Int32Array;
  readonly #cost: Float64Array;
  /** Ways of the search's pool: what is left to choose from, and what was chosen. */
  readonly #left: number[] = [];
  /** Ways of the lists that may be taken as well: which list, which way. */
  readonly #spareList: number[] = [];
  readonly #spareWay: number[] = [];
  readonly #chosen: number[] = [];
  /** Marks of the lists' ways, and of the search's, by their numbers. */
  readonly #listMarks: MarkSets;
  readonly #ownMarks = new MarkSets();

  constructor(search: CandidateSearch, from: number) {
    this.#search = search;
    this.#from = from;
    search.paths.growFrom(from);
    this.#lists = search.lists.from(from);
    this.#listMarks = search.marks.ofPool(this.#lists.pool);
    for (let uplink = 0; uplink < 8; uplink++) {
      for (let key = uplink; key < this.#lists.byUplink.length; key += 8) {
        if (this.#lists.byUplink[key]! < 0) continue;
        this.#uplinks.push(uplink);
        break;
      }
    }
    const most = search.mostArrivals + DIRECT_AT_MOST;
    this.#exit = new Int32Array(most);
    this.#exitCost = new Float64Array(most);
    this.#site = new Int32Array(most);
    this.#head = new Int32Array(most);
    this.#end = new Int32Array(most);
    this.#cost = new Float64Array(most);
  }

  /** Cheapest first (then fewer hops, then smaller indices); none of them passes a site twice. */
  to(egress: number, options: WayOptions = {}): Way[] {
    const { pool } = this.#search;
    const must = (options.required ?? []).filter((site) => site !== this.#from && site !== egress);
    if (must.length > 0) this.#passing(egress, must);
    else this.#choose(egress);
    return this.#chosen.map((way) => pool.way(way));
  }

  /** The same ways, handed over one by one without an array of their own. */
  visit(egress: number, visit: Visit): void {
    this.#choose(egress);
    const { pool } = this.#search;
    for (let index = 0; index < this.#chosen.length; index++) {
      const way = this.#chosen[index]!;
      visit(pool.hops, pool.start[way]!, pool.length[way]!, pool.cost[way]!);
    }
  }

  /** Ways that pass `via` in this order. */
  through(egress: number, via: readonly number[]): Way[] {
    const inner = via.filter((site) => site !== this.#from && site !== egress);
    this.#bound(waysThrough(this.#search.paths, this.#from, egress, inner));
    return this.#chosen.map((way) => this.#search.pool.way(way));
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

  #bound(ways: readonly Way[]): void {
    const { pool, paths } = this.#search;
    this.#begin();
    for (const way of ways) {
      pool.open();
      for (const hop of way) pool.push(hop);
      const added = pool.close(way.reduce((sum, hop) => sum + paths.view.cost[hop]!, 0));
      this.#search.marks.ofWay(pool, added, this.#ownMarks);
      this.#left.push(added);
    }
    this.#pick(-1);
  }

  #begin(): void {
    this.#search.pool.clear();
    this.#left.length = 0;
    this.#spareList.length = this.#spareWay.length = 0;
    this.#chosen.length = 0;
  }

  #choose(egress: number): void {
    const { limit } = this.#search;
    this.#begin();
    this.#openLists(egress);
    for (let place = 0; place < limit; place++) {
      const best = this.#bestHead();
      if (best < 0) break;
      this.#left.push(this.#take(best, this.#head[best]!));
      this.#advance(best);
    }
    // Fewer than asked for: there are no others.
    if (this.#left.length < limit || limit === 1) {
      for (let index = 0; index < this.#left.length; index++) this.#chosen.push(this.#left[index]!);
      return;
    }
    this.#spareByUplinks();
    this.#pick(this.#apart(egress));
  }

  /** A list for each last hop: the ways to where it leaves. */
  #openLists(egress: number): void {
    const { paths: { view: { topology, transit, usable, cost } }, arrivals } = this.#search;
    this.#open = 0;
    if (transit[egress] === 1) {
      this.#openList(-1, egress, 0);
      return;
    }
    const { first, hop, site, cost: arrivalCost } = arrivals;
    const end = first[egress + 1]!;
    for (let at = first[egress]!; at < end; at++) {
      this.#openList(hop[at]!, site[at]!, arrivalCost[at]!);
    }
    if (transit[this.#from] === 1) return;
    const low = lowerBound(topology, this.#from, egress);
    for (let direct = low; topology.to[direct] === egress; direct++) {
      if (topology.from[direct] !== this.#from) break;
      if (usable[direct] === 1) this.#openList(direct, this.#from, cost[direct]!);
    }
  }

  #openList(exit: number, site: number, exitCost: number): void {
    const { first, pool } = this.#lists;
    const head = first[site]!;
    const end = first[site + 1]!;
    if (head === end) return;
    const list = this.#open++;
    this.#exit[list] = exit;
    this.#exitCost[list] = exitCost;
    this.#site[list] = site;
    this.#head[list] = head;
    this.#end[list] = end;
    this.#cost[list] = pool.cost[head]! + exitCost;
  }

  #advance(list: number): void {
    const head = this.#head[list]! + 1;
    this.#head[list] = head;
    this.#cost[list] = head === this.#end[list]
      ? Infinity
      : this.#lists.pool.cost[head]! + this.#exitCost[list]!;
  }

  /** The list whose head is the best of all; -1: all are at their end. */
  #bestHead(): number {
    const costs = this.#cost;
    const open = this.#open;
    let best = -1;
    let least = Infinity;
    for (let list = 0; list < open; list++) {
      const sum = costs[list]!;
      if (sum > least || sum === Infinity) continue;
      if (sum === least && this.#comparePeers(list, best) >= 0) continue;
      best = list;
      least = sum;
    }
    return best;
  }

  /** Two heads that cost the same: fewer hops, then the smaller adjacency where they part. */
  #comparePeers(a: number, b: number): number {
    const { pool } = this.#lists;
    const [wayA, wayB] = [this.#head[a]!, this.#head[b]!];
    const longer = pool.length[wayA]! - pool.length[wayB]!;
    if (longer !== 0) return longer;
    for (let at = 0; at < pool.length[wayA]!; at++) {
      const difference = pool.hop(wayA, at) - pool.hop(wayB, at);
      if (difference !== 0) return difference;
    }
    return this.#exit[a]! - this.#exit[b]!;
  }

  #take(list: number, way: number): number {
    const { pool, marks } = this.#search;
    const exit = this.#exit[list]!;
    pool.open();
    pool.append(this.#lists.pool, way);
    if (exit >= 0) pool.push(exit);
    const taken = pool.close(this.#lists.pool.cost[way]! + this.#exitCost[list]!);
    const own = this.#ownMarks;
    const known = this.#listMarks;
    own.room(taken);
    own.low[taken] = known.low[way]! | (exit < 0 ? 0 : marks.low[exit]!);
    own.high[taken] = known.high[way]! | (exit < 0 ? 0 : marks.high[exit]!);
    return taken;
  }

  /** The best way from each uplink of the ingress to each adjacency of the egress. */
  #spareByUplinks(): void {
    const { byUplink, first } = this.#lists;
    const uplinks = this.#uplinks;
    for (let list = 0; list < this.#open; list++) {
      const site = this.#site[list]!;
      const head = this.#head[list]!;
      for (let index = 0; index < uplinks.length; index++) {
        const way = byUplink[site * 8 + uplinks[index]!]!;
        // Those before the head are taken already.
        if (way < 0 || (way >= first[site]! && way < head)) continue;
        this.#spareList.push(list);
        this.#spareWay.push(way);
      }
      // The direct adjacency: a list of one, which is empty but for its last hop.
      if (site === this.#from && head !== this.#end[list]) {
        this.#spareList.push(list);
        this.#spareWay.push(head);
      }
    }
  }

  /** A way of what is left, or a new one, that shares nothing with the best; -1: there is none. */
  #apart(egress: number): number {
    const { disjoint, marks, pool, uplinks } = this.#search;
    const best = this.#left[0]!;
    let found = -1;
    // Most ends have one uplink, or one adjacency: then there is nothing to search for.
    if (uplinks[this.#from]! > 1 && uplinks[egress]! > 1) {
      found = this.#listedApart(best, isApart);
      if (found >= 0) return found;
      found = disjoint.find(best, this.#from, egress, "fully");
    }
    if (found < 0) {
      found = this.#listedApart(best, sharesNoHop);
      if (found >= 0) return found;
      found = disjoint.find(best, this.#from, egress, "links");
    }
    if (found >= 0) marks.ofWay(pool, found, this.#ownMarks);
    return found;
  }

  /** One that is apart from the best, of what is left, what is spare, and the lists. */
  #listedApart(best: number, apart: Apart): number {
    const { pool, paths: { view: { topology } } } = this.#search;
    const known = this.#lists.pool;
    const left = this.#left;
    for (let index = 1; index < left.length; index++) {
      if (apart(topology, pool, left[index]!, best)) return left[index]!;
    }
    const leaves = pool.hop(best, 0);
    const arrives = pool.hop(best, pool.length[best]! - 1);
    const spares = this.#spareWay;
    for (let spare = 0; spare < spares.length; spare++) {
      const list = this.#spareList[spare]!;
      const way = spares[spare]!;
      const first = known.length[way] === 0 ? this.#exit[list]! : known.hop(way, 0);
      if (first === leaves || this.#exit[list] === arrives) continue;
      const taken = this.#take(list, way);
      if (apart(topology, pool, taken, best)) {
        spares[spare] = -1;
        return taken;
      }
      pool.drop();
    }
    for (let list = 0; list < this.#open; list++) {
      if (this.#exit[list] === arrives) continue;
      for (let way = this.#head[list]!; way < this.#end[list]!; way++) {
        if (known.length[way] === 0 || known.hop(way, 0) === leaves) continue;
        const taken = this.#take(list, way);
        if (apart(topology, pool, taken, best)) return taken;
        pool.drop();
      }
    }
    return -1;
  }

  /**
   * Half of the places go by order, half to what shares least with those chosen before; `apart` has
   * the second, if there is one (it may be new).
   */
  #pick(apart: number): void {
    const { limit } = this.#search;
    const own = this.#ownMarks;
    const left = this.#left;
    let usedLow = 0;
    let usedHigh = 0;
    for (let place = 0; place < limit; place++) {
      let way = -1;
      if (place === 1 && apart >= 0) {
        way = apart;
        const at = left.indexOf(apart);
        if (at >= 0) takeOut(left, at);
      } else if (place % 2 === 1) way = this.#leastShared(usedLow, usedHigh);
      else if (left.length > 0) way = takeOut(left, 0);
      if (way < 0) way = left.length > 0 ? takeOut(left, 0) : this.#leastShared(usedLow, usedHigh);
      if (way < 0) break;
      usedLow |= own.low[way]!;
      usedHigh |= own.high[way]!;
      this.#insert(way);
    }
  }

  /** Takes out the way, left or spare, that has least in common with what is used; -1: none is. */
  #leastShared(usedLow: number, usedHigh: number): number {
    const own = this.#ownMarks;
    const known = this.#listMarks;
    const { marks } = this.#search;
    const left = this.#left;
    const spares = this.#spareWay;
    let pick = -1;
    let least = 65;
    for (let index = 0; index < left.length; index++) {
      const way = left[index]!;
      const shared = bits(own.low[way]! & usedLow, own.high[way]! & usedHigh);
      if (shared < least) {
        pick = index;
        least = shared;
      }
    }
    let spare = -1;
    for (let index = 0; index < spares.length; index++) {
      const way = spares[index]!;
      if (way < 0) continue;
      const exit = this.#exit[this.#spareList[index]!]!;
      const low = known.low[way]! | (exit < 0 ? 0 : marks.low[exit]!);
      const high = known.high[way]! | (exit < 0 ? 0 : marks.high[exit]!);
      const shared = bits(low & usedLow, high & usedHigh);
      if (shared < least) {
        spare = index;
        least = shared;
      }
    }
    if (spare >= 0) {
      const way = this.#take(this.#spareList[spare]!, spares[spare]!);
      spares[spare] = -1;
      return way;
    }
    return pick < 0 ? -1 : takeOut(left, pick);
  }

  /** Keeps the chosen in order. */
  #insert(way: number): void {
    const { pool } = this.#search;
    const chosen = this.#chosen;
    let at = chosen.length;
    chosen.push(way);
    while (at > 0 && pool.compare(way, chosen[at - 1]!) < 0) {
      chosen[at] = chosen[at - 1]!;
      at--;
    }
    chosen[at] = way;
  }
}

/** As splice does, but without an array for the one that is taken. */
function takeOut(from: number[], at: number): number {
  const taken = from[at]!;
  for (let index = at + 1; index < from.length; index++) from[index - 1] = from[index]!;
  from.length--;
  return taken;
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
