/**
 * How much two ways have in common, roughly and at once: what each uses (uplinks, sites) as 64 bits,
 * of which each thing sets one. Different things may set the same, so none in common is sure and some
 * in common is an estimate.
 */

import type { Topology } from "./topology.ts";
import type { WayPool } from "./way_pool.ts";

/** By way of a pool. */
export class MarkSets {
  low = new Int32Array(64);
  high = new Int32Array(64);

  room(way: number): void {
    if (way < this.low.length) return;
    const [low, high] = [this.low, this.high];
    this.low = new Int32Array(way * 2);
    this.high = new Int32Array(way * 2);
    this.low.set(low);
    this.high.set(high);
  }
}

/** By adjacency: both uplinks and the site that it leaves. */
export class Marks {
  readonly low: Int32Array;
  readonly high: Int32Array;

  constructor({ from, to, fromUplink, toUplink }: Topology) {
    this.low = new Int32Array(from.length);
    this.high = new Int32Array(from.length);
    for (let hop = 0; hop < from.length; hop++) {
      const things = [
        from[hop]! * 9 + fromUplink[hop]!,
        to[hop]! * 9 + toUplink[hop]!,
        from[hop]! * 9 + 8,
      ];
      for (const thing of things) {
        // Fibonacci hashing: the top six bits of the product with 2³² ÷ φ.
        const bit = Math.imul(thing, 0x9e3779b1) >>> 26;
        if (bit < 32) this.low[hop] = this.low[hop]! | (1 << bit);
        else this.high[hop] = this.high[hop]! | (1 << (bit - 32));
      }
    }
  }

  ofWay(pool: WayPool, way: number, into: MarkSets): void {
    let low = 0;
    let high = 0;
    const start = pool.start[way]!;
    const end = start + pool.length[way]!;
    for (let at = start; at < end; at++) {
      low |= this.low[pool.hops[at]!]!;
      high |= this.high[pool.hops[at]!]!;
    }
    into.room(way);
    into.low[way] = low;
    into.high[way] = high;
  }

  ofPool(pool: WayPool): MarkSets {
    const sets = new MarkSets();
    for (let way = 0; way < pool.size; way++) this.ofWay(pool, way, sets);
    return sets;
  }
}

/** How many bits of two words are set. */
export function bits(low: number, high: number): number {
  const a = low - ((low >>> 1) & 0x55555555);
  const b = high - ((high >>> 1) & 0x55555555);
  const fours = (a & 0x33333333) + ((a >>> 2) & 0x33333333) + (b & 0x33333333) +
    ((b >>> 2) & 0x33333333);
  return Math.imul((fours & 0x0f0f0f0f) + ((fours >>> 4) & 0x0f0f0f0f), 0x01010101) >>> 24;
}
