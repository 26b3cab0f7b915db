/**
 * The way that a packet takes from a point of local repair once everybody has settled on the network
 * without what failed: the path of RFC 9855 (TI-LFA), for each destination and each adjacency.
 */

import { Failing, type Protection, PROTECTIONS } from "./risk.ts";
import type { ShortestPaths } from "./shortest_path.ts";
import { SinglePath } from "./single_path.ts";

export interface RepairWay {
  /** Adjacency that fails; the topology's index. */
  readonly failed: number;
  /** Site that packets are for: a destination, or the neighbour of an adjacency SID. */
  readonly destination: number;
  readonly protects: Protection;
  /** From the point of repair to the destination. */
  readonly hops: readonly number[];
}

/** Can a packet be sent along these hops? */
export type Fits = (hops: readonly number[]) => boolean;

const all: Fits = () => true;

/** One for each destination whose shortest path leaves by an adjacency, where a way is left. */
export function destinationRepairs(paths: ShortestPaths, site: number, fits = all): RepairWay[] {
  const cases: Case[] = [];
  for (let destination = 0; destination < paths.view.topology.sites.length; destination++) {
    const failed = paths.next(site, destination);
    if (failed >= 0) cases.push({ failed, destination });
  }
  return strongest(paths, site, cases, fits).sort((a, b) => a.destination - b.destination);
}

/** One for each adjacency of the site, where another way to its neighbour is left. */
export function adjacencyRepairs(paths: ShortestPaths, site: number, fits = all): RepairWay[] {
  const { topology, usable } = paths.view;
  const cases: Case[] = [];
  for (let failed = topology.first[site]!; failed < topology.first[site + 1]!; failed++) {
    if (usable[failed] === 1) cases.push({ failed, destination: topology.to[failed]! });
  }
  return strongest(paths, site, cases, fits).sort((a, b) => a.failed - b.failed);
}

interface Case {
  readonly failed: number;
  readonly destination: number;
}

/** Where the way does not fit, one that survives less may. */
function strongest(
  paths: ShortestPaths,
  site: number,
  cases: readonly Case[],
  fits: Fits,
): RepairWay[] {
  const { topology } = paths.view;
  const failing = new Failing(paths.view);
  const search = new SinglePath(failing.view, paths.core);
  const repairs: RepairWay[] = [];
  let left = cases.toSorted((a, b) => failing.compare(a.failed, b.failed));
  for (const protects of PROTECTIONS) {
    left = left.filter(({ failed, destination }) => {
      if (protects.includes("node") && topology.to[failed] === destination) return true;
      failing.fail(failed, protects);
      const hops = search.find(site, destination);
      if (hops === null || !fits(hops)) return true;
      repairs.push({ failed, destination, protects, hops });
      return false;
    });
  }
  return repairs;
}
