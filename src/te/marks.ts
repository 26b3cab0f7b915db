/**
 * How much two ways have in common, roughly and at once: what each uses (uplinks, their risks, sites)
 * as 64 bits, of which each sets one. Different things may set the same, so none in common is sure and some
 * in common is an estimate.
 */

import type { Risks } from "./risk.ts";
import type { Topology } from "./topology.ts";
import type { WayPool } from "./way_pool.ts";

/** By way of a pool. */
export interface MarkSets {
  readonly low: Int32Array;
  readonly high: Int32Array;
}

/** Things of a site: eight uplinks and itself. */
const THINGS = 9;

/** What an adjacency uses: both uplinks with their risks, and the site that it leaves. */
export class Marks {
  readonly #topology: Topology;
  /** By site × {@link THINGS} + uplink, or + 8: the bit of the thing, and those of its risks. */
  readonly #low: Int32Array;
  readonly #high: Int32Array;

  constructor(topology: Topology, { set, sets }: Risks) {
    const things = topology.sites.length * THINGS;
    this.#topology = topology;
    this.#low = new Int32Array(things);
    this.#high = new Int32Array(things);
    for (let thing = 0; thing < things; thing++) this.#mark(thing, thing);
    for (let uplink = 0; uplink < set.length; uplink++) {
      const thing = (uplink >> 3) * THINGS + (uplink & 7);
      for (const risk of sets[set[uplink]!]!) this.#mark(thing, things + risk);
    }
  }

  /** Adds the bit of `what`: itself, or a risk, which are numbered behind all things. */
  #mark(thing: number, what: number): void {
    // Fibonacci hashing: the top six bits of the product with 2³² ÷ φ.
    const bit = Math.imul(what, 0x9e3779b1) >>> 26;
    if (bit < 32) this.#low[thing] = this.#low[thing]! | (1 << bit);
    else this.#high[thing] = this.#high[thing]! | (1 << (bit - 32));
  }

  low(hop: number): number {
    return this.#of(this.#low, hop);
  }

  high(hop: number): number {
    return this.#of(this.#high, hop);
  }

  ofPool({ size, start, length, hops }: WayPool): MarkSets {
    const sets = { low: new Int32Array(size), high: new Int32Array(size) };
    for (let way = 0; way < size; way++) {
      let low = 0;
      let high = 0;
      const end = start[way]! + length[way]!;
      for (let at = start[way]!; at < end; at++) {
        low |= this.low(hops[at]!);
        high |= this.high(hops[at]!);
      }
      sets.low[way] = low;
      sets.high[way] = high;
    }
    return sets;
  }

  #of(marks: Int32Array, hop: number): number {
    const { from, to, fromUplink, toUplink } = this.#topology;
    const near = from[hop]! * THINGS;
    return marks[near + fromUplink[hop]!]! | marks[near + 8]! |
      marks[to[hop]! * THINGS + toUplink[hop]!]!;
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
