/**
 * The incoming label map of one site (RFC 3031 §3.11).
 *
 * A hop may fall back to another adjacency while its own is down, without breaking what anybody
 * asked for: only to the same neighbour, over uplinks of the same two colors, with no smaller MTU,
 * and unmetered unless the first is metered. Only node SIDs fall back: an adjacency SID means that
 * adjacency and no other (RFC 8402 §3.4, B-flag clear), and whoever pushed it moves to his next path.
 */

import type { Hop, LabelEntry } from "../model/boundary.ts";
import { between, type Topology, uplinkOf } from "../te/topology.ts";
import { adjacencyLabel, nodeLabel, serviceLabel } from "./labels.ts";
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
  if (site.transit) entries.push(...otherNodes(surveyed, transition), ...ownAdjacencies(surveyed));
  return entries.sort((a, b) => a.label - b.label);
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

function otherNodes(surveyed: Survey, transition: Transition | null): LabelEntry[] {
  const { siteIndex, labelling } = surveyed;
  const { topology } = labelling.paths.view;
  const base = topology.first[siteIndex]!;
  const entries: LabelEntry[] = [];
  for (const [target, remote] of topology.sites.entries()) {
    const way = onward(surveyed, target, transition);
    if (way === null) continue;
    const hops = [way.hop, ...fallbacks(topology, way.hop)];
    entries.push({
      label: nodeLabel(labelling.blocks, remote.sid),
      accept: adjacenciesWhere(topology, siteIndex, (hop) => !hops.includes(hop)),
      action: {
        forward: hops.map((hop): Hop => ({ adjacency: hop - base, labels: [...way.labels] })),
      },
    });
  }
  return entries;
}

function ownAdjacencies({ siteIndex, labelling }: Survey): LabelEntry[] {
  const { topology } = labelling.paths.view;
  const base = topology.first[siteIndex]!;
  const entries: LabelEntry[] = [];
  for (let hop = base; hop < topology.first[siteIndex + 1]!; hop++) {
    entries.push({
      label: adjacencyLabel(
        labelling.blocks,
        topology.sites[topology.to[hop]!]!.sid,
        topology.fromUplink[hop]!,
        topology.toUplink[hop]!,
      ),
      accept: adjacenciesWhere(topology, siteIndex, (other) => other !== hop),
      action: { forward: [{ adjacency: hop - base, labels: [] }] },
    });
  }
  return entries;
}

/** Cheapest first. */
function fallbacks(topology: Topology, hop: number): number[] {
  const colors = (index: number) => [
    uplinkOf(topology.sites[topology.from[index]!]!, topology.fromUplink[index]!).color,
    uplinkOf(topology.sites[topology.to[index]!]!, topology.toUplink[index]!).color,
  ];
  const [near, far] = colors(hop);
  const [low, high] = between(topology, topology.from[hop]!, topology.to[hop]!);
  const others: number[] = [];
  for (let other = low; other < high; other++) {
    if (other === hop || topology.mtu[other]! < topology.mtu[hop]!) continue;
    if (topology.metered[other]! > topology.metered[hop]!) continue;
    const [otherNear, otherFar] = colors(other);
    if (otherNear === near && otherFar === far) others.push(other);
  }
  return others.sort((a, b) => topology.cost[a]! - topology.cost[b]! || a - b);
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
