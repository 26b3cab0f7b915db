/** What two ways of a pool must not have in common. */

import type { Topology } from "./topology.ts";
import type { WayPool } from "./way_pool.ts";

export type Apart = (topology: Topology, pool: WayPool, way: number, best: number) => boolean;

/** No uplink and no site in between in common. */
export function isApart(topology: Topology, pool: WayPool, a: number, b: number): boolean {
  const { from, to, fromUplink, toUplink } = topology;
  for (let at = 0; at < pool.length[a]!; at++) {
    const one = pool.hop(a, at);
    for (let by = 0; by < pool.length[b]!; by++) {
      const other = pool.hop(b, by);
      if (at > 0 && by > 0 && from[one] === from[other]) return false;
      if (from[one] === from[other] && fromUplink[one] === fromUplink[other]) return false;
      if (to[one] === to[other] && toUplink[one] === toUplink[other]) return false;
    }
  }
  return true;
}

export function sharesNoHop(_topology: Topology, pool: WayPool, a: number, b: number): boolean {
  for (let at = 0; at < pool.length[a]!; at++) {
    for (let by = 0; by < pool.length[b]!; by++) {
      if (pool.hop(a, at) === pool.hop(b, by)) return false;
    }
  }
  return true;
}
