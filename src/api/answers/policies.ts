import type { ExplicitHop, Policy } from "../../model/network.ts";
import type { Destination, Observation } from "../observation.ts";
import type { Policies, PolicyAnswer } from "../schema.ts";
import { whyNot } from "./paths.ts";

/** In the order of the file, which is the order in which they are asked; then what none matches. */
export function policiesAnswer(observation: Observation): Policies {
  const { network } = observation.state;
  const policies = network.policies.map((policy): PolicyAnswer => ({
    name: policy.name,
    match: {
      segment: policy.match.segment ?? null,
      source: policy.match.source ?? null,
      destination: policy.match.destination ?? null,
      dscp: policy.match.dscp ?? null,
      protocol: policy.match.protocol ?? null,
      sourcePorts: portRanges(policy.match.sourcePorts),
      destinationPorts: portRanges(policy.match.destinationPorts),
    },
    action: formatAction(policy.action),
    destinations: destinationsOf(observation, policy.name),
  }));
  const rest: PolicyAnswer = {
    name: null,
    match: {
      segment: null,
      source: null,
      destination: null,
      dscp: null,
      protocol: null,
      sourcePorts: [],
      destinationPorts: [],
    },
    action: "objective cost",
    destinations: destinationsOf(observation, null),
  };
  return { policies: [...policies, rest] };
}

function destinationsOf(observation: Observation, policy: string | null) {
  return observation.destinations
    .filter((destination) => destination.policy === policy)
    .map((destination) => ({
      segment: destination.segment,
      egress: destination.egress,
      prefixes: [...destination.prefixes],
      verdict: destination.verdict === "drop" ? "drop" as const : "paths" as const,
      inUse: destination.inUse === null
        ? null
        : observation.state.table.paths[destination.inUse]?.key ?? null,
      paths: rankedPaths(observation, destination),
    }));
}

function rankedPaths(observation: Observation, { verdict, inUse }: Destination) {
  if (verdict === "drop") return [];
  const { table } = observation.state;
  return verdict.paths.map((index, place) => {
    const path = table.paths[index];
    // The quickest of the lists over which a path spreads its flows.
    const trips = (path?.lists ?? []).flatMap((at) => {
      const list = table.lists[at];
      if (list === undefined) return [];
      const live = list.labels.length === 0
        ? observation.adjacencies.get(table.adjacencies[list.adjacency]?.key ?? "")
        : observation.lists.get(list.key);
      return live?.quality.rtt_micros ?? [];
    });
    return {
      rank: place + 1,
      key: path?.key ?? "",
      state: observation.standings.paths[index]?.state ?? "unknown" as const,
      inUse: index === inUse,
      reason: whyNot(observation, index, inUse),
      rttMicros: trips.length === 0 ? null : Math.min(...trips),
    };
  });
}

function formatAction(action: Policy["action"]): string {
  switch (action.kind) {
    case "drop":
      return "drop";
    case "explicit":
      return `path ${action.hops.map(formatHop).join(", ")}; otherwise ${action.otherwise}`;
    case "via":
      return `via ${action.sites.join(", ")}; otherwise ${action.otherwise}`;
    case "objective": {
      const { avoidSites, requireSites, avoidColors, requireColors } = action.constraints;
      const parts = [
        ["avoid sites", avoidSites],
        ["require sites", requireSites],
        ["avoid colors", avoidColors],
        ["require colors", requireColors],
      ] as const;
      const constraints = parts.filter(([, names]) => names.length > 0)
        .map(([words, names]) => `${words} ${names.join(", ")}`);
      return [`objective ${action.objective}`, ...constraints].join("; ");
    }
  }
}

function formatHop({ from, to }: ExplicitHop): string {
  return `${from.site}.${from.uplink} > ${to.site}.${to.uplink}`;
}

function portRanges(ranges: readonly (readonly [number, number])[]) {
  return ranges.map(([low, high]) => ({ low, high }));
}
