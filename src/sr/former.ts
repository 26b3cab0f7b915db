/** What routers still do that have not read the file of this router yet. */

import type { ShortestPaths } from "../te/shortest_path.ts";
import { adjacencyAt, type Topology } from "../te/topology.ts";

/** A file that some router may still run. Its numbers mean what they mean in the new one. */
export class Former {
  readonly #paths: ShortestPaths;

  /** `paths`: of the whole view, at the costs of that file. */
  constructor(paths: ShortestPaths) {
    this.#paths = paths;
  }

  /**
   * Does a router that runs it send a packet with the node SID of site `target` over exactly this
   * adjacency? Also where the file does not know that router: then it runs the new one. Indices are
   * those of `topology`, the new file's.
   */
  agrees(topology: Topology, hop: number, target: number): boolean {
    const own = this.#paths.view.topology;
    const from = siteBySid(own, sidOf(topology, topology.from[hop]!));
    if (from < 0) return true;
    const to = siteBySid(own, sidOf(topology, target));
    if (to < 0 || own.transit[from] !== 1) return false;
    const next = this.#paths.next(from, to);
    return next >= 0 && sidOf(own, own.to[next]!) === sidOf(topology, topology.to[hop]!) &&
      own.fromUplink[next] === topology.fromUplink[hop] &&
      own.toUplink[next] === topology.toUplink[hop];
  }

  /**
   * The way of a node SID by this file, as adjacencies of the new one; null: there is none, or not
   * any more.
   */
  way(topology: Topology, site: number, target: number): readonly number[] | null {
    const own = this.#paths.view.topology;
    const from = siteBySid(own, sidOf(topology, site));
    const to = siteBySid(own, sidOf(topology, target));
    const way = from < 0 || to < 0 ? null : this.#paths.path(from, to);
    if (way === null) return null;
    const hops: number[] = [];
    for (let at = site; hops.length < way.length;) {
      const hop = way[hops.length]!;
      const next = siteBySid(topology, sidOf(own, own.to[hop]!));
      if (next < 0 || (hops.length > 0 && topology.transit[at] !== 1)) return null;
      const same = adjacencyAt(topology, at, next, own.fromUplink[hop]!, own.toUplink[hop]!);
      if (same < 0) return null;
      hops.push(same);
      at = next;
    }
    return hops;
  }
}

/** Does a node SID take a packet over exactly these hops by every one of the files? */
export function isSteady(
  formers: readonly Former[],
  topology: Topology,
  hops: readonly number[],
): boolean {
  const target = topology.to[hops.at(-1)!]!;
  return formers.every((former) => hops.every((hop) => former.agrees(topology, hop, target)));
}

function sidOf(topology: Topology, site: number): number {
  return topology.sites[site]!.sid;
}

/** Index of the site, or -1. Sites stand by ascending SID. */
function siteBySid({ sites }: Topology, sid: number): number {
  let low = 0;
  let high = sites.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sites[middle]!.sid < sid) low = middle + 1;
    else high = middle;
  }
  return sites[low]?.sid === sid ? low : -1;
}
