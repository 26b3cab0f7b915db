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
    const grown = this.start.length * 2;
    this.start = copied(this.start, new Int32Array(grown));
    this.length = copied(this.length, new Int32Array(grown));
    const cost = new Float64Array(grown);
    cost.set(this.cost);
    this.cost = cost;
  }

  #growHops(): void {
    this.hops = copied(this.hops, new Int32Array(this.hops.length * 2));
  }
}

function copied(from: Int32Array, to: Int32Array): Int32Array<ArrayBuffer> {
  to.set(from);
  return to as Int32Array<ArrayBuffer>;
}
