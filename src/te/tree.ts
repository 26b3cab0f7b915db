/** One shortest-path tree (Dijkstra), in flat arrays. */

import FlatQueue from "flatqueue";
import type { View } from "./shortest_path.ts";

/** By site. */
export interface Tree {
  /** Sum of costs between the root and the site; Infinity: no way. */
  readonly distance: Float64Array;
  /** Hops of that way. */
  readonly length: Uint32Array;
  /** Outward: first adjacency from the root to the site. Inward: from the site to the root. */
  readonly next: Int32Array;
}

/** Between two ways the lower sum of costs wins, then fewer hops, then the smaller first adjacency. */
export function grow(view: View, root: number, direction: "outward" | "inward"): Tree {
  const { topology, cost, usable, transit } = view;
  const { first, to, reverse } = topology;
  const count = topology.sites.length;
  const distance = new Float64Array(count).fill(Infinity);
  const hops = new Uint32Array(count);
  const next = new Int32Array(count).fill(-1);
  const outward = direction === "outward";
  distance[root] = 0;

  const queue = new FlatQueue<number>();
  queue.push(root, 0);
  while (queue.length > 0) {
    const priority = queue.peekValue()!;
    const site = queue.pop()!;
    const near = distance[site]!;
    if (priority > near) continue;
    const length = hops[site]! + 1;
    const end = first[site + 1]!;
    for (let out = first[site]!; out < end; out++) {
      const hop = outward ? out : reverse[out]!;
      const other = to[out]!;
      const sum = near + cost[hop]!;
      const known = distance[other]!;
      if (sum > known || usable[hop] !== 1 || other === root) continue;
      const step = outward && site !== root ? next[site]! : hop;
      if (sum === known) {
        const best = hops[other]!;
        if (length > best || (length === best && step >= next[other]!)) continue;
      }
      distance[other] = sum;
      hops[other] = length;
      next[other] = step;
      // Who may not be passed through leads nowhere. Also when only the tie-break changed: hops that
      // cost nothing may have passed it on already.
      if (transit[other] === 1) queue.push(other, sum);
    }
  }
  return { distance, length: hops, next };
}
