/** Customer packets → paths (RFC 3031 §3.12): segment, then prefix, then policy, then ranked paths. */

import type {
  Match,
  Path,
  Route,
  Rule,
  Segment,
  SegmentList,
  UplinkEnd,
  Verdict,
} from "../model/boundary.ts";
import { type Alternative, alternatives } from "../match/alternatives.ts";
import { overlaps } from "../match/prefix.ts";
import type { Network, Place, Policy, Segment as NetworkSegment, Site } from "../model/network.ts";
import type { CandidatePath } from "../model/path.ts";
import { rankByCost } from "../te/rank.ts";
import { ratesOf, weightsOf } from "../te/rates.ts";
import { findAdjacency, type Topology } from "../te/topology.ts";
import { LABEL_BYTES, OVERHEAD_BYTES, serviceLabel, tunName, tunnelAddress } from "./labels.ts";
import { choiceKey, type Placements, type Survey } from "./survey.ts";

export interface ForwardingEntries {
  readonly segments: Segment[];
  readonly paths: Path[];
  readonly lists: SegmentList[];
}

/**
 * Only segments with LANs at this site; only paths to their other members. `absent` names policies
 * whose time it is not: they have no rule, yet their paths stay known and measured.
 */
export function forwardingEntries(
  surveyed: Survey,
  placements: Placements,
  absent: ReadonlySet<string>,
): ForwardingEntries {
  const { network, site, membership } = surveyed;
  const topology = surveyed.labelling.paths.view.topology;
  const segments = membership.segmentsAt(site.name);
  const egresses = topology.sites.filter((other) =>
    other.name !== site.name && segments.some((segment) => membership.has(segment, other.name))
  );
  const used = usedPaths(surveyed, egresses);
  const spelled = new Map(
    network.policies.map((policy) => [policy.name, alternatives(policy.match)]),
  );
  const place = new Map(used.map((path, index) => [path.key, index]));

  const egressSid = (name: string) => topology.sites[topology.siteIndex.get(name)!]!.sid;
  const paths: Path[] = used.map(({ key, egress }, index) => ({
    key,
    egress: egressSid(egress),
    lists: [index],
  }));

  const verdict = (key: string): Verdict => {
    const choice = surveyed.choices.get(key);
    if (choice?.kind === "drop") return "drop";
    const placement = placements.get(key);
    const inOrder = ordered(choice?.paths ?? [], placement?.order).map((path) =>
      place.get(path.key)!
    );
    const shared = placement?.equals ?? [];
    const order = shared.length > 1 ? [balanced(shared), ...inOrder] : inOrder;
    return { paths: { order, equal: 1, keep: [] } };
  };

  /** Index of the path whose lists share the flows. */
  const balanced = (keys: readonly string[]): number => {
    const name = keys.join("|");
    const known = place.get(name);
    if (known !== undefined) return known;
    const lists = keys.map((key) => place.get(key)!);
    place.set(name, paths.length);
    return paths.push({ key: name, egress: paths[lists[0]!]!.egress, lists }) - 1;
  };

  const weights = listWeights(network, used);
  return {
    segments: segments.map((segment) => compileSegment(segment)),
    paths,
    lists: used.map((path) => compileList(surveyed, path, weights.get(path.key)!)),
  };

  function compileSegment(segment: NetworkSegment): Segment {
    // Of every hour, so that the device keeps its MTU when a policy comes or goes with the time.
    const mentioned: Verdict[] = [];
    const members = egresses.filter((egress) => membership.has(segment, egress.name));
    const steerings = members.map((egress) => {
      const prefixes = membership.prefixes(segment, egress);
      const rules = network.policies.flatMap((policy): Rule[] => {
        const key = choiceKey(policy.name, egress.name);
        if (!surveyed.choices.has(key) || !isOf(policy, segment)) return [];
        const decided = verdict(key);
        return spelled.get(policy.name)!.flatMap((one): Rule[] => {
          const matches = compileMatch(one, site.name, egress.name);
          if (!matches || !mayLead(matches, prefixes)) return [];
          mentioned.push(decided);
          return absent.has(policy.name)
            ? []
            : [{ policy: policy.name, matches, verdict: decided }];
        });
      });
      return { rules, fallback: verdict(choiceKey(null, egress.name)) };
    });
    const verdicts = [...mentioned, ...steerings.map((one) => one.fallback)];
    const mtus = verdicts.flatMap((one) =>
      one === "drop"
        ? []
        : [...one.paths.order, ...one.paths.keep].flatMap((at) =>
          paths[at]!.lists.map((list) => used[list]!.mtu)
        )
    );
    return {
      name: segment.name,
      number: segment.number,
      service_label: serviceLabel(network.blocks, segment.number),
      tun: tunName(segment),
      mtu: mtus.length > 0 ? Math.min(...new Set(mtus)) : unroutedMtu(site),
      local: membership.prefixes(segment, site),
      routes: members.flatMap((egress, steering) =>
        membership.prefixes(segment, egress).map((prefix): Route => ({ prefix, steering }))
      ),
      steerings,
    };
  }
}

