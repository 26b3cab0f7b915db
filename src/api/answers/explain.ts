/** `GET /v1/policies/explain`: one packet, the policy that takes it, and why its path is in use. */

import type { Liveness } from "../../model/boundary.ts";
import { type PacketHeader, whyNoMatch } from "../../match/packet.ts";
import { holdsAddress, lengthOf } from "../../match/prefix.ts";
import type { Policy } from "../../model/network.ts";
import type { CandidatePath } from "../../model/path.ts";
import type { Instant } from "../../model/quantity.ts";
import type { PathStanding } from "../../model/standing.ts";
import { instant, measured, type Observation } from "../observation.ts";
import type { Explanation } from "../schema.ts";
import { classFields, formatAction, formatDefault } from "./policy_words.ts";

export interface Question {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly dscp: number;
  readonly ports: PacketHeader["ports"];
  readonly segment: string | undefined;
  readonly at: Instant;
  /** What was not asked, in words. */
  readonly assumed: readonly string[];
}

/** A list of strings: why there is no answer. */
export function explainAnswer(
  observation: Observation,
  question: Question,
): Explanation | readonly string[] {
  const { network, site } = observation.state;
  const found = destinationOf(observation, question);
  if ("problems" in found) return found.problems;
  const packet: PacketHeader = {
    segment: found.segment,
    source: question.source,
    destination: question.destination,
    protocol: question.protocol,
    dscp: question.dscp,
    ports: question.ports,
    ingress: site.name,
    egress: found.egress,
  };
  const asked: { name: string; why: string[] }[] = [];
  let policy: Policy | null = null;
  for (const each of network.policies) {
    const why = whyNoMatch(each, packet, question.at);
    asked.push({ name: each.name, why });
    if (why.length > 0) continue;
    policy = each;
    break;
  }
  const dropped = policy !== null && policy.steps.length === 0;
  const ranked = dropped ? [] : ranking(observation, policy, found);
  const used = ranked.find(({ state }) => state === "up");
  return {
    packet: {
      segment: found.segment,
      source: packet.source,
      destination: packet.destination,
      protocol: packet.protocol,
      dscp: packet.dscp,
      sourcePort: packet.ports?.source ?? null,
      destinationPort: packet.ports?.destination ?? null,
      ingress: packet.ingress,
      egress: packet.egress,
      prefix: found.prefix,
      at: instant(question.at),
    },
    assumed: [...question.assumed, ...found.assumed],
    asked,
    policy: policy?.name ?? null,
    action: policy ? formatAction(policy) : formatDefault(network.defaultClass),
    class: dropped ? null : classFields(policy?.class ?? network.defaultClass),
    verdict: dropped ? "drop" : "paths",
    inUse: used?.path.key ?? null,
    paths: ranked.map((one, place) => pathFields(one, place, used)),
  };
}

function pathFields(
  one: Ranked,
  place: number,
  used: Ranked | undefined,
): Explanation["paths"][number] {
  const { path, state, standing } = one;
  const figures = standing?.figures ?? null;
  return {
    rank: place + 1,
    key: path.key,
    state,
    inUse: one === used || state === "up" && standing?.shares === true,
    verdict: standing?.verdict ?? "unknown",
    kept: standing?.kept ?? false,
    cost: path.cost,
    metered: path.metered,
    mtuBytes: path.mtu,
    rttMicros: figures?.rttMicros ?? null,
    jitterMicros: figures?.jitterMicros ?? null,
    lossForward: figures?.lossForward ?? null,
    lossBackward: figures?.lossBackward ?? null,
    bandwidthBitsPerSecond: figures?.bandwidthBitsPerSecond ?? null,
    windowMillis: figures?.windowMillis ?? null,
    ageMillis: figures?.ageMillis ?? null,
    rttByHopsMicros: standing?.byHops?.rttMicros ?? null,
    lossForwardByHops: standing?.byHops?.lossForward ?? null,
    lossBackwardByHops: standing?.byHops?.lossBackward ?? null,
    why: whyOf(one, used),
    wins: one === used ? null : standing?.wins ?? (state === "up" ? null : "it comes up"),
  };
}

