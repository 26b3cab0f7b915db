/**
 * From one file to the next without a loop, while some routers have read it and others have not.
 *
 * Two routers that forward one node SID by different files may send a packet round between them. A
 * stack that names each hop cannot: adjacency SIDs mean the same in every generation (the idea of
 * draft-bashandy-rtgwg-segment-routing-uloop, taken from failures to files). So a router that has
 * read the new file does one of three things with a packet for a node SID, each of which brings it
 * to the egress or drops it, whatever the others run:
 *
 * - it sends it on as it is, where every file that may still run takes the same way from the next
 *   router on, or where that router is known to run the new file, too, and goes on by these rules;
 * - it spells out the way of the file before, so that paths of those that have not read the new one
 *   keep their hops as well, while `held`;
 * - it spells out the way of the new file.
 *
 * By the old file a packet comes nearer to its egress with each hop until it meets the first router
 * with the new one; from there on it comes nearer by the new file, or follows its stack. So the order
 * of RFC 6976 comes about by itself, one destination at a time: nobody relies on a next hop by the new
 * file before that one has it, and no router has to be told when the others are ready.
 */

import type { CandidatePath } from "../model/path.ts";
import type { Label } from "../model/quantity.ts";
import { findAdjacency } from "../te/topology.ts";
import { type Former, isSteady } from "./former.ts";
import { EXPLICIT_NULL, LABEL_BYTES, nodeLabel } from "./labels.ts";
import { type Labelling, MOST_LABELS, segmentList } from "./segment_list.ts";
import { allCandidates, type Survey } from "./survey.ts";

export interface Transition {
  /** Files that some router may still run; at least one. */
  readonly formers: readonly Former[];
  /** Whose ways packets with node SIDs take here, where they still exist; null: the new file's. */
  readonly held: Former | null;
  /** SIDs of the neighbours that are known to run the new file. */
  readonly joined: ReadonlySet<number>;
}

/** How a packet with a node SID leaves. */
export interface Onward {
  /** Adjacency of the topology. */
  readonly hop: number;
  /** In place of the node SID, outermost first. */
  readonly labels: readonly Label[];
}

/** null: there is no way, or none that fits into {@link MOST_LABELS} and cannot loop: drop it. */
export function onward(
  surveyed: Survey,
  target: number,
  transition: Transition | null,
): Onward | null {
  const { labelling, siteIndex } = surveyed;
  const { paths } = labelling;
  const { topology } = paths.view;
  const next = paths.next(siteIndex, target);
  if (next < 0) return null;
  if (transition === null) return plain(surveyed, next, target);
  const way = paths.path(siteIndex, target)!;
  const before = transition.held?.way(topology, siteIndex, target) ?? null;
  if (before !== null && before.join() !== way.join()) {
    const held = spelledOut(surveyed, before, transition);
    if (held !== null) return held;
  }
  const neighbour = topology.sites[topology.to[next]!]!;
  return way.length === 1 || transition.joined.has(neighbour.sid) ||
      isSteady(transition.formers, topology, way.slice(1))
    ? plain(surveyed, next, target)
    : spelledOut(surveyed, way, transition);
}

/** The path with stacks that keep to its hops whoever has read the file, as far as they fit. */
export function respelled(
  labelling: Labelling,
  path: CandidatePath,
  { formers }: Transition,
): CandidatePath {
  const { topology } = labelling.paths.view;
  const hops = path.hops.map((hop) => findAdjacency(topology, hop));
  const back = hops.map((hop) => topology.reverse[hop]!).reverse();
  const fitting = (way: readonly number[], otherwise: readonly Label[]) => {
    const labels = segmentList(labelling, way, formers);
    return labels.length <= MOST_LABELS ? labels : otherwise;
  };
  const labels = fitting(hops, path.labels);
  return {
    ...path,
    labels,
    returnLabels: fitting(back, path.returnLabels),
    mtu: path.mtu - (labels.length - path.labels.length) * LABEL_BYTES,
  };
}

/** Would such a router do anything else than one that only knows the new file? */
export function matters(surveyed: Survey, transition: Transition): boolean {
  const { site, labelling } = surveyed;
  const { sites } = labelling.paths.view.topology;
  const switched: Transition = { ...transition, held: null };
  const goesElsewhere = (target: number) => {
    const settled = JSON.stringify(onward(surveyed, target, null));
    return [transition, switched].some((one) =>
      JSON.stringify(onward(surveyed, target, one)) !== settled
    );
  };
  return (site.transit && sites.some((_, target) => goesElsewhere(target))) ||
    allCandidates(surveyed).some((path) => {
      const { labels, returnLabels } = respelled(labelling, path, transition);
      return labels.join() !== path.labels.join() ||
        returnLabels.join() !== path.returnLabels.join();
    });
}

function plain({ network, labelling }: Survey, hop: number, target: number): Onward {
  const { topology } = labelling.paths.view;
  if (topology.to[hop] !== target) {
    return { hop, labels: [nodeLabel(labelling.blocks, topology.sites[target]!.sid)] };
  }
  return { hop, labels: network.penultimate === "explicit-null" ? [EXPLICIT_NULL] : [] };
}

function spelledOut(
  surveyed: Survey,
  way: readonly number[],
  { formers }: Transition,
): Onward | null {
  const { labelling } = surveyed;
  const [hop] = way as [number];
  if (way.length === 1) return plain(surveyed, hop, labelling.paths.view.topology.to[hop]!);
  const labels = segmentList(labelling, way, formers);
  return labels.length <= MOST_LABELS ? { hop, labels } : null;
}