/** By SID of the egress, then by cost. */
function usedPaths(surveyed: Survey, egresses: readonly Site[]): CandidatePath[] {
  return egresses.flatMap((egress) => {
    const byKey = new Map(
      (surveyed.candidates.get(egress.name) ?? []).map((path) => [path.key, path]),
    );
    for (const policy of surveyed.network.policies) {
      const choice = surveyed.choices.get(choiceKey(policy.name, egress.name));
      if (choice && choice.kind !== "drop") {
        for (const path of choice.paths) byKey.set(path.key, path);
      }
    }
    return rankByCost([...byKey.values()]);
  });
}

/** As the rates of the paths to one egress are to each other; by key. */
function listWeights(network: Network, used: readonly CandidatePath[]): Map<string, number> {
  const rates = ratesOf(network);
  const byEgress = Map.groupBy(used, (path) => path.egress);
  return new Map([...byEgress.values()].flatMap((paths) => [...weightsOf(paths, rates)]));
}

function compileList(surveyed: Survey, path: CandidatePath, weight: number): SegmentList {
  const { topology } = surveyed.labelling.paths.view;
  const last = path.hops.at(-1)!;
  const egress = topology.sites[topology.siteIndex.get(path.egress)!]!;
  const arrival = egress.uplinks.find((uplink) => uplink.name === last.to.uplink)!;
  return {
    key: path.key,
    weight,
    adjacency: findAdjacency(topology, path.hops[0]!) - topology.first[surveyed.siteIndex]!,
    labels: [...path.labels],
    return_labels: [...path.returnLabels],
    probe_address: egress.loopback4 ?? tunnelAddress(surveyed.network, egress.sid, arrival.number),
    mtu: path.mtu,
    ends: ends(topology, path),
  };
}

/** That of others alone: what becomes of our own uplinks is seen at once. */
function ends({ sites, siteIndex }: Topology, { hops }: CandidatePath): UplinkEnd[] {
  const end = ({ site: name, uplink }: CandidatePath["hops"][number]["from"]): UplinkEnd => {
    const site = sites[siteIndex.get(name)!]!;
    return { site: site.sid, uplink: site.uplinks.find((one) => one.name === uplink)!.number };
  };
  return hops.flatMap(({ from, to }, index) => index === 0 ? [end(to)] : [end(from), end(to)]);
}

function isOf({ match }: Policy, segment: NetworkSegment): boolean {
  return match.segment === undefined || match.segment === segment.name;
}

function mayLead({ destination }: Match, prefixes: readonly string[]): boolean {
  return destination === null || prefixes.some((prefix) => overlaps(prefix, destination));
}

/**
 * From one site to another: where a place is a site, it is either the one at hand and asks nothing
 * more, or another, and nothing matches (null).
 */
function compileMatch(one: Alternative, ingress: string, egress: string): Match | null {
  if (!isHere(one.source, ingress) || !isHere(one.destination, egress)) return null;
  return {
    source: prefixOf(one.source) ?? one.sourceServer,
    destination: prefixOf(one.destination) ?? one.destinationServer,
    dscp: one.dscp,
    protocol: one.protocol,
    source_ports: one.sourcePorts.map(([low, high]) => [low, high]),
    destination_ports: one.destinationPorts.map(([low, high]) => [low, high]),
  };
}

function isHere(place: Place | null, site: string): boolean {
  return place === null || "prefix" in place || place.site === site;
}

function prefixOf(place: Place | null): string | null {
  return place !== null && "prefix" in place ? place.prefix : null;
}

function ordered(
  paths: readonly CandidatePath[],
  order: readonly string[] | undefined,
): readonly CandidatePath[] {
  if (!order) return paths;
  const rank = new Map(order.map((key, place) => [key, place]));
  // A path that the order does not know yet waits behind those that it does.
  return paths.toSorted((a, b) =>
    (rank.get(a.key) ?? order.length) - (rank.get(b.key) ?? order.length)
  );
}

/** A segment of this site alone: nothing leaves, so one label on the smallest uplink is the bound. */
function unroutedMtu(site: Site): number {
  return Math.min(...site.uplinks.map((uplink) => uplink.mtu)) - OVERHEAD_BYTES - LABEL_BYTES;
}
