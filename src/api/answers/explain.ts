/** `GET /v1/policies/explain`: one packet, the policy that takes it, and why its path is in use. */

import { type PacketHeader, whyNoMatch } from "../../match/packet.ts";
import { holdsAddress, lengthOf } from "../../match/prefix.ts";
import type { Policy } from "../../model/network.ts";
import type { CandidatePath } from "../../model/path.ts";
import type { Instant } from "../../model/quantity.ts";
import { explainRanking, type PathFacts } from "../../te/explain.ts";
import { colorsOf, gradeNumber, gradeOf } from "../../te/grade.ts";
import { rankByCost } from "../../te/rank.ts";
import { instant, measured, type Observation } from "../observation.ts";
import type { Explanation } from "../schema.ts";
import { classFields, formatAction } from "./policy_words.ts";

/** Replies that one figure of a path is made of. */
const WINDOW_PROBES = 100;

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
  const up = ranked.findIndex(({ state }) => state === "up");
  const inUse = up < 0 ? null : up;
  const reasons = explainRanking(policy, ranked, inUse, colorsOf(network));
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
    action: policy ? formatAction(policy) : "objective cost",
    class: policy && !dropped ? classFields(policy.class) : null,
    sloJudged: false,
    verdict: dropped ? "drop" : "paths",
    inUse: inUse === null ? null : ranked[inUse]!.path.key,
    paths: ranked.map(({ path, state, rttMicros }, place) => {
      const { quality } = measured(observation, path);
      return {
        rank: place + 1,
        key: path.key,
        state,
        inUse: place === inUse,
        cost: path.cost,
        metered: path.metered,
        mtuBytes: path.mtu,
        rttMicros,
        jitterMicros: quality.jitter_micros,
        loss: quality.probes_sent === 0 ? null : quality.loss,
        windowMillis: WINDOW_PROBES * network.probe.intervalMillis,
        // While it is up, probes go on; what a path that is down measured is of before.
        ageMillis: quality.probes_answered === 0 ? null : state === "up" ? 0 : quality.state_millis,
        why: reasons[place]!.why,
        wins: reasons[place]!.wins,
      };
    }),
  };
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

/** As the engine has it; where the policy is not in its table, as it would stand by the file. */
function ranking(
  observation: Observation,
  policy: Policy | null,
  { segment, egress, prefix }: Found,
): PathFacts[] {
  const { state, standings } = observation;
  const candidates = new Map(
    state.candidates.filter((one) => one.egress === egress).map((one) => [one.key, one]),
  );
  const verdict = observation.destinations.find((one) =>
    one.segment === segment && one.policy === (policy?.name ?? null) &&
    one.prefixes.includes(prefix)
  )?.verdict;
  const installed = verdict === undefined || verdict === "drop"
    ? null
    : verdict.paths.order.map((index) => candidates.get(state.table.paths[index]?.key ?? ""));
  const paths = installed?.filter((path) => path !== undefined) ??
    byFile(policy, [...candidates.values()], colorsOf(state.network));
  const standing = new Map(standings.paths.map((one) => [one.key, one]));
  return paths.map((path) => {
    const { quality, reason } = measured(observation, path);
    return {
      path,
      state: standing.get(path.key)?.state ?? quality.state,
      reason: standing.get(path.key)?.reason ?? reason,
      rttMicros: quality.rtt_micros,
    };
  });
}

function byFile(
  policy: Policy | null,
  paths: readonly CandidatePath[],
  colors: ReturnType<typeof colorsOf>,
): CandidatePath[] {
  if (policy === null) return rankByCost(paths.filter(({ origin }) => origin === "computed"));
  const grades = new Map(paths.flatMap((path) => {
    const grade = gradeOf(policy, path, colors);
    return grade ? [[path.key, gradeNumber(grade)] as const] : [];
  }));
  return rankByCost(paths.filter(({ key }) => grades.has(key)))
    .toSorted((a, b) => grades.get(a.key)! - grades.get(b.key)!);
}