/** Of the path in use: what is wrong with it; null: nothing. */
function whyOf({ state, reason, standing, path }: Ranked, used: Ranked | undefined): string | null {
  // The engine knows of a death before anything is measured of it.
  if (state !== "up") return reason ?? "its state is not known";
  if (standing?.shares && path !== used?.path) return null;
  if (path === used?.path) return isGood(standing) ? null : standing?.why ?? null;
  return standing?.why ?? `${used?.path.key} stands before it`;
}

function isGood(standing: PathStanding | undefined): boolean {
  return standing === undefined || standing.verdict === "meets";
}

interface Found {
  readonly segment: string;
  readonly egress: string;
  readonly prefix: string;
  readonly assumed: readonly string[];
}

/** The segment and the site that the destination belongs to, by the longest prefix. */
function destinationOf(
  { destinations, state: { table } }: Observation,
  { source, destination, segment }: Question,
): Found | { readonly problems: readonly string[] } {
  const names = table.segments.map(({ name }) => name);
  if (segment !== undefined && !names.includes(segment)) {
    return { problems: [`segment ${segment} is not known here; accepted: ${names.join(", ")}`] };
  }
  const found = table.segments.filter(({ name }) => segment === undefined || name === segment)
    .flatMap(({ name, local, routes }) => {
      const best = routes.map(({ prefix }) => prefix)
        .filter((prefix) => holdsAddress(prefix, destination))
        .sort((a, b) => lengthOf(b) - lengthOf(a))[0];
      const egress = destinations.find((one) =>
        one.segment === name && best !== undefined && one.prefixes.includes(best)
      )?.egress;
      const own = local.some((prefix) => holdsAddress(prefix, source));
      return best === undefined || egress === undefined
        ? []
        : [{ segment: name, egress, prefix: best, own }];
    });
  const own = found.filter((one) => one.own);
  const [first, second] = own.length > 0 ? own : found;
  if (first === undefined) {
    const where = segment === undefined ? "any segment of this site" : `segment ${segment}`;
    return { problems: [`dst ${destination} is in no prefix of another site in ${where}`] };
  }
  if (second !== undefined) {
    const list = (own.length > 0 ? own : found).map((one) => one.segment).join(", ");
    return { problems: [`dst ${destination} is in several segments; needs segment, of ${list}`] };
  }
  const assumed = first.own
    ? []
    : [`${source} is in no prefix of this site: the packet is taken to enter here all the same`];
  return { ...first, assumed };
}

interface Ranked {
  readonly path: CandidatePath;
  readonly state: Liveness;
  /** Why it is not up. */
  readonly reason: string | null;
  /** Absent: nothing of it is known by the selection. */
  readonly standing: PathStanding | undefined;
}

/** As the engine has it; where the policy is not in its table now, as it would stand. */
function ranking(
  observation: Observation,
  policy: Policy | null,
  { segment, egress, prefix }: Found,
): Ranked[] {
  const { state, standings } = observation;
  const candidates = new Map(
    state.candidates.filter((one) => one.egress === egress).map((one) => [one.key, one]),
  );
  const told = observation.standingsOf(policy?.name ?? null, egress) ?? [];
  const verdict = observation.destinations.find((one) =>
    one.segment === segment && one.policy === (policy?.name ?? null) &&
    one.prefixes.includes(prefix)
  )?.verdict;
  const order = verdict === undefined || verdict === "drop"
    ? told.map(({ key }) => key)
    : verdict.paths.order.map((index) => state.table.paths[index]?.key ?? "");
  const live = new Map(standings.paths.map((one) => [one.key, one]));
  return order.flatMap((key): Ranked[] => {
    const path = candidates.get(key);
    if (path === undefined) return [];
    const { quality, reason } = measured(observation, path);
    return [{
      path,
      state: live.get(key)?.state ?? quality.state,
      reason: live.get(key)?.reason ?? reason,
      standing: told.find((one) => one.key === key),
    }];
  });
}
