/**
 * The best ways of one ingress to one egress, one after another: a list for each last hop, of the
 * ways to the site where it leaves, each best first.
 */

import type { Arrivals } from "./candidate_search.ts";
import type { WayLists } from "./ingress_ways.ts";
import type { MarkSets } from "./marks.ts";
import type { PairWays } from "./pair_ways.ts";

export class OpenLists {
  readonly #lists: WayLists;
  /** By way of the lists. */
  readonly #marks: MarkSets;
  readonly #ways: PairWays;
  /** Lists that are open; they are numbered from 0. */
  size = 0;
  /** By list: its last hop (-1: the egress is itself where the list leads), … */
  readonly exit: Int32Array;
  /** … where that leaves, the next way of the list, and where it ends. */
  readonly site: Int32Array;
  readonly head: Int32Array;
  readonly end: Int32Array;
  /** What the last hop costs, what it uses, and what the next way costs as a whole. */
  readonly #exitCost: Float64Array;
  readonly #exitLow: Int32Array;
  readonly #exitHigh: Int32Array;
  readonly #cost: Float64Array;

  /** `most`: lists that are open at once. */
  constructor(lists: WayLists, marks: MarkSets, ways: PairWays, most: number) {
    this.#lists = lists;
    this.#marks = marks;
    this.#ways = ways;
    this.exit = new Int32Array(most);
    this.site = new Int32Array(most);
    this.head = new Int32Array(most);
    this.end = new Int32Array(most);
    this.#exitCost = new Float64Array(most);
    this.#exitLow = new Int32Array(most);
    this.#exitHigh = new Int32Array(most);
    this.#cost = new Float64Array(most);
  }

  /** The list of the ways to a site that need no other hop. */
  openWhole(site: number): void {
    this.#open(-1, site, 0, 0, 0);
  }

  /** The lists that lead to a site by the last hops `[from, end)`. */
  openAll(arrivals: Arrivals, from: number, end: number): void {
    const { hop, site, cost, low, high } = arrivals;
    for (let at = from; at < end; at++) {
      this.#open(hop[at]!, site[at]!, cost[at]!, low[at]!, high[at]!);
    }
  }

  /** The list of one way: the hop from the ingress itself. */
  openDirect(hop: number, site: number, cost: number, low: number, high: number): void {
    this.#open(hop, site, cost, low, high);
  }

  #open(exit: number, site: number, exitCost: number, low: number, high: number): void {
    const { first, pool } = this.#lists;
    const head = first[site]!;
    const end = first[site + 1]!;
    if (head === end) return;
    const list = this.size++;
    this.exit[list] = exit;
    this.site[list] = site;
    this.head[list] = head;
    this.end[list] = end;
    this.#exitCost[list] = exitCost;
    this.#exitLow[list] = low;
    this.#exitHigh[list] = high;
    this.#cost[list] = pool.cost[head]! + exitCost;
  }

  /** Notes a way of a list (or one that leads to the same site and is in none). */
  note(list: number, way: number): number {
    const known = this.#marks;
    return this.#ways.note(
      way,
      this.exit[list]!,
      this.#lists.pool.cost[way]! + this.#exitCost[list]!,
      known.low[way]! | this.#exitLow[list]!,
      known.high[way]! | this.#exitHigh[list]!,
    );
  }

  /** Takes the best of what is left of all lists, and notes it; -1: all are at their end. */
  take(): number {
    const best = this.#best();
    if (best < 0) return -1;
    const head = this.head[best]!;
    const noted = this.note(best, head);
    const next = head + 1;
    this.head[best] = next;
    this.#cost[best] = next === this.end[best]
      ? Infinity
      : this.#lists.pool.cost[next]! + this.#exitCost[best]!;
    return noted;
  }

  #best(): number {
    const costs = this.#cost;
    const { size } = this;
    let best = -1;
    let least = Infinity;
    for (let list = 0; list < size; list++) {
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
    const [wayA, wayB] = [this.head[a]!, this.head[b]!];
    const longer = pool.length[wayA]! - pool.length[wayB]!;
    if (longer !== 0) return longer;
    for (let at = 0; at < pool.length[wayA]!; at++) {
      const difference = pool.hop(wayA, at) - pool.hop(wayB, at);
      if (difference !== 0) return difference;
    }
    return this.exit[a]! - this.exit[b]!;
  }
}
