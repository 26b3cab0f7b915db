/**
 * What was noted for one pair of sites, for all pairs that are alike at both ends: which ways, in which
 * order, and which of them is apart from the best. Which of them are chosen is decided for each pair
 * anew, because what they have in common is estimated by marks, which differ from site to site.
 */

import type { Alike } from "./alike.ts";
import type { Arrivals } from "./arrivals.ts";
import type { PairWays } from "./pair_ways.ts";
import { adjacencyAt, type Topology } from "./topology.ts";
import { grown, WayPool } from "./way_pool.ts";

/** Ways kept at most, 12 bytes each: those of 1,000 sites, if every eighth pair is unlike the others. */
export const KEPT_AT_MOST = 2 ** 22;

/** Fields of a pair. */
const FIELDS = 8;
const FIRST = 0;
const SIZE = 1;
const LISTED = 2;
const NOTED = 3;
const APART = 4;
const NEXT = 5;
const DIRECT = 6;
const DIRECT_END = 7;

export class KnownPairs {
  readonly #topology: Topology;
  readonly #alike: Alike;
  readonly #arrivals: Arrivals;
  /** Of the pair at hand. */
  readonly #pair: PairWays;
  readonly #most: number;
  /** By class of the ingress and class of the egress: the pair that was kept last; -1: none. */
  #last: (Int32Array | undefined)[] = [];
  /** Pairs, {@link FIELDS} each. */
  #pairs = new Int32Array(FIELDS * 64);
  #count = 0;
  /** Ways: number in the lists (or its complement in {@link #own}), arrival, rank. */
  #ways = new Int32Array(3 * 1024);
  #size = 0;
  /** Direct adjacencies of pairs: the uplinks, the cost. */
  #directs: number[] = [];
  /** Ways that are in no list, with the hops of the pair that they were found for. */
  readonly #own: WayPool;

  /** `most`: ways that are kept; when there would be more, all are forgotten. */
  constructor(
    topology: Topology,
    alike: Alike,
    arrivals: Arrivals,
    pair: PairWays,
    most: number,
  ) {
    this.#topology = topology;
    this.#alike = alike;
    this.#arrivals = arrivals;
    this.#pair = pair;
    this.#most = most;
    this.#own = new WayPool(topology);
  }

