/** Which of the ways noted for a pair are kept, in their order. */

import { bits } from "./marks.ts";
import type { PairWays } from "./pair_ways.ts";

/** Takes a way: hop `at` of `length` is `hops[at]`, good until the next way is handed over. */
export type Visit = (hops: Int32Array, length: number, cost: number) => void;

/** More than any way can have in common with others. */
const TAKEN = 255;

export class Choice {
  readonly #ways: PairWays;
  readonly #chosen: Int32Array;
  #count = 0;
  /** By way noted: what it had in common with the chosen when last counted, or {@link TAKEN}. */
  #shared = new Uint8Array(64);
  readonly #hops: Int32Array;

  /** `limit`: ways that are kept at most; `sites`: of the network. */
  constructor(ways: PairWays, limit: number, sites: number) {
    this.#ways = ways;
    this.#chosen = new Int32Array(limit);
    this.#hops = new Int32Array(sites);
  }

  /**
   * Half of the places go by order, to ways before `listed`; half to what shares least with those
   * chosen before, of all before `noted`. `apart` has the second place.
   */
  pick(): void {
    const { low, high, rank, listed, noted, apart } = this.#ways;
    const chosen = this.#chosen;
    const limit = chosen.length;
    if (listed === noted && noted < limit) {
      this.#takeAll();
      return;
    }
    const shared = this.#begin(noted);
    let usedLow = 0;
    let usedHigh = 0;
    let next = 0;
    let count = 0;
    while (count < limit) {
      while (next < listed && shared[next] === TAKEN) next++;
      let way = count % 2 === 0 && next < listed ? next : -1;
      if (count === 1 && apart >= 0) way = apart;
      if (way < 0) way = leastShared(low, high, shared, noted, usedLow, usedHigh);
      if (way < 0) break;
      if (way < noted) shared[way] = TAKEN;
      usedLow |= low[way]!;
      usedHigh |= high[way]!;
      // The chosen are kept in order.
      const place = rank[way]!;
      let at = count++;
      for (; at > 0 && place < rank[chosen[at - 1]!]!; at--) chosen[at] = chosen[at - 1]!;
      chosen[at] = way;
    }
    this.#count = count;
  }

  /** Hands the chosen over, in order. */
  visit(visit: Visit): void {
    const ways = this.#ways;
    const chosen = this.#chosen;
    const hops = this.#hops;
    const count = this.#count;
    for (let index = 0; index < count; index++) {
      const way = chosen[index]!;
      visit(hops, ways.copy(way, hops), ways.cost(way));
    }
  }

  /** All that is noted, which is in order. */
  #takeAll(): void {
    this.#count = this.#ways.noted;
    for (let way = 0; way < this.#count; way++) this.#chosen[way] = way;
  }

  #begin(noted: number): Uint8Array {
    if (noted > this.#shared.length) this.#shared = new Uint8Array(noted * 2);
    const shared = this.#shared;
    for (let way = 0; way < noted; way++) shared[way] = 0;
    return shared;
  }
}

/** The way that has least in common with what is used, the first of such; -1: none is left. */
function leastShared(
  low: Int32Array,
  high: Int32Array,
  shared: Uint8Array,
  noted: number,
  usedLow: number,
  usedHigh: number,
): number {
  let pick = -1;
  let least = 65;
  for (let way = 0; way < noted; way++) {
    // What is used only grows, and so does what a way has in common with it.
    if (shared[way]! >= least) continue;
    const common = bits(low[way]! & usedLow, high[way]! & usedHigh);
    shared[way] = common;
    if (common >= least) continue;
    pick = way;
    least = common;
  }
  return pick;
}
