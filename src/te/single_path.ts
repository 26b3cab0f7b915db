/** One shortest path after another, each in a view that may have changed since the last one. */

import FlatQueue from "flatqueue";
import type { Core, View } from "./shortest_path.ts";
import { between } from "./topology.ts";

const NONE: ArrayLike<number> = [];

/**
 * Searched from the destination, until the source is reached, over sites that may be passed through
 * and no others. Decides ties as a whole tree would.
 */
export class SinglePath {
  readonly #view: View;
  readonly #core: Core;
  readonly #queue = new FlatQueue<number>();
  readonly #reached: Uint32Array;
  readonly #distance: Float64Array;
  readonly #length: Uint32Array;
  readonly #next: Int32Array;
  #round = 0;

  /** `core`: of the view, or of one that has more usable in it. */
  constructor(view: View, core: Core) {
    const sites = view.topology.sites.length;
    this.#view = view;
    this.#core = core;
    this.#reached = new Uint32Array(sites);
    this.#distance = new Float64Array(sites);
    this.#length = new Uint32Array(sites);
    this.#next = new Int32Array(sites);
  }

  /**
   * Adjacencies from one site to another that is not the same; null: there is no way. `closed`: by
   * site, those with the value `closedBy` are not entered. `guide`: never more than what is left
   * from the source to a site, so that the search keeps close to the way; `most`: what costs more is
   * not wanted.
   */
  find(
    from: number,
    to: number,
    closed: ArrayLike<number> = NONE,
    closedBy = -1,
    guide: ArrayLike<number> = NONE,
    most = Infinity,
  ): number[] | null {
    const { topology, transit } = this.#view;
    const { coreFirst, coreHop } = this.#core;
    const queue = this.#queue;
    const round = ++this.#round;
    queue.clear();
    this.#reached[to] = round;
    this.#distance[to] = this.#length[to] = 0;
    queue.push(to, 0);
    while (queue.length > 0) {
      const priority = queue.peekValue()!;
      const site = queue.pop()!;
      // Not at once when it is reached: hops that cost nothing may still win a tie.
      if (this.#reached[from] === round && priority > this.#distance[from]!) break;
      if (priority > this.#distance[site]! + (guide[site] ?? 0)) continue;
      const [low, high] = between(topology, site, from);
      for (let out = low; out < high; out++) this.#reach(from, topology.reverse[out]!, site);
      for (let index = coreFirst[site]!; index < coreFirst[site + 1]!; index++) {
        const out = coreHop[index]!;
        const other = topology.to[out]!;
        if (other === from || other === to || transit[other] !== 1) continue;
        if (closed[other] === closedBy) continue;
        if (this.#reach(other, topology.reverse[out]!, site)) {
          const whole = this.#distance[other]! + (guide[other] ?? 0);
          if (whole <= most) queue.push(other, whole);
        }
      }
    }
    if (this.#reached[from] !== round) return null;
    const hops: number[] = [];
    for (let site = from; site !== to; site = topology.to[hops.at(-1)!]!) {
      hops.push(this.#next[site]!);
    }
    return hops;
  }

  /** Notes the way from `site` by `hop`, if it is the best yet. */
  #reach(site: number, hop: number, next: number): boolean {
    const { cost, usable } = this.#view;
    if (usable[hop] !== 1) return false;
    const sum = this.#distance[next]! + cost[hop]!;
    const length = this.#length[next]! + 1;
    if (this.#reached[site] === this.#round) {
      const known = this.#distance[site]!;
      if (sum > known) return false;
      if (sum === known) {
        const best = this.#length[site]!;
        if (length > best || (length === best && hop >= this.#next[site]!)) return false;
      }
    }
    this.#reached[site] = this.#round;
    this.#distance[site] = sum;
    this.#length[site] = length;
    this.#next[site] = hop;
    return true;
  }
}
