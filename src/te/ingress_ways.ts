/**
 * The shortest ways from one ingress to every site that may be passed through, exactly.
 *
 * A site that may not be passed through is on no way but its own. So its ways to a transit site are
 * an adjacency to some other and one of that one's ways; what is hard, ways among transit sites, is
 * searched once and serves every ingress. Those that are alike differ in the first hop alone.
 */

import type { Alike } from "./alike.ts";
import { KShortest } from "./k_shortest.ts";
import type { ShortestPaths } from "./shortest_path.ts";
import { WayPool } from "./way_pool.ts";

/** Ways from one site, kept by the transit site that they lead to. */
export interface WayLists {
  readonly pool: WayPool;
  /**
   * Ways to site `s` are `[first[s], first[s + 1])` of the pool, best first. Behind the sites: the
   * empty way of an ingress that may not be passed through.
   */
  readonly first: Int32Array;
  /**
   * By `site × 8 + uplink`: the best way to the site that leaves by this uplink of the ingress; -1:
   * not known. It may lie behind all lists.
   */
  readonly byUplink: Int32Array;
  /** Uplinks of the ingress by which some list has a way. */
  readonly uplinks: readonly number[];
}

/** Lists of the first ingress of a class that was asked for. */
interface Joined {
  readonly lists: WayLists;
  /** By way: which of the ingress's adjacencies it begins with; -1: none. */
  readonly entry: Int32Array;
}

export class IngressWays {
  readonly #paths: ShortestPaths;
  readonly #alike: Alike;
  readonly #limit: number;
  readonly #pool: WayPool;
  readonly #search: KShortest;
  /** By transit site. */
  readonly #kept: (WayLists | undefined)[] = [];
  /** By class of the others. */
  readonly #joined: (Joined | undefined)[] = [];
  readonly #found: number[] = [];

  /** `limit`: ways to one site. */
  constructor(paths: ShortestPaths, alike: Alike, limit: number) {
    const { topology } = paths.view;
    this.#paths = paths;
    this.#alike = alike;
    this.#limit = limit;
    this.#pool = new WayPool(topology);
    this.#search = new KShortest(paths, this.#pool);
  }

  from(site: number): WayLists {
    if (this.#paths.view.transit[site] === 1) return this.#kept[site] ??= this.#searched(site);
    const { classOf, members } = this.#alike;
    const own = classOf[site]!;
    const joined = this.#joined[own];
    if (joined !== undefined) return this.#exchanged(joined, site);
    const lists = this.#join(site);
    if (members[own]! > 1) this.#joined[own] = { lists, entry: this.#entries(lists, site) };
    return lists;
  }

  #entries({ pool }: WayLists, site: number): Int32Array {
    const { coreFirst, coreHop } = this.#paths.core;
    const hops = coreHop.subarray(coreFirst[site]!, coreFirst[site + 1]!);
    const entries = new Map(Array.from(hops, (hop, entry) => [hop, entry]));
    return Int32Array.from(
      { length: pool.size },
      (_, way) => pool.length[way] === 0 ? -1 : entries.get(pool.hop(way, 0))!,
    );
  }

