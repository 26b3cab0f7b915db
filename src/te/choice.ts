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

  /** All that is noted, which is in order. */
  takeAll(): void {
    this.#count = this.#ways.size;
    for (let way = 0; way < this.#count; way++) this.#chosen[way] = way;
  }

  /**
   * Half of the places go by order, to ways before `listed`, which are in order; half to what shares
   * least with those chosen before, of all before `noted`. `apart` has the second place; -1: nobody.
   */
  pick(listed: number, noted: number, apart: number): void {
    this.#begin(noted);
    const { low, high } = this.#ways;
    const limit = this.#chosen.length;
    let usedLow = 0;
    let usedHigh = 0;
    let next = 0;
    for (let place = 0; place < limit; place++) {
      while (next < listed && this.#shared[next] === TAKEN) next++;
      let way = place % 2 === 0 && next < listed ? next : -1;
      if (place === 1 && apart >= 0) way = apart;
      if (way < 0) way = this.#leastShared(noted, usedLow, usedHigh);
      if (way < 0) return;
      if (way < noted) this.#shared[way] = TAKEN;
      usedLow |= low[way]!;
      usedHigh |= high[way]!;
      this.#insert(way);
    }
  }

  /** Hands the chosen over, in order. */
  visit(visit: Visit): void {
    const ways = this.#ways;
    for (let index = 0; index < this.#count; index++) {
      const way = this.#chosen[index]!;
      visit(this.#hops, ways.copy(way, this.#hops), ways.cost[way]!);
    }
  }

  #begin(noted: number): void {
    this.#count = 0;
    if (noted > this.#shared.length) this.#shared = new Uint8Array(noted * 2);
    for (let way = 0; way < noted; way++) this.#shared[way] = 0;
  }

  /** The way that has least in common with what is used, the first of such; -1: none is left. */
  #leastShared(noted: number, usedLow: number, usedHigh: number): number {
    const { low, high } = this.#ways;
    const shared = this.#shared;
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

  /** Keeps the chosen in order. */
  #insert(way: number): void {
    const chosen = this.#chosen;
    let at = this.#count++;
    while (at > 0 && this.#ways.compare(way, chosen[at - 1]!) < 0) {
      chosen[at] = chosen[at - 1]!;
      at--;
    }
    chosen[at] = way;
  }
}
