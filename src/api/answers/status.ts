import type { Liveness } from "../../model/boundary.ts";
import type { ReloadResult } from "../../ports/router_view.ts";
import {
  instant,
  isMeasured,
  measured,
  neighbourGenerations,
  type Observation,
} from "../observation.ts";
import type { Reload, Sites, Status } from "../schema.ts";

export function statusAnswer(observation: Observation): Status {
  const { state, snapshot, now } = observation;
  const neighbours = [...neighbourGenerations(observation)].sort(([a], [b]) => compare(a, b));
  const differing = neighbours.flatMap(([site, generation]) =>
    generation === null || generation === state.table.generation ? [] : [{ site, generation }]
  );
  const reachable = reachableSites(observation);
  return {
    network: state.network.name,
    site: state.site.name,
    sid: state.site.sid,
    version: observation.version,
    backend: state.backend,
    uplinks: state.table.uplinks.map(({ key, backend }) => ({ name: key, backend })),
    file: state.file,
    generation: state.table.generation,
    generations: {
      agree: differing.length === 0,
      differing,
      unheard: neighbours.filter(([, told]) => told === null).map(([site]) => site),
    },
    rollout: state.rollout === null ? null : {
      phase: state.rollout.phase,
      until: state.rollout.until === null ? null : instant(state.rollout.until),
      awaited: [...state.rollout.awaited],
    },
    startedAt: instant(observation.startedAt),
    uptimeMillis: Math.max(0, Math.round(now - observation.startedAt)),
    appliedAt: instant(state.appliedAt),
    ready: snapshot.generation === state.table.generation,
    adjacencies: countStates(
      state.table.adjacencies.map(({ key }) =>
        observation.adjacencies.get(key)?.quality.state ?? "unknown"
      ),
    ),
    paths: countStates(
      state.candidates.filter((one) => isMeasured(observation, one))
        .map((one) => measured(observation, one).quality.state),
    ),
    sites: {
      total: state.network.sites.length - 1 - unmeasuredSites(observation),
      reachable: reachable.size,
    },
    threads: snapshot.threads.map((thread) => ({ ...thread })),
    warnings: [...state.warnings],
    lastReload: state.lastReload === null ? null : reloadAnswer(state.lastReload),
  };
}

export function reloadAnswer(result: ReloadResult): Reload {
  const at = instant(result.at);
  return result.ok
    ? { ok: true, at, generation: result.generation, changes: [...result.changes] }
    : { ok: false, at, problems: [...result.problems] };
}

export function sitesAnswer(observation: Observation): Sites {
  const { network, site: self, candidates, table } = observation.state;
  const neighbours = neighbourGenerations(observation);
  const reachable = reachableSites(observation);
  const sites = network.sites.map((site) => {
    const paths = candidates.filter((one) => one.egress === site.name);
    const isSelf = site.name === self.name;
    return {
      name: site.name,
      sid: site.sid,
      self: isSelf,
      transit: site.transit,
      loopbacks: [site.loopback4, site.loopback6].filter((one) => one !== undefined),
      uplinks: site.uplinks.map((uplink) => ({
        name: uplink.name,
        number: uplink.number,
        color: uplink.color,
        device: uplink.device,
        listenPort: uplink.listenPort,
        endpoint: uplink.endpoint === undefined ? null : formatEndpoint(uplink.endpoint),
        publicKey: uplink.publicKey,
        bandwidthBitsPerSecond: uplink.bandwidthBitsPerSecond ?? null,
        metered: uplink.metered,
        cost: uplink.cost,
        mtuBytes: uplink.mtu,
      })),
      segments: network.segments.flatMap((segment) =>
        segment.lans.filter((lan) => lan.site === site.name)
          .map((lan) => ({ segment: segment.name, prefixes: [...lan.prefixes] }))
      ),
      reachable: isSelf || reachable.has(site.name),
      paths: {
        total: paths.length,
        up: paths.filter((one) => measured(observation, one).quality.state === "up").length,
      },
      generation: isSelf ? table.generation : neighbours.get(site.name) ?? null,
    };
  });
  return { sites };
}

/** Sites that share no segment and no adjacency with this one: nobody asks whether they are there. */
function unmeasuredSites(observation: Observation): number {
  const { candidates } = observation.state;
  const known = new Set(candidates.map((one) => one.egress));
  const measured = candidates.filter((one) => isMeasured(observation, one));
  return known.size - new Set(measured.map((one) => one.egress)).size;
}

function reachableSites(observation: Observation): Set<string> {
  return new Set(
    observation.state.candidates
      .filter((one) => measured(observation, one).quality.state === "up")
      .map((one) => one.egress),
  );
}

function formatEndpoint({ host, port }: { host: string; port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function countStates(states: readonly Liveness[]) {
  const count = (state: Liveness) => states.filter((one) => one === state).length;
  return { total: states.length, up: count("up"), down: count("down"), unknown: count("unknown") };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
