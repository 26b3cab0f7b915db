/**
 * Ways of the pair at hand, noted as a way of the ingress's lists and a last hop. Most are looked at
 * and not taken, so their hops are put together only when they are handed over.
 */

import type { Arrivals } from "./arrivals.ts";
import type { Marks, MarkSets } from "./marks.ts";
import type { Risks } from "./risk.ts";
import type { Topology } from "./topology.ts";
import { grown, WayPool } from "./way_pool.ts";

export class PairWays {
  /** Ways noted; they are numbered from 0. */
  size = 0;
  /** By way: where it lies in the lists' pool, or in the pair's own as its complement. */
  way = new Int32Array(64);
  /** How it arrives behind that; of no meaning to the pair's own. */
  arrival = new Int32Array(64);
  /** What it uses, as in `MarkSets`. */
  low = new Int32Array(64);
  high = new Int32Array(64);
  /** Its place in the order of all, by {@link settle}. */
  rank = new Int32Array(64);
  /** Ways before this one are the best of all, best first. */
  listed = 0;
  /** Ways before this one are there to be chosen from. */
  noted = 0;
  /** The one that is apart from the best, which may be behind these; -1: none. */
  apart = -1;
  /** What each way of the lists uses. */
  listMarks: MarkSets = { low: new Int32Array(0), high: new Int32Array(0) };
  /** Ways that no list has. */
  readonly own: WayPool;
  readonly #topology: Topology;
  readonly #risks: Risks;
  readonly #marks: Marks;
  readonly #arrivals: Arrivals;
  #lists: WayPool;
  /** Ways in order, and what they cost there. */
  #order = new Int32Array(64);
  #costs = new Float64Array(64);

  constructor(topology: Topology, risks: Risks, marks: Marks, arrivals: Arrivals) {
    this.#topology = topology;
    this.#risks = risks;
    this.#marks = marks;
    this.#arrivals = arrivals;
    this.own = this.#lists = new WayPool(topology);
  }

  /** Forgets everything; what is noted next lies in these lists. */
  begin(lists: WayPool, marks: MarkSets): void {
    this.#lists = lists;
    this.listMarks = marks;
    this.size = 0;
    this.own.clear();
  }

  /** Answers its number. */
  note(way: number, arrival: number): number {
    const number = this.size++;
    if (number === this.way.length) this.#grow();
    const { low, high } = this.#arrivals;
    this.way[number] = way;
    this.arrival[number] = arrival;
    this.low[number] = this.listMarks.low[way]! | low[arrival]!;
    this.high[number] = this.listMarks.high[way]! | high[arrival]!;
    return number;
  }

  /** Makes room for that many ways, for who notes them by itself. */
  room(size: number): this {
    while (size > this.way.length) this.#grow();
    return this;
  }

  /** Notes a way of the pair's own pool, and answers its number. */
  noteOwn(way: number, number = this.size++): number {
    if (number === this.way.length) this.#grow();
    let low = 0;
    let high = 0;
    for (let at = 0; at < this.own.length[way]!; at++) {
      const hop = this.own.hop(way, at);
      low |= this.#marks.low(hop);
      high |= this.#marks.high(hop);
    }
    this.way[number] = ~way;
    this.low[number] = low;
    this.high[number] = high;
    return number;
  }

