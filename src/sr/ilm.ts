/**
 * The incoming label map of one site (RFC 3031 §3.11).
 *
 * A hop may fall back to another adjacency while its own is down, without breaking what anybody
 * asked for: only to the same neighbour, over uplinks of the same two colors, with no smaller MTU,
 * and unmetered unless the first is metered. Only node SIDs fall back: an adjacency SID means that
 * adjacency and no other.
 *
 * Behind these comes a repair (`repair.ts`), for both kinds. It asks for no colors and is for the
 * moment alone: probes do not take it, so whoever pushed the label learns that the adjacency is
 * down, and moves to a path of his own choice.
 */

import type { Hop, LabelEntry } from "../model/boundary.ts";
import type { Uplink } from "../model/network.ts";
import { between, type Topology, uplinkOf } from "../te/topology.ts";
import { adjacencyLabel, nodeLabel, serviceLabel } from "./labels.ts";
import { type Repair, repairs } from "./repair.ts";
import type { Survey } from "./survey.ts";
import { onward, type Transition } from "./transition.ts";

/** Ascending by label. Adjacency indices are those of the site's own, in the topology's order. */
export function incomingLabels(
  surveyed: Survey,
  transition: Transition | null = null,
): LabelEntry[] {
  const { site } = surveyed;
  const entries = [...services(surveyed), ownNode(surveyed)];
  // Only where others' traffic may pass: elsewhere a label for another site is not meant for us.
  if (site.transit) entries.push(...repaired(surveyed, transition));
  return entries.sort((a, b) => a.label - b.label);
}

/**
 * What is passed on, with a repair behind the other hops where there is one. While a file reaches
 * the routers, packets may leave by another adjacency than the one that a repair is for.
 */
function repaired(surveyed: Survey, transition: Transition | null): LabelEntry[] {
  const { nodes, adjacencies } = repairs(surveyed, transition?.formers);
  const byLabel = new Map<number, Repair>(
    [...nodes, ...adjacencies].map((repair) => [repair.label, repair]),
  );
  return [...otherNodes(surveyed, transition), ...ownAdjacencies(surveyed)].map(
    ({ label, accept, forward }) => {
      const repair = byLabel.get(label);
      const fits = repair !== undefined && forward[0]?.adjacency === repair.failed;
      return { label, accept, action: { forward: fits ? [...forward, repair.hop] : forward } };
    },
  );
}

/** One label that is passed on. */
interface Passed extends Pick<LabelEntry, "label" | "accept"> {
  readonly forward: Hop[];
}

/** From members of the segment, or from sites that bring it from members. */
function services({ network, site, siteIndex, labelling, membership }: Survey): LabelEntry[] {
  const { topology } = labelling.paths.view;
  return membership.segmentsAt(site.name).map((segment, index) => ({
    label: serviceLabel(network.blocks, segment.number),
    accept: adjacenciesWhere(topology, siteIndex, (hop) => {
      const remote = topology.sites[topology.to[hop]!]!;
      return remote.transit || membership.has(segment, remote.name);
    }),
    action: { deliver: index },
  }));
}

/** For neighbours that did not pop; what is below is checked again. */
function ownNode({ network, site, siteIndex, labelling }: Survey): LabelEntry {
  const { topology } = labelling.paths.view;
  return {
    label: nodeLabel(network.blocks, site.sid),
    accept: adjacenciesWhere(topology, siteIndex, () => true),
    action: "pop",
  };
}

function otherNodes(surveyed: Survey, transition: Transition | null): Passed[] {
  const { siteIndex, labelling } = surveyed;
  const { topology } = labelling.paths.view;
  const base = topology.first[siteIndex]!;
  const entries: Passed[] = [];
  for (const [target, remote] of topology.sites.entries()) {
    const way = onward(surveyed, target, transition);
    if (way === null) continue;
    const hops = [way.hop, ...fallbacks(topology, way.hop)];
    entries.push({
      label: nodeLabel(labelling.blocks, remote.sid),
      accept: adjacenciesWhere(topology, siteIndex, (hop) => !hops.includes(hop)),
      forward: hops.map((hop): Hop => ({
        adjacency: hop - base,
        labels: [...way.labels],
        repair: false,
      })),
    });
  }
  return entries;
}

function ownAdjacencies({ siteIndex, labelling }: Survey): Passed[] {
  const { topology } = labelling.paths.view;
  const base = topology.first[siteIndex]!;
  const entries: Passed[] = [];
  for (let hop = base; hop < topology.first[siteIndex + 1]!; hop++) {
    entries.push({
      label: adjacencyLabel(
        labelling.blocks,
        topology.sites[topology.to[hop]!]!.sid,
        topology.fromUplink[hop]!,
        topology.toUplink[hop]!,
      ),
      accept: adjacenciesWhere(topology, siteIndex, (other) => other !== hop),
      forward: [{ adjacency: hop - base, labels: [], repair: false }],
    });
  }
  return entries;
}

/** Those that share no risk with it first, then the cheapest. */
function fallbacks(topology: Topology, hop: number): number[] {
  const ends = (index: number) =>
    [
      uplinkOf(topology.sites[topology.from[index]!]!, topology.fromUplink[index]!),
      uplinkOf(topology.sites[topology.to[index]!]!, topology.toUplink[index]!),
    ] as const;
  const [near, far] = ends(hop).map(({ color }) => color);
  const risks = risksOf(ends(hop));
  const shares = (index: number) => Number(!risks.isDisjointFrom(risksOf(ends(index))));
  const [low, high] = between(topology, topology.from[hop]!, topology.to[hop]!);
  const others: number[] = [];
  for (let other = low; other < high; other++) {
    if (other === hop || topology.mtu[other]! < topology.mtu[hop]!) continue;
    if (topology.metered[other]! > topology.metered[hop]!) continue;
    const [otherNear, otherFar] = ends(other);
    if (otherNear.color === near && otherFar.color === far) others.push(other);
  }
  return others.sort((a, b) =>
    shares(a) - shares(b) || topology.cost[a]! - topology.cost[b]! || a - b
  );
}

function risksOf(uplinks: readonly Uplink[]): Set<string> {
  return new Set(uplinks.flatMap(({ risks = [] }) => risks));
}

function adjacenciesWhere(
  topology: Topology,
  site: number,
  accepts: (hop: number) => boolean,
): number[] {
  const base = topology.first[site]!;
  const accepted: number[] = [];
  for (let hop = base; hop < topology.first[site + 1]!; hop++) {
    if (accepts(hop)) accepted.push(hop - base);
  }
  return accepted;
}
