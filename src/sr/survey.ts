/**
 * Everything about paths that follows from the file alone, for one site: the candidates to every
 * egress and what each policy chooses from. Measurements come later, see `rankings.ts`.
 */

import type { Network, Policy, Site } from "../model/network.ts";
import type { CandidatePath } from "../model/path.ts";
import { Candidates, isSimple, type Way } from "../te/candidates.ts";
import { rankByCost } from "../te/rank.ts";
import { constrainedView, ShortestPaths, wholeView } from "../te/shortest_path.ts";
import { buildTopology, findAdjacency, type Topology } from "../te/topology.ts";
import { indexMembership, type Membership } from "./membership.ts";
import { candidatePath, type Labelling, MOST_LABELS } from "./segment_list.ts";

export interface Survey {
  readonly network: Network;
  readonly site: Site;
  /** Of the site in `labelling.paths.view.topology.sites`. */
  readonly siteIndex: number;
  readonly labelling: Labelling;
  readonly membership: Membership;
  /** Egress site → candidates without constraints, by cost. Every other site that can be reached. */
  readonly candidates: ReadonlyMap<string, readonly CandidatePath[]>;
  /** By {@link choiceKey}. Absent: the policy says nothing about this ingress and egress. */
  readonly choices: ReadonlyMap<string, Choice>;
}

export type Choice =
  | { readonly kind: "drop" }
  /** Best first, as the file settles it. None usable: such packets are dropped. */
  | { readonly kind: "ordered"; readonly paths: readonly CandidatePath[] }
  /** By cost here; round trips decide while the router runs. */
  | { readonly kind: "latency"; readonly paths: readonly CandidatePath[] };

export function choiceKey(policy: string, egress: string): string {
  return `${policy} > ${egress}`;
}

export function survey(network: Network, siteName: string): Survey {
  const topology = buildTopology(network);
  const siteIndex = topology.siteIndex.get(siteName);
  if (siteIndex === undefined) {
    const known = topology.sites.map((site) => site.name).join(", ");
    throw new RangeError(`Cannot compile for site "${siteName}": the network has ${known}`);
  }
  const paths = new ShortestPaths(wholeView(topology));
  const labelling = { blocks: network.blocks, paths };
  const computed = new Candidates(paths, siteIndex);
  const candidates = new Map<string, readonly CandidatePath[]>();
  for (const [index, egress] of topology.sites.entries()) {
    const ways = index === siteIndex ? [] : computed.to(index);
    if (ways.length > 0) candidates.set(egress.name, toPaths(labelling, ways));
  }
  const membership = indexMembership(network);
  const choices = choose(network, siteIndex, labelling, membership, computed, candidates);
  const site = topology.sites[siteIndex]!;
  return { network, site, siteIndex, labelling, membership, candidates, choices };
}

/** Every candidate, those that only a policy knows included; by egress, then by cost. */
export function allCandidates(surveyed: Survey): CandidatePath[] {
  const egresses = surveyed.labelling.paths.view.topology.sites.map((site) => site.name).sort();
  const byEgress = new Map<string, Map<string, CandidatePath>>();
  for (const egress of egresses) byEgress.set(egress, new Map());
  const add = (path: CandidatePath) => {
    const known = byEgress.get(path.egress)!;
    // The same hops may be computed and explicit: the operator's word is the origin.
    if (!known.has(path.key) || path.origin === "explicit") known.set(path.key, path);
  };
  for (const paths of surveyed.candidates.values()) paths.forEach(add);
  for (const choice of surveyed.choices.values()) {
    if (choice.kind !== "drop") choice.paths.forEach(add);
  }
  return egresses.flatMap((egress) => rankByCost([...byEgress.get(egress)!.values()]));
}

