/**
 * Sites that the search for ways cannot tell apart: none of them may be passed through, and each has
 * uplinks with like risks, and the same adjacencies, at the same costs, with the same sites that may be.
 *
 * Adjacencies are sorted by neighbour and uplinks, so the n-th of one such site stands for the n-th of
 * another in every comparison. Of two ways that are compared, the hops at which they part leave the
 * same site: so ways of sites alike have the same order, the hop at this end exchanged.
 */

import type { Risks } from "./risk.ts";
import { RiskPatterns } from "./risk_pattern.ts";
import type { ShortestPaths } from "./shortest_path.ts";

export class Alike {
  /** By site: its class. */
  readonly classOf: Int32Array;
  /** By class: how many sites it has. */
  readonly members: Int32Array;
  /** Classes that there are. */
  readonly count: number;
  readonly #paths: ShortestPaths;
  readonly #risks: RiskPatterns;

  constructor(paths: ShortestPaths, risks: Risks) {
    const sites = paths.view.topology.sites.length;
    this.#paths = paths;
    this.#risks = new RiskPatterns(paths.view, risks);
    this.classOf = new Int32Array(sites);
    this.members = new Int32Array(sites);
    const firsts: number[] = [];
    // By hash: the classes that have it.
    const known = new Map<number, number[]>();
    for (let site = 0; site < sites; site++) {
      const hash = this.#hash(site);
      let same = known.get(hash);
      if (same === undefined) known.set(hash, same = []);
      let found = same.find((one) => this.#areAlike(firsts[one]!, site));
      if (found === undefined) {
        found = firsts.push(site) - 1;
        same.push(found);
      }
      this.classOf[site] = found;
      this.members[found] = this.members[found]! + 1;
    }
    this.count = firsts.length;
  }

  /** Are the ways between two sites those of no others, however alike these are? */
  areAlone(ingress: number, egress: number): boolean {
    return this.#risks.meet(ingress, egress);
  }

  #hash(site: number): number {
    const { view: { topology, cost }, core: { coreFirst, coreHop } } = this.#paths;
    let hash = 0;
    for (let at = coreFirst[site]!; at < coreFirst[site + 1]!; at++) {
      const hop = coreHop[at]!;
      hash = Math.imul(hash ^ topology.to[hop]!, 0x9e3779b1) ^ (hash >>> 15);
      hash = Math.imul(hash ^ (cost[hop]! * 1024), 0x85ebca6b) ^ topology.fromUplink[hop]!;
    }
    return hash;
  }

  #areAlike(a: number, b: number): boolean {
    const { view: { topology, transit, cost, usable }, core: { coreFirst, coreHop } } = this.#paths;
    const { to, fromUplink, toUplink, reverse } = topology;
    if (transit[a] === 1 || transit[b] === 1) return false;
    if (this.#risks.of[a] !== this.#risks.of[b]) return false;
    const [beginA, beginB] = [coreFirst[a]!, coreFirst[b]!];
    const count = coreFirst[a + 1]! - beginA;
    if (coreFirst[b + 1]! - beginB !== count) return false;
    for (let at = 0; at < count; at++) {
      const [hopA, hopB] = [coreHop[beginA + at]!, coreHop[beginB + at]!];
      const [backA, backB] = [reverse[hopA]!, reverse[hopB]!];
      if (
        to[hopA] !== to[hopB] || fromUplink[hopA] !== fromUplink[hopB] ||
        toUplink[hopA] !== toUplink[hopB] || cost[hopA] !== cost[hopB] ||
        cost[backA] !== cost[backB] || usable[backA] !== usable[backB]
      ) return false;
    }
    return true;
  }
}