  /** Notes for the pair at hand, whose own arrivals are set, what a pair alike had; false: none had. */
  recall(ingress: number, egress: number): boolean {
    const known = this.#alike.areAlone(ingress, egress) ? -1 : this.#find(ingress, egress);
    if (known < 0) return false;
    const pair = this.#pair;
    const pairs = this.#pairs;
    const ways = this.#ways;
    const first = this.#arrivals.first[egress]!;
    const { own, low: lowBehind, high: highBehind } = this.#arrivals;
    const begin = pairs[known + FIRST]!;
    const size = pairs[known + SIZE]!;
    const { low: lowBefore, high: highBefore } = pair.listMarks;
    const { way: wayOf, arrival: arrivalOf, low, high, rank } = pair.room(size);
    for (let number = 0; number < size; number++) {
      const at = begin + 3 * number;
      const way = ways[at]!;
      rank[number] = ways[at + 2]!;
      if (way < 0) {
        pair.noteOwn(this.#exchanged(~way, ingress, egress), number);
        continue;
      }
      const place = ways[at + 1]!;
      const arrival = place < 0 ? own + ~place : first + place;
      wayOf[number] = way;
      arrivalOf[number] = arrival;
      low[number] = lowBefore[way]! | lowBehind[arrival]!;
      high[number] = highBefore[way]! | highBehind[arrival]!;
    }
    pair.size = size;
    pair.listed = pairs[known + LISTED]!;
    pair.noted = pairs[known + NOTED]!;
    pair.apart = pairs[known + APART]!;
    return true;
  }

  /** Keeps what is noted for the pair at hand, if there are others like it. */
  keep(ingress: number, egress: number): void {
    const { classOf, members, count } = this.#alike;
    const [from, to] = [classOf[ingress]!, classOf[egress]!];
    if (members[from] === 1 && members[to] === 1) return;
    if (this.#alike.areAlone(ingress, egress)) return;
    const pair = this.#pair;
    if (this.#size + pair.size > this.#most) this.#forget();
    const last = this.#last[from] ??= new Int32Array(count).fill(-1);
    const known = this.#count * FIELDS;
    if (known === this.#pairs.length) this.#pairs = grown(this.#pairs);
    const pairs = this.#pairs;
    pairs[known + FIRST] = this.#size * 3;
    pairs[known + SIZE] = pair.size;
    pairs[known + LISTED] = pair.listed;
    pairs[known + NOTED] = pair.noted;
    pairs[known + APART] = pair.apart;
    pairs[known + NEXT] = last[to]!;
    pairs[known + DIRECT] = this.#directs.length;
    this.#keepDirects();
    pairs[known + DIRECT_END] = this.#directs.length;
    this.#keepWays(egress);
    last[to] = known;
    this.#count++;
  }

  /** Where the pair lies; -1: there is none. */
  #find(ingress: number, egress: number): number {
    const { classOf } = this.#alike;
    const last = this.#last[classOf[ingress]!];
    if (last === undefined) return -1;
    let known = last[classOf[egress]!]!;
    while (known >= 0 && !this.#hasDirects(known)) known = this.#pairs[known + NEXT]!;
    return known;
  }

  /** Has the pair at hand the same direct adjacencies? */
  #hasDirects(known: number): boolean {
    const { own, ownEnd, hop, cost } = this.#arrivals;
    const directs = this.#directs;
    let at = this.#pairs[known + DIRECT]!;
    if (this.#pairs[known + DIRECT_END]! - at !== 2 * (ownEnd - own)) return false;
    for (let arrival = own; arrival < ownEnd; arrival++, at += 2) {
      if (directs[at] !== this.#uplinks(hop[arrival]!)) return false;
      if (directs[at + 1] !== cost[arrival]) return false;
    }
    return true;
  }

  #keepDirects(): void {
    const { own, ownEnd, hop, cost } = this.#arrivals;
    for (let arrival = own; arrival < ownEnd; arrival++) {
      this.#directs.push(this.#uplinks(hop[arrival]!), cost[arrival]!);
    }
  }

  /** Both of an adjacency, as one number; -1 of none. */
  #uplinks(hop: number): number {
    return hop < 0 ? -1 : this.#topology.fromUplink[hop]! * 8 + this.#topology.toUplink[hop]!;
  }

  #keepWays(egress: number): void {
    const pair = this.#pair;
    const { own } = this.#arrivals;
    const first = this.#arrivals.first[egress]!;
    while ((this.#size + pair.size) * 3 > this.#ways.length) this.#ways = grown(this.#ways);
    for (let number = 0; number < pair.size; number++) {
      const at = 3 * this.#size++;
      const way = pair.way[number]!;
      const arrival = pair.arrival[number]!;
      this.#ways[at] = way < 0 ? ~this.#keepOwn(~way) : way;
      this.#ways[at + 1] = arrival < own ? arrival - first : ~(arrival - own);
      this.#ways[at + 2] = pair.rank[number]!;
    }
  }

  #keepOwn(way: number): number {
    this.#own.open();
    this.#own.append(this.#pair.own, way);
    return this.#own.close(this.#pair.own.cost[way]!);
  }

  /** Adds a way that is in no list to the pair's own, from its ingress and to its egress. */
  #exchanged(way: number, ingress: number, egress: number): number {
    const topology = this.#topology;
    const { own } = this.#pair;
    const added = own.open();
    own.append(this.#own, way);
    const start = own.start[added]!;
    const last = own.length[added]! - 1;
    const swap = (at: number, from: number, to: number) => {
      const hop = own.hops[at]!;
      const { fromUplink, toUplink } = topology;
      own.hops[at] = adjacencyAt(topology, from, to, fromUplink[hop]!, toUplink[hop]!);
    };
    const enters = topology.to[own.hops[start]!]!;
    swap(start, ingress, last === 0 ? egress : enters);
    if (last > 0) swap(start + last, topology.from[own.hops[start + last]!]!, egress);
    return own.close(this.#own.cost[way]!);
  }

  #forget(): void {
    this.#last = [];
    this.#count = this.#size = 0;
    this.#directs = [];
    this.#own.clear();
  }
}
