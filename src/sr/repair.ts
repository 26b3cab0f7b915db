/**
 * Repairs as the engine takes them: for each label that this site forwards, what goes in its place
 * when the adjacency that it leaves by is down (RFC 9855).
 *
 * The stack is the fewest labels that keep to exactly the post-convergence path, by what the other
 * routers know: their tables from before the failure. So nobody else has to have noticed anything,
 * and nothing can loop. That is no more labels than a node in P-space and one in Q-space would take,
 * because either of these is a stretch that one node SID covers.
 */

import type { Hop } from "../model/boundary.ts";
import type { Network } from "../model/network.ts";
import type { Label } from "../model/quantity.ts";
import { adjacencyRepairs, destinationRepairs, type RepairWay } from "../te/repair.ts";
import type { Protection } from "../te/risk.ts";
import { ShortestPaths, wholeView } from "../te/shortest_path.ts";
import { buildTopology } from "../te/topology.ts";
import type { Former } from "./former.ts";
import { adjacencyLabel, EXPLICIT_NULL, nodeLabel } from "./labels.ts";
import { type Labelling, MOST_LABELS, segmentList } from "./segment_list.ts";
import type { Survey } from "./survey.ts";

export interface Repair {
  /** The incoming label whose packets are repaired. */
  readonly label: Label;
  /** Adjacency, by the index of the site's own, whose failure it is for. */
  readonly failed: number;
  readonly protects: Protection;
  /** Goes behind the other hops of the label's entry. */
  readonly hop: Hop;
}

export interface Repairs {
  /** Ascending by label; node SIDs of other sites, then adjacency SIDs. */
  readonly nodes: readonly Repair[];
  readonly adjacencies: readonly Repair[];
}

/**
 * Without an entry is what has no other way that takes at most {@link MOST_LABELS}. `formers`: files
 * that some router may still run: the stacks mean the same by them. They may be longer for it; what
 * is too long then has none until these files are gone.
 */
export function repairs(surveyed: Survey, formers: readonly Former[] = []): Repairs {
  const labels = labelsOf(surveyed.labelling);
  const ways = knownWays(surveyed);
  const labelled = (ways: readonly RepairWay[], label: (way: RepairWay) => Label) =>
    ways.flatMap((way) => {
      const repair = toRepair(surveyed, way, label(way), formers);
      return repair === null ? [] : [repair];
    }).sort((a, b) => a.label - b.label);
  return {
    nodes: labelled(ways.destinations, labels.node),
    adjacencies: labelled(ways.adjacencies, labels.adjacency),
  };
}

interface Ways {
  readonly destinations: readonly RepairWay[];
  readonly adjacencies: readonly RepairWay[];
}

/** A table is compiled at each change of order; the ways follow from the file alone. */
const known = new WeakMap<Survey, Ways>();

function knownWays(surveyed: Survey): Ways {
  const before = known.get(surveyed);
  if (before !== undefined) return before;
  const found = waysOf(surveyed.labelling, surveyed.siteIndex);
  known.set(surveyed, found);
  return found;
}

function waysOf(labelling: Labelling, site: number): Ways {
  // Each hop but the first takes one label at most.
  const fits = (hops: readonly number[]) =>
    hops.length <= MOST_LABELS + 1 || segmentList(labelling, hops).length <= MOST_LABELS;
  return {
    destinations: destinationRepairs(labelling.paths, site, fits),
    adjacencies: adjacencyRepairs(labelling.paths, site, fits),
  };
}

/** What the repair of each label survives: by the file alone, whatever runs besides. */
export function protections(network: Network, site: string): ReadonlyMap<number, Protection> {
  const topology = buildTopology(network);
  const paths = new ShortestPaths(wholeView(topology));
  const labelling = { blocks: network.blocks, paths };
  const labels = labelsOf(labelling);
  const ways = waysOf(labelling, topology.siteIndex.get(site)!);
  return new Map<number, Protection>([
    ...ways.destinations.map((way) => [labels.node(way), way.protects] as const),
    ...ways.adjacencies.map((way) => [labels.adjacency(way), way.protects] as const),
  ]);
}

/** The label that a repair is of, by what its packets are for. */
function labelsOf({ blocks, paths }: Labelling) {
  const { topology } = paths.view;
  return {
    node: ({ destination }: RepairWay) => nodeLabel(blocks, topology.sites[destination]!.sid),
    adjacency: ({ failed }: RepairWay) =>
      adjacencyLabel(
        blocks,
        topology.sites[topology.to[failed]!]!.sid,
        topology.fromUplink[failed]!,
        topology.toUplink[failed]!,
      ),
  };
}

function toRepair(
  surveyed: Survey,
  way: RepairWay,
  label: Label,
  formers: readonly Former[],
): Repair | null {
  const { network, siteIndex, labelling } = surveyed;
  const { topology } = labelling.paths.view;
  const base = topology.first[siteIndex]!;
  const labels = segmentList(labelling, way.hops, formers);
  if (labels.length > MOST_LABELS) return null;
  // As the entry itself does at the last hop but one.
  if (way.hops.length === 1 && isNode(surveyed, label) && network.penultimate !== "pop") {
    labels.push(EXPLICIT_NULL);
  }
  return {
    label,
    failed: way.failed - base,
    protects: way.protects,
    hop: { adjacency: way.hops[0]! - base, labels, repair: true },
  };
}

function isNode({ network }: Survey, label: Label): boolean {
  const { base, size } = network.blocks.srgb;
  return label >= base && label < base + size;
}
