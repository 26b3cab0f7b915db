import type { Hop, LabelState } from "../../model/boundary.ts";
import type { Network } from "../../model/network.ts";
import { describeLabel } from "../../sr/labels.ts";
import { protections } from "../../sr/repair.ts";
import type { Protection } from "../../te/risk.ts";
import type { Observation } from "../observation.ts";
import type { Drops, Labels } from "../schema.ts";

export function labelsAnswer(observation: Observation, counters: readonly LabelState[]): Labels {
  const { table, network, site } = observation.state;
  const hits = new Map(counters.map((counter) => [counter.label, counter]));
  const adjacencyKey = (index: number) => table.adjacencies[index]?.key ?? "";
  const protects = protectionsOf(network, site.name);
  const labels = table.labels.map(({ label, accept, action }) => {
    const hit = hits.get(label);
    const hops = typeof action === "object" && "forward" in action ? action.forward : [];
    const isDelivered = typeof action === "object" && "deliver" in action;
    return {
      label,
      meaning: describeLabel(network, label, site.name),
      action: action === "pop"
        ? "pop" as const
        : isDelivered
        ? "deliver" as const
        : "forward" as const,
      segment: isDelivered ? table.segments[action.deliver]?.name ?? null : null,
      nextHops: nextHops(observation, hops, protects.get(label) ?? null),
      acceptFrom: accept.map(adjacencyKey),
      packets: hit?.packets ?? 0,
      bytes: hit?.bytes ?? 0,
    };
  });
  return { labels };
}

export function dropsAnswer({ snapshot }: Observation): Drops {
  const drops = Object.entries(snapshot.drops)
    .map(([reason, packets]) => ({ reason, packets }))
    .sort((a, b) => b.packets - a.packets || (a.reason < b.reason ? -1 : 1));
  return { total: drops.reduce((sum, { packets }) => sum + packets, 0), drops };
}

/** The first hop whose adjacency is up is used. */
function nextHops(
  { state: { table, network }, adjacencies }: Observation,
  hops: readonly Hop[],
  protects: Protection | null,
) {
  const stateOf = (hop: Hop) =>
    adjacencies.get(table.adjacencies[hop.adjacency]?.key ?? "")?.quality.state ?? "unknown";
  const used = hops.find((hop) => stateOf(hop) === "up");
  return hops.map((hop) => ({
    adjacency: table.adjacencies[hop.adjacency]?.key ?? "",
    state: stateOf(hop),
    inUse: hop === used,
    operation: hop.labels.length === 0
      ? "pop" as const
      : hop.labels.length === 1
      ? "swap" as const
      : "push" as const,
    labels: hop.labels.map((label) => ({ label, meaning: describeLabel(network, label) })),
    repair: hop.repair ? protects : null,
  }));
}

/** They take as long as a reload does, and follow from the file: once for each is enough. */
const known = new WeakMap<Network, ReturnType<typeof protections>>();

function protectionsOf(network: Network, site: string): ReturnType<typeof protections> {
  const before = known.get(network);
  if (before !== undefined) return before;
  const found = protections(network, site);
  known.set(network, found);
  return found;
}