  /** Says which ways are there to be chosen from, and ranks all. */
  settle(listed: number, noted: number, apart: number): void {
    this.listed = listed;
    this.noted = noted;
    this.apart = apart;
    const order = this.#order;
    const costs = this.#costs;
    for (let way = 0; way < this.size; way++) {
      const cost = this.cost(way);
      let at = way;
      for (; at > 0; at--) {
        const before = order[at - 1]!;
        const dearer = costs[at - 1]! - cost;
        if (dearer < 0 || (dearer === 0 && this.#comparePeers(before, way) <= 0)) break;
        order[at] = before;
        costs[at] = costs[at - 1]!;
      }
      order[at] = way;
      costs[at] = cost;
    }
    for (let at = 0; at < this.size; at++) this.rank[order[at]!] = at;
  }

  /** Takes back the way that was noted last. */
  drop(): void {
    this.size--;
  }

  cost(number: number): number {
    const way = this.way[number]!;
    if (way < 0) return this.own.cost[~way]!;
    return this.#lists.cost[way]! + this.#arrivals.cost[this.arrival[number]!]!;
  }

  /** Hops of a way. */
  length(number: number): number {
    const way = this.way[number]!;
    if (way < 0) return this.own.length[~way]!;
    const before = this.#lists.length[way]!;
    return this.#exit(number) < 0 ? before : before + 1;
  }

  hop(number: number, at: number): number {
    const way = this.way[number]!;
    if (way < 0) return this.own.hop(~way, at);
    return at < this.#lists.length[way]! ? this.#lists.hop(way, at) : this.#exit(number);
  }

  /** Puts the hops of a way together, from the beginning of `into`; answers how many they are. */
  copy(number: number, into: Int32Array): number {
    const noted = this.way[number]!;
    const pool = noted < 0 ? this.own : this.#lists;
    const way = noted < 0 ? ~noted : noted;
    const { hops } = pool;
    const start = pool.start[way]!;
    const before = pool.length[way]!;
    for (let at = 0; at < before; at++) into[at] = hops[start + at]!;
    if (noted < 0) return before;
    const exit = this.#exit(number);
    if (exit < 0) return before;
    into[before] = exit;
    return before + 1;
  }

  /** Two that cost the same: fewer hops, then the smaller adjacency where they part. */
  #comparePeers(a: number, b: number): number {
    const length = this.length(a);
    const longer = length - this.length(b);
    if (longer !== 0) return longer;
    for (let at = 0; at < length; at++) {
      const difference = this.hop(a, at) - this.hop(b, at);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** Have two ways no uplink and no site in between in common? */
  isApart(a: number, b: number): boolean {
    const { from, to, fromUplink, toUplink } = this.#topology;
    const lengthA = this.length(a);
    const lengthB = this.length(b);
    // Most that have something in common have the first uplink or the last.
    if (fromUplink[this.hop(a, 0)] === fromUplink[this.hop(b, 0)]) return false;
    if (toUplink[this.hop(a, lengthA - 1)] === toUplink[this.hop(b, lengthB - 1)]) return false;
    for (let at = 0; at < lengthA; at++) {
      const one = this.hop(a, at);
      for (let by = 0; by < lengthB; by++) {
        const other = this.hop(b, by);
        if (from[one] === from[other]) {
          if ((at > 0 && by > 0) || fromUplink[one] === fromUplink[other]) return false;
        }
        if (to[one] === to[other] && toUplink[one] === toUplink[other]) return false;
      }
    }
    return true;
  }

  /** Has no uplink of one way a risk that an uplink of the other has? */
  sharesNoRisk(a: number, b: number): boolean {
    const taken = this.#risksOf(b);
    return taken.size === 0 || this.#risksOf(a).isDisjointFrom(taken);
  }

  #risksOf(number: number): Set<number> {
    const { from, to, fromUplink, toUplink } = this.#topology;
    const { set, sets } = this.#risks;
    const found = new Set<number>();
    const length = this.length(number);
    for (let at = 0; at < length; at++) {
      const hop = this.hop(number, at);
      for (const risk of sets[set[from[hop]! * 8 + fromUplink[hop]!]!]!) found.add(risk);
      for (const risk of sets[set[to[hop]! * 8 + toUplink[hop]!]!]!) found.add(risk);
    }
    return found;
  }

  /** Have two ways no adjacency in common? */
  sharesNoHop(a: number, b: number): boolean {
    const [lengthA, lengthB] = [this.length(a), this.length(b)];
    for (let at = 0; at < lengthA; at++) {
      const one = this.hop(a, at);
      for (let by = 0; by < lengthB; by++) if (one === this.hop(b, by)) return false;
    }
    return true;
  }

  /** The hop behind the way of a list; -1: none. */
  #exit(number: number): number {
    return this.#arrivals.hop[this.arrival[number]!]!;
  }

  #grow(): void {
    this.way = grown(this.way);
    this.arrival = grown(this.arrival);
    this.low = grown(this.low);
    this.high = grown(this.high);
    this.rank = grown(this.rank);
    this.#order = grown(this.#order);
    this.#costs = new Float64Array(this.#order.length);
  }
}
