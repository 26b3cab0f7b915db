/** The ways of one pair of sites, hop after hop in one array that is used again for the next pair. */

import type { Topology } from "./topology.ts";

export class WayPool {
  readonly #topology: Topology;
  /** Of the whole pool; way `w` is `[start[w], start[w] + length[w])`. */
  hops = new Int32Array(1024);
  start = new Int32Array(64);
  length = new Int32Array(64);
  cost = new Float64Array(64);
  /** Ways in it. */
  size = 0;
  #end = 0;

  constructor(topology: Topology) {
    this.#topology = topology;
  }

  /** The same ways with hops of their own, to be exchanged for others. Neither may grow any more. */
  twin(): WayPool {
    const twin = new WayPool(this.#topology);
    twin.hops = this.hops.slice(0, this.#end);
    twin.start = this.start;
    twin.length = this.length;
    twin.cost = this.cost;
    twin.size = this.size;
    twin.#end = this.#end;
    return twin;
  }

  clear(): void {
    this.size = 0;
    this.#end = 0;
  }

  /** Begins a way; it counts after {@link close}. Answers its number. */
  open(): number {
    if (this.size === this.start.length) this.#growWays();
    this.start[this.size] = this.#end;
    this.length[this.size] = 0;
    return this.size;
  }

  /** One more hop of the way that is open. */
  push(hop: number): void {
    const way = this.size;
    const at = this.start[way]! + this.length[way]!;
    if (at === this.hops.length) this.#growHops();
    this.hops[at] = hop;
    this.length[way] = this.length[way]! + 1;
  }

  /** All hops of a way of this or another pool. */
  append(pool: WayPool, way: number): void {
    const from = pool.start[way]!;
    const count = pool.length[way]!;
    const open = this.size;
    const into = this.start[open]! + this.length[open]!;
    while (into + count > this.hops.length) this.#growHops();
    for (let at = 0; at < count; at++) this.hops[into + at] = pool.hops[from + at]!;
    this.length[open] = this.length[open]! + count;
  }

  /** Takes back the way that was closed last. */
  drop(): void {
    this.size--;
    this.#end = this.start[this.size]!;
  }

  close(cost: number): number {
    const way = this.size++;
    this.#end = this.start[way]! + this.length[way]!;
    this.cost[way] = cost;
    return way;
  }

  /** Below zero: `a` comes first. By cost, then hops, then the smaller adjacency where they part. */
  compare(a: number, b: number): number {
    const { cost, length, start, hops } = this;
    const dearer = cost[a]! - cost[b]!;
    if (dearer !== 0) return dearer;
    const longer = length[a]! - length[b]!;
    if (longer !== 0) return longer;
    const atA = start[a]!;
    const atB = start[b]!;
    for (let hop = 0; hop < length[a]!; hop++) {
      const difference = hops[atA + hop]! - hops[atB + hop]!;
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** Hop `at` of the way. */
  hop(way: number, at: number): number {
    return this.hops[this.start[way]! + at]!;
  }

  way(way: number): number[] {
    const start = this.start[way]!;
    return Array.from(this.hops.subarray(start, start + this.length[way]!));
  }

  #growWays(): void {
    this.start = grown(this.start);
    this.length = grown(this.length);
    const cost = new Float64Array(this.cost.length * 2);
    cost.set(this.cost);
    this.cost = cost;
  }

  #growHops(): void {
    this.hops = grown(this.hops);
  }
}

/** The same with twice the room. */
export function grown(from: Int32Array): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2);
  to.set(from);
  return to;
}