function choose(
  network: Network,
  siteIndex: number,
  labelling: Labelling,
  membership: Membership,
  computed: Candidates,
  candidates: ReadonlyMap<string, readonly CandidatePath[]>,
): Map<string, Choice> {
  const { topology } = labelling.paths.view;
  const site = topology.sites[siteIndex]!;
  const constrained = new Map<string, Candidates>();
  const choices = new Map<string, Choice>();
  for (const policy of network.policies) {
    for (const egress of egressesOf(membership, site.name, policy)) {
      const index = topology.siteIndex.get(egress)!;
      const plain = candidates.get(egress) ?? [];
      const choice = chosen(policy, index, plain);
      if (choice) choices.set(choiceKey(policy.name, egress), choice);
    }
  }
  return choices;

  function chosen(
    policy: Policy,
    egress: number,
    plain: readonly CandidatePath[],
  ): Choice | undefined {
    const { action } = policy;
    switch (action.kind) {
      case "drop":
        return { kind: "drop" };
      case "objective": {
        const kind = action.objective === "latency" ? "latency" : "ordered";
        if (Object.values(action.constraints).every((names) => names.length === 0)) {
          return { kind, paths: plain };
        }
        const key = JSON.stringify(action.constraints);
        let under = constrained.get(key);
        if (!under) {
          const view = constrainedView(topology, action.constraints);
          under = new Candidates(new ShortestPaths(view), siteIndex);
          constrained.set(key, under);
        }
        const required = indices(topology, action.constraints.requireSites);
        return { kind, paths: toPaths(labelling, required ? under.to(egress, { required }) : []) };
      }
      case "via": {
        const via = indices(topology, action.sites);
        const first = toPaths(labelling, via ? computed.through(egress, via) : []);
        return { kind: "ordered", paths: then(first, action.otherwise, plain) };
      }
      case "explicit": {
        const ends = [action.hops[0]?.from.site, action.hops.at(-1)?.to.site];
        if (ends[0] !== site.name || ends[1] !== topology.sites[egress]!.name) return undefined;
        const way = action.hops.map((hop) => findAdjacency(topology, hop));
        const first = isUsable(topology, way) ? toPaths(labelling, [way], "explicit") : [];
        return { kind: "ordered", paths: then(first, action.otherwise, plain) };
      }
    }
  }
}

/** Egresses whose segments the policy may match. */
function egressesOf(membership: Membership, site: string, policy: Policy): string[] {
  const names = new Set(
    membership.segmentsAt(site)
      .filter((segment) => !policy.match.segment || segment.name === policy.match.segment)
      .flatMap((segment) => segment.lans.map((lan) => lan.site)),
  );
  names.delete(site);
  return [...names].sort();
}

function then(
  first: readonly CandidatePath[],
  otherwise: "computed" | "drop",
  computed: readonly CandidatePath[],
): CandidatePath[] {
  const known = new Set(first.map((path) => path.key));
  const rest = otherwise === "computed" ? computed.filter((path) => !known.has(path.key)) : [];
  return [...first, ...rest];
}

/** An explicit way that the routers on it will forward: they exist, join, transit, and part. */
function isUsable(topology: Topology, way: Way): boolean {
  return way.every((hop, index) =>
    hop >= 0 &&
    (index === 0 ||
      topology.to[way[index - 1]!] === topology.from[hop] &&
        topology.transit[topology.from[hop]!] === 1)
  ) && isSimple(topology, way);
}

/** By cost; without those that would need more labels than the engine pushes, there or back. */
function toPaths(
  labelling: Labelling,
  ways: readonly Way[],
  origin: CandidatePath["origin"] = "computed",
): CandidatePath[] {
  const paths = ways.map((way) => candidatePath(labelling, way, origin));
  return rankByCost(
    paths.filter((path) => Math.max(path.labels.length, path.returnLabels.length) <= MOST_LABELS),
  );
}

/** null: some name is of no site. */
function indices(topology: Topology, names: readonly string[]): number[] | null {
  const found = names.map((name) => topology.siteIndex.get(name));
  return found.every((index) => index !== undefined) ? found as number[] : null;
}