  /** The lists of a site from those of one that is alike. */
  #exchanged({ lists, entry }: Joined, site: number): WayLists {
    const { coreFirst, coreHop } = this.#paths.core;
    const begin = coreFirst[site]!;
    const pool = lists.pool.twin();
    for (let way = 0; way < pool.size; way++) {
      if (entry[way]! >= 0) pool.hops[pool.start[way]!] = coreHop[begin + entry[way]!]!;
    }
    return { ...lists, pool };
  }

  #searched(site: number): WayLists {
    const { topology, transit } = this.#paths.view;
    const pool = new WayPool(topology);
    const first = new Int32Array(topology.sites.length + 2);
    const byUplink = new Int32Array((topology.sites.length + 1) * 8).fill(-1);
    for (let target = 0; target < topology.sites.length; target++) {
      if (target === site) {
        pool.open();
        pool.close(0);
      } else if (transit[target] === 1) {
        this.#search.find(site, target, this.#limit, this.#found);
        for (let index = 0; index < this.#found.length; index++) {
          const way = this.#found[index]!;
          pool.open();
          pool.append(this.#pool, way);
          note(byUplink, target * 8 + topology.fromUplink[this.#pool.hop(way, 0)]!, pool.size);
          pool.close(this.#pool.cost[way]!);
        }
      }
      first[target + 1] = pool.size;
    }
    first[topology.sites.length + 1] = pool.size;
    return { pool, first, byUplink, uplinks: inUse(byUplink) };
  }

  /** Merges the lists of the transit sites that the ingress reaches by one hop. */
  #join(site: number): WayLists {
    const { view, core: { coreFirst, coreHop } } = this.#paths;
    const { topology, cost, transit } = view;
    const entries = Array.from(coreHop.subarray(coreFirst[site]!, coreFirst[site + 1]!));
    const lists = entries.map((hop) => this.from(topology.to[hop]!));
    const pool = new WayPool(topology);
    const first = new Int32Array(topology.sites.length + 2);
    const byUplink = new Int32Array((topology.sites.length + 1) * 8).fill(-1);
    const heads = new Int32Array(entries.length);
    const better = (a: number, b: number, target: number) => {
      const [wayA, wayB] = [
        lists[a]!.first[target]! + heads[a]!,
        lists[b]!.first[target]! + heads[b]!,
      ];
      const [poolA, poolB] = [lists[a]!.pool, lists[b]!.pool];
      const dearer = cost[entries[a]!]! + poolA.cost[wayA]! -
        (cost[entries[b]!]! + poolB.cost[wayB]!);
      if (dearer !== 0) return dearer < 0;
      const longer = poolA.length[wayA]! - poolB.length[wayB]!;
      // Parallel adjacencies have the same list behind them: the smaller comes first anyway.
      return longer !== 0 ? longer < 0 : entries[a]! < entries[b]!;
    };
    const add = (entry: number, way: number) => {
      pool.open();
      pool.push(entries[entry]!);
      pool.append(lists[entry]!.pool, way);
      return pool.close(cost[entries[entry]!]! + lists[entry]!.pool.cost[way]!);
    };
    for (let target = 0; target < topology.sites.length; target++) {
      if (transit[target] === 1) {
        heads.fill(0);
        for (let place = 0; place < this.#limit; place++) {
          let pick = -1;
          for (let entry = 0; entry < entries.length; entry++) {
            const list = lists[entry]!;
            if (list.first[target]! + heads[entry]! >= list.first[target + 1]!) continue;
            if (pick < 0 || better(entry, pick, target)) pick = entry;
          }
          if (pick < 0) break;
          const way = add(pick, lists[pick]!.first[target]! + heads[pick]!);
          note(byUplink, target * 8 + topology.fromUplink[entries[pick]!]!, way);
          heads[pick] = heads[pick]! + 1;
        }
      }
      first[target + 1] = pool.size;
    }
    pool.open();
    pool.close(0);
    first[topology.sites.length + 1] = pool.size;
    // What a cheaper uplink crowded out of the lists is worth knowing all the same.
    for (let target = 0; target < topology.sites.length; target++) {
      if (transit[target] !== 1) continue;
      heads.fill(0);
      for (let entry = 0; entry < entries.length; entry++) {
        const uplink = topology.fromUplink[entries[entry]!]!;
        if (byUplink[target * 8 + uplink]! >= 0) continue;
        let pick = -1;
        for (let other = entry; other < entries.length; other++) {
          const list = lists[other]!;
          if (topology.fromUplink[entries[other]!] !== uplink) continue;
          if (list.first[target] === list.first[target + 1]) continue;
          if (pick < 0 || better(other, pick, target)) pick = other;
        }
        if (pick >= 0) byUplink[target * 8 + uplink] = add(pick, lists[pick]!.first[target]!);
      }
    }
    return { pool, first, byUplink, uplinks: inUse(byUplink) };
  }
}

/** Uplinks that have a way to some site. */
function inUse(byUplink: Int32Array): number[] {
  const found: number[] = [];
  for (let uplink = 0; uplink < 8; uplink++) {
    for (let key = uplink; key < byUplink.length; key += 8) {
      if (byUplink[key]! < 0) continue;
      found.push(uplink);
      break;
    }
  }
  return found;
}

function note(byUplink: Int32Array, key: number, way: number): void {
  if (byUplink[key]! < 0) byUplink[key] = way;
}
