import { holdsAt } from "../../match/time.ts";
import type { Destination, Observation } from "../observation.ts";
import type { Policies, PolicyAnswer } from "../schema.ts";
import { whyNot } from "./paths.ts";
import { classFields, formatAction, formatDefault, matchFields } from "./policy_words.ts";

const NOTHING_ASKED: PolicyAnswer["match"] = {
  segment: null,
  sources: [],
  destinations: [],
  applications: [],
  dscps: [],
  protocols: [],
  sourcePorts: [],
  destinationPorts: [],
  time: null,
};

/** In the order of the file, which is the order in which they are asked; then what none matches. */
export function policiesAnswer(observation: Observation): Policies {
  const { network } = observation.state;
  const policies = network.policies.map((policy): PolicyAnswer => ({
    name: policy.name,
    match: matchFields(policy),
    holds: policy.match.time === undefined || holdsAt(policy.match.time, observation.now),
    class: policy.steps.length === 0 ? null : classFields(policy.class),
    action: formatAction(policy),
    destinations: destinationsOf(observation, policy.name),
  }));
  const rest: PolicyAnswer = {
    name: null,
    match: NOTHING_ASKED,
    holds: true,
    class: classFields(network.defaultClass),
    action: formatDefault(network.defaultClass),
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
  return verdict.paths.order.map((index, place) => {
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
