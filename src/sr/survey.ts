/**
 * Everything about paths that follows from the file alone, for one site: the candidates to every
 * egress and what each policy chooses from. What is measured orders them later (`te/select`).
 */

import type {
  Constraints,
  ExplicitHop,
  Network,
  Place,
  Policy,
  Preference,
  Site,
  Step,
} from "../model/network.ts";
import type { CandidatePath } from "../model/path.ts";
import { Candidates, CandidateSearch, isSimple, type Way } from "../te/candidates.ts";
import { colorsOf, type Grade, gradeNumber, gradeOf, isLastResort } from "../te/grade.ts";
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
  | {
    readonly kind: "paths";
    /** null: what no policy matches. */
    readonly policy: Policy | null;
    readonly egress: string;
    /** Best first, as the file settles it. None usable: such packets are dropped. */
    readonly paths: readonly CandidatePath[];
    /** Of each path, by its key. */
    readonly grades: ReadonlyMap<string, Grade>;
  };

/** Where a choice's paths stand; all are named by their keys. */
export interface Placement {
  /** Best first. */
  readonly order: readonly string[];
  /** The first and what shares its flows with it, ascending. */
  readonly equals: readonly string[];
}

/** By {@link choiceKey}; absent: as the file settles it. */
export type Placements = ReadonlyMap<string, Placement>;

/** `policy` null: what no policy matches. */
export function choiceKey(policy: string | null, egress: string): string {
  return policy === null ? `> ${egress}` : `${policy} > ${egress}`;
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
  const computed = new Candidates(new CandidateSearch(paths), siteIndex);
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
  const colors = colorsOf(network);
  const choices = new Map<string, Choice>();
  for (const egress of membership.sharedWith(site.name)) {
    const paths = candidates.get(egress) ?? [];
    const grades = new Map(paths.map((path) => [path.key, plainGrade(path)]));
    choices.set(choiceKey(null, egress), { kind: "paths", policy: null, egress, paths, grades });
  }
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
    if (policy.steps.length === 0) return { kind: "drop" };
    const ends = topology.sites[egress]!.name;
    const [first] = policy.steps;
    if (first?.kind === "explicit" && !joins(first.hops, site.name, ends)) return undefined;
    const found = new Map<string, CandidatePath>();
    for (const path of policy.steps.flatMap((step) => pathsOf(step, egress, plain))) {
      // The same hops may be computed and explicit: the operator's word is the origin.
      if (!found.has(path.key) || path.origin === "explicit") found.set(path.key, path);
    }
    const grades = new Map<string, Grade>();
    for (const path of found.values()) {
      const grade = gradeOf(policy, path, colors);
      if (grade) grades.set(path.key, grade);
    }
    const order = ({ key }: CandidatePath) => {
      const grade = grades.get(key)!;
      // Behind every number of a grade that is none.
      return gradeNumber(grade) + (isLastResort(grade) ? 4 * policy.steps.length : 0);
    };
    const paths = rankByCost([...found.values()].filter(({ key }) => grades.has(key)))
      .toSorted((a, b) => order(a) - order(b));
    return { kind: "paths", policy, egress: ends, paths, grades };
  }

  function pathsOf(
    step: Step,
    egress: number,
    plain: readonly CandidatePath[],
  ): readonly CandidatePath[] {
    switch (step.kind) {
      case "computed": {
        const all = constrainedPaths(step.constraints, egress, plain);
        const preferred = preferring(step.constraints, step.prefer);
        // Asked for by themselves, so that none of them is crowded out by cheaper ones.
        return preferred ? [...constrainedPaths(preferred, egress, plain), ...all] : all;
      }
      case "via": {
        const via = indices(topology, step.sites);
        return toPaths(labelling, via ? computed.through(egress, via) : []);
      }
      case "explicit": {
        if (!joins(step.hops, site.name, topology.sites[egress]!.name)) return [];
        const way = step.hops.map((hop) => findAdjacency(topology, hop));
        return isUsable(topology, way) ? toPaths(labelling, [way], "explicit") : [];
      }
    }
  }

  function constrainedPaths(
    constraints: Constraints,
    egress: number,
    plain: readonly CandidatePath[],
  ): readonly CandidatePath[] {
    if (Object.values(constraints).every((names) => names.length === 0)) return plain;
    const key = JSON.stringify(constraints);
    let under = constrained.get(key);
    if (!under) {
      const view = constrainedView(topology, constraints);
      under = new Candidates(new CandidateSearch(new ShortestPaths(view)), siteIndex);
      constrained.set(key, under);
    }
    const required = indices(topology, constraints.requireSites);
    return toPaths(labelling, required ? under.to(egress, { required }) : []);
  }
}

function plainGrade({ metered }: CandidatePath): Grade {
  return { step: 0, preferred: true, metered, named: false };
}

/** What is preferred, as if it were required; null: nothing is. */
function preferring(constraints: Constraints, prefer: Preference): Constraints | null {
  if (prefer.sites.length === 0 && prefer.colors.length === 0) return null;
  const { requireSites, requireColors } = constraints;
  return {
    ...constraints,
    requireSites: [...new Set([...requireSites, ...prefer.sites])].sort(),
    requireColors: prefer.colors.length === 0
      ? requireColors
      : prefer.colors.filter((color) =>
        requireColors.length === 0 || requireColors.includes(color)
      ),
  };
}

/** Prefixes are looked at later: what is asked for by site alone is settled here. */
function mayBeAt(places: readonly Place[], site: string): boolean {
  return places.length === 0 ||
    places.some((place) => "prefix" in place || place.site === site);
}

function joins(hops: readonly ExplicitHop[], from: string, to: string): boolean {
  return hops[0]?.from.site === from && hops.at(-1)?.to.site === to;
}

/** Egresses whose segments the policy may match; none where it speaks of other ingresses only. */
function egressesOf(membership: Membership, site: string, policy: Policy): string[] {
  const { sources, destinations } = policy.match;
  if (!mayBeAt(sources, site)) return [];
  return membership.sharedWith(site, policy.match.segment)
    .filter((name) => mayBeAt(destinations, name));
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
