/**
 * The best ways of one ingress to one egress, one after another: a list for each last hop, of the
 * ways to the site where it leaves, each best first.
 */

import type { Arrivals } from "./arrivals.ts";
import type { WayLists } from "./ingress_ways.ts";
import type { PairWays } from "./pair_ways.ts";

export class OpenLists {
  readonly #lists: WayLists;
  readonly #ways: PairWays;
  readonly #arrivals: Arrivals;
  /** Lists that are open; they are numbered from 0. */
  size = 0;
  /** By list: its last hop, as an index of the arrivals, its next way, and where it ends. */
  readonly #arrival: Int32Array;
  readonly #head: Int32Array;
  readonly #end: Int32Array;
  /** What the next way costs as a whole. */
  readonly #cost: Float64Array;
  /** Lists that are not at their end, the one with the best way last. */
  readonly #order: Int32Array;
  #waiting = 0;

  constructor(lists: WayLists, ways: PairWays, arrivals: Arrivals) {
    this.#lists = lists;
    this.#ways = ways;
    this.#arrivals = arrivals;
    this.#arrival = new Int32Array(arrivals.most);
    this.#head = new Int32Array(arrivals.most);
    this.#end = new Int32Array(arrivals.most);
    this.#cost = new Float64Array(arrivals.most);
    this.#order = new Int32Array(arrivals.most);
  }

  clear(): void {
    this.size = this.#waiting = 0;
  }

  /** Opens the lists of arrivals `[from, end)`, those apart that have no way. */
  open(from: number, end: number): void {
    const { site, cost } = this.#arrivals;
    const { first, pool } = this.#lists;
    for (let arrival = from; arrival < end; arrival++) {
      const leads = site[arrival]!;
      const head = first[leads]!;
      const behind = first[leads + 1]!;
      if (head === behind) continue;
      const list = this.size++;
      this.#arrival[list] = arrival;
      this.#head[list] = head;
      this.#end[list] = behind;
      this.#cost[list] = pool.cost[head]! + cost[arrival]!;
      this.#enqueue(list);
    }
  }

  /** The last hop; -1: the egress is itself where the list leads. */
  exit(list: number): number {
    return this.#arrivals.hop[this.#arrival[list]!]!;
  }

  /** Where the list leads. */
  site(list: number): number {
    return this.#arrivals.site[this.#arrival[list]!]!;
  }

  /** The first way that was not taken. */
  head(list: number): number {
    return this.#head[list]!;
  }

  end(list: number): number {
    return this.#end[list]!;
  }

  /** Notes a way of a list (or one that leads to the same site and is in none). */
  note(list: number, way: number): number {
    return this.#ways.note(way, this.#arrival[list]!);
  }

  /** Takes the best way of all lists and notes it; false: all are at their end. */
  take(): boolean {
    if (this.#waiting === 0) return false;
    const list = this.#order[--this.#waiting]!;
    const head = this.#head[list]!;
    this.note(list, head);
    const next = head + 1;
    this.#head[list] = next;
    if (next < this.#end[list]!) {
      this.#cost[list] = this.#lists.pool.cost[next]! +
        this.#arrivals.cost[this.#arrival[list]!]!;
      this.#enqueue(list);
    }
    return true;
  }

  #enqueue(list: number): void {
    const order = this.#order;
    const costs = this.#cost;
    const cost = costs[list]!;
    let place = this.#waiting++;
    for (; place > 0; place--) {
      const other = order[place - 1]!;
      const better = costs[other]! - cost;
      if (better > 0 || (better === 0 && this.#comparePeers(other, list) > 0)) break;
      order[place] = other;
    }
    order[place] = list;
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
    return this.exit(a) - this.exit(b);
  }
}
