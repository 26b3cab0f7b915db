/**
 * Hops → the fewest labels that keep to exactly these adjacencies, and the way back.
 *
 * A stretch of hops costs one label: an adjacency SID for any single hop, a node SID where the
 * shortest path by the costs of the file is exactly the stretch. Where both would do, the adjacency
 * SID is taken: it means the same in every generation of the file, whatever its costs.
 */

import type { LabelBlocks } from "../model/network.ts";
import type { CandidatePath } from "../model/path.ts";
import type { Label } from "../model/quantity.ts";
import type { ShortestPaths } from "../te/shortest_path.ts";
import { adjacency, adjacencyKey } from "../te/topology.ts";
import { type Former, isSteady } from "./former.ts";
import { adjacencyLabel, LABEL_BYTES, nodeLabel, OVERHEAD_BYTES } from "./labels.ts";

/** Most labels that the engine pushes above the service label: it keeps room for no more. */
export const MOST_LABELS = 8;

/** `paths`: of the whole view, at the costs of the file, because node SIDs follow these. */
export interface Labelling {
  readonly blocks: LabelBlocks;
  readonly paths: ShortestPaths;
}

/**
 * Labels for a packet that leaves over `hops[0]`, outermost first. The first hop is the sender's
 * own choice and needs none; with penultimate-hop popping none is left at the last site.
 *
 * With `formers` it keeps to the hops also where some of the routers still run one of those files.
 */
export function segmentList(
  labelling: Labelling,
  hops: readonly number[],
  formers: readonly Former[] = [],
): Label[] {
  const { topology } = labelling.paths.view;
  const count = hops.length;
  // best[i]: the label to be on top at the start of hops[i], and how many there are from there on.
  const best: { labels: number; label: Label; reaches: number }[] = [];
  best[count] = { labels: 0, label: 0 as Label, reaches: count };
  for (let start = count - 1; start >= 1; start--) {
    const hop = hops[start]!;
    let choice = {
      labels: 1 + best[start + 1]!.labels,
      label: adjacencyLabel(
        labelling.blocks,
        topology.sites[topology.to[hop]!]!.sid,
        topology.fromUplink[hop]!,
        topology.toUplink[hop]!,
      ),
      reaches: start + 1,
    };
    for (let end = start + 2; end <= count; end++) {
      const labels = 1 + best[end]!.labels;
      const target = topology.to[hops[end - 1]!]!;
      if (labels >= choice.labels || !isShortest(labelling.paths, hops, start, end)) continue;
      if (!isSteady(formers, topology, hops.slice(start, end))) continue;
      choice = {
        labels,
        label: nodeLabel(labelling.blocks, topology.sites[target]!.sid),
        reaches: end,
      };
    }
    best[start] = choice;
  }
  const list: Label[] = [];
  for (let at = 1; at < count; at = best[at]!.reaches) list.push(best[at]!.label);
  return list;
}

/** Everything that follows from the hops of a way. */
export function candidatePath(
  labelling: Labelling,
  hops: readonly number[],
  origin: CandidatePath["origin"],
): CandidatePath {
  const { topology } = labelling.paths.view;
  const named = hops.map((hop) => adjacency(topology, hop));
  const labels = segmentList(labelling, hops);
  const back = hops.map((hop) => topology.reverse[hop]!).reverse();
  const smallest = Math.min(...hops.map((hop) => topology.mtu[hop]!));
  return {
    key: named.map(adjacencyKey).join(","),
    egress: named.at(-1)!.to.site,
    hops: named,
    labels,
    returnLabels: segmentList(labelling, back),
    cost: hops.reduce((sum, hop) => sum + topology.cost[hop]!, 0),
    mtu: smallest - OVERHEAD_BYTES - (labels.length + 1) * LABEL_BYTES,
    origin,
    metered: hops.some((hop) => topology.metered[hop] === 1),
  };
}

/** Would a node SID take a packet over exactly hops[start] … hops[end - 1]? */
function isShortest(
  paths: ShortestPaths,
  hops: readonly number[],
  start: number,
  end: number,
): boolean {
  const { topology } = paths.view;
  const target = topology.to[hops[end - 1]!]!;
  for (let index = start; index < end; index++) {
    if (paths.next(topology.from[hops[index]!]!, target) !== hops[index]) return false;
  }
  return true;
}
