/** One consistent look at the router, with the indices that the answers need. */

import type { AdjacencyState, ListState, Quality, Snapshot, Verdict } from "../model/boundary.ts";
import type { CandidatePath } from "../model/path.ts";
import type { Instant } from "../model/quantity.ts";
import type { RouterState, RouterView } from "../ports/router_view.ts";
import { pathInUse, type Standings, standings } from "../te/in_use.ts";

export interface Observation {
  readonly version: string;
  readonly startedAt: Instant;
  readonly now: Instant;
  readonly state: RouterState;
  readonly snapshot: Snapshot;
  readonly standings: Standings;
  /** By key. */
  readonly adjacencies: ReadonlyMap<string, AdjacencyState>;
  readonly lists: ReadonlyMap<string, ListState>;
  /** Position in the table's lists, by key. */
  readonly listIndex: ReadonlyMap<string, number>;
  readonly siteBySid: ReadonlyMap<number, string>;
  readonly destinations: readonly Destination[];
  readonly standingsOf: RouterView["standings"];
}

/** What one rule (or no rule) of one segment says about the prefixes of one site. */
export interface Destination {
  readonly segment: string;
  readonly egress: string;
  readonly prefixes: readonly string[];
  /** null: what no policy matches. */
  readonly policy: string | null;
  readonly verdict: Verdict;
  /** Index into the table's paths; null: dropped. */
  readonly inUse: number | null;
}

export function observe(view: RouterView): Observation {
  const state = view.current();
  const snapshot = view.snapshot();
  const standing = standings(state.table, snapshot);
  return {
    version: view.version,
    startedAt: view.startedAt,
    now: view.now(),
    state,
    snapshot,
    standings: standing,
    adjacencies: new Map(snapshot.adjacencies.map((one) => [one.key, one])),
    lists: new Map(snapshot.lists.map((one) => [one.key, one])),
    listIndex: new Map(state.table.lists.map((list, index) => [list.key, index])),
    siteBySid: new Map(state.network.sites.map((site) => [site.sid, site.name])),
    destinations: destinations(state, standing),
    standingsOf: (policy, egress) => view.standings(policy, egress),
  };
}

/** What is known of an entry that the engine has not reported (yet). */
export const NO_QUALITY: Quality = {
  state: "unknown",
  state_millis: 0,
  downs: 0,
  rtt_micros: null,
  jitter_micros: null,
  loss: 0,
  probes_sent: 0,
  probes_answered: 0,
  mtu: null,
};

export interface Measured {
  readonly quality: Quality;
  /** Why it carries nothing; null while it is up. */
  readonly reason: string | null;
}

/** Whether probes run on it: it is in a ranking, or it is an adjacency. */
export function isMeasured(observation: Observation, candidate: CandidatePath): boolean {
  return observation.listIndex.has(candidate.key) || observation.adjacencies.has(candidate.key);
}

/** A path of one hop is measured by its adjacency's probes, any other by its own. */
export function measured(observation: Observation, candidate: CandidatePath): Measured {
  const { state: { table }, standings } = observation;
  const index = observation.listIndex.get(candidate.key) ?? -1;
  const list = table.lists[index];
  // A site that shares no segment with this one has no list; its neighbours are probed all the same.
  const direct = observation.adjacencies.get(candidate.key)?.quality;
  if (list === undefined && direct !== undefined) {
    const reason = direct.state === "up" ? null : `adjacency ${candidate.key} is ${direct.state}`;
    return { quality: direct, reason };
  }
  const first = list === undefined ? undefined : table.adjacencies[list.adjacency]?.key;
  if (list === undefined || first === undefined) {
    return { quality: NO_QUALITY, reason: "it is in no ranking, so it is not probed" };
  }
  const quality = list.labels.length === 0
    ? observation.adjacencies.get(first)?.quality
    : observation.lists.get(list.key)?.quality;
  const standing = standings.lists[index];
  return {
    // Its own probe may still be counting misses when the first hop is known to be down.
    quality: { ...quality ?? NO_QUALITY, state: standing?.state ?? "unknown" },
    reason: standing?.reason ?? null,
  };
}

export function qualityFields(quality: Quality) {
  return {
    state: quality.state,
    stateMillis: quality.state_millis,
    downs: quality.downs,
    rttMicros: quality.rtt_micros,
    jitterMicros: quality.jitter_micros,
    loss: quality.loss,
    probesSent: quality.probes_sent,
    probesAnswered: quality.probes_answered,
  };
}

/** What each neighbour that answers runs. An adjacency that is down tells only what once was. */
export function neighbourGenerations(observation: Observation): Map<string, string | null> {
  const { state: { table }, adjacencies, siteBySid } = observation;
  const found = new Map<string, string | null>();
  for (const adjacency of table.adjacencies) {
    const site = siteBySid.get(adjacency.remote_site);
    if (site === undefined) continue;
    const live = adjacencies.get(adjacency.key);
    const told = live?.quality.state === "up" ? live.remote_generation : null;
    // One that differs must not hide behind another adjacency that has not heard of it yet.
    const before = found.get(site) ?? null;
    found.set(site, before !== null && before !== table.generation ? before : told ?? before);
  }
  return found;
}

export function instant(millis: number): string {
  return new Date(millis).toISOString();
}

function destinations({ table, network }: RouterState, standing: Standings): Destination[] {
  const siteOf = new Map<string, Map<string, string>>();
  for (const segment of network.segments) {
    const prefixes = segment.lans.flatMap(({ site, prefixes }) =>
      prefixes.map((prefix) => [prefix as string, site] as const)
    );
    siteOf.set(segment.name, new Map(prefixes));
  }
  const loopbacks = new Map<string, string>(network.sites.flatMap((site) => [
    [`${site.loopback4}/32`, site.name] as const,
    [`${site.loopback6}/128`, site.name] as const,
  ]));
  return table.segments.flatMap((segment) => {
    const groups = new Map<string, { steering: number; egress: string; prefixes: string[] }>();
    for (const { prefix, steering } of segment.routes) {
      const egress = siteOf.get(segment.name)?.get(prefix) ?? loopbacks.get(prefix) ?? "";
      const key = `${steering} ${egress}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { steering, egress, prefixes: [prefix] });
      else group.prefixes.push(prefix);
    }
    return [...groups.values()].flatMap(({ steering, egress, prefixes }) => {
      const { rules = [], fallback = "drop" } = segment.steerings[steering] ?? {};
      const verdicts = [
        ...rules.map(({ policy, verdict }) => ({ policy, verdict })),
        { policy: null, verdict: fallback },
      ];
      return verdicts.map(({ policy, verdict }): Destination => ({
        segment: segment.name,
        egress,
        prefixes,
        policy,
        verdict,
        inUse: pathInUse(verdict, standing),
      }));
    });
  });
}
