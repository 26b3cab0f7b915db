/**
 * Ways of the pair at hand, noted as a way of the ingress's lists and a last hop. Most are looked at
 * and not taken, so their hops are put together only when they are handed over.
 */

import type { Marks } from "./marks.ts";
import type { Topology } from "./topology.ts";
import { WayPool } from "./way_pool.ts";

export class PairWays {
  /** Ways noted; they are numbered from 0. */
  size = 0;
  /** By way: where it lies in the lists' pool, or in the pair's own as its complement. */
  way = new Int32Array(64);
  /** The hop after that; -1: none. */
  exit = new Int32Array(64);
  cost = new Float64Array(64);
  /** What it uses, as in `MarkSets`. */
  low = new Int32Array(64);
  high = new Int32Array(64);
  /** Ways that no list has. */
  readonly own: WayPool;
  #lists: WayPool;

  constructor(topology: Topology) {
    this.own = this.#lists = new WayPool(topology);
  }

  /** Forgets everything; what is noted next lies in these lists. */
  begin(lists: WayPool): void {
    this.#lists = lists;
    this.size = 0;
    this.own.clear();
  }

  /** Answers its number. */
  note(way: number, exit: number, cost: number, low: number, high: number): number {
    const number = this.size++;
    if (number === this.way.length) this.#grow();
    this.way[number] = way;
    this.exit[number] = exit;
    this.cost[number] = cost;
    this.low[number] = low;
    this.high[number] = high;
    return number;
  }

  /** Notes a way of the pair's own pool, with all that it uses. */
  noteOwn(way: number, marks: Marks): number {
    let low = 0;
    let high = 0;
    for (let at = 0; at < this.own.length[way]!; at++) {
      const hop = this.own.hop(way, at);
      low |= marks.low[hop]!;
      high |= marks.high[hop]!;
    }
    return this.note(~way, -1, this.own.cost[way]!, low, high);
  }

  /** Takes back the way that was noted last. */
  drop(): void {
    this.size--;
  }

  /** Hops of a way. */
  length(number: number): number {
    const way = this.way[number]!;
    if (way < 0) return this.own.length[~way]!;
    const before = this.#lists.length[way]!;
    return this.exit[number]! < 0 ? before : before + 1;
  }

  hop(number: number, at: number): number {
    const way = this.way[number]!;
    if (way < 0) return this.own.hop(~way, at);
    return at < this.#lists.length[way]! ? this.#lists.hop(way, at) : this.exit[number]!;
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
    const exit = this.exit[number]!;
    if (exit < 0) return before;
    into[before] = exit;
    return before + 1;
  }

  /** Below zero: `a` comes first. By cost, then hops, then the smaller adjacency where they part. */
  compare(a: number, b: number): number {
    const dearer = this.cost[a]! - this.cost[b]!;
    if (dearer !== 0) return dearer;
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
  isApart({ from, to, fromUplink, toUplink }: Topology, a: number, b: number): boolean {
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

  /** Have two ways no adjacency in common? */
  sharesNoHop(a: number, b: number): boolean {
    const [lengthA, lengthB] = [this.length(a), this.length(b)];
    for (let at = 0; at < lengthA; at++) {
      const one = this.hop(a, at);
      for (let by = 0; by < lengthB; by++) if (one === this.hop(b, by)) return false;
    }
    return true;
  }

  #grow(): void {
    const size = this.way.length * 2;
    const ints = (from: Int32Array) => {
      const grown = new Int32Array(size);
      grown.set(from);
      return grown;
    };
    this.way = ints(this.way);
    this.exit = ints(this.exit);
    this.low = ints(this.low);
    this.high = ints(this.high);
    const cost = new Float64Array(size);
    cost.set(this.cost);
    this.cost = cost;
  }
}
