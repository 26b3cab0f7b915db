/** Network → the engine's whole table for one site. Pure: the same input gives the same bytes. */

import type { Backend, Table } from "../model/boundary.ts";
import type { Network } from "../model/network.ts";
import type { CandidatePath } from "../model/path.ts";
import { uplinkOf } from "../te/topology.ts";
import { adjacency, adjacencyKey } from "../te/topology.ts";
import { forwardingEntries } from "./ftn.ts";
import { incomingLabels } from "./ilm.ts";
import { interfaceName, OVERHEAD_BYTES, tunnelAddress } from "./labels.ts";
import { allCandidates, type Placements, type Survey, survey } from "./survey.ts";

export interface Compiled {
  readonly table: Table;
  /** By egress name, then by cost: also those to sites that share no segment with this one. */
  readonly candidates: CandidatePath[];
  /** Hand it to `compileTable`; it is good until the network changes. */
  readonly survey: Survey;
}

/**
 * Without `placements`, paths stand as the file settles it. `absent` names policies whose time it is
 * not.
 */
export function compile(
  network: Network,
  site: string,
  backend: Backend,
  placements: Placements = new Map(),
  absent: ReadonlySet<string> = new Set(),
): Compiled {
  const surveyed = survey(network, site);
  return {
    table: compileTable(surveyed, backend, placements, absent),
    candidates: allCandidates(surveyed),
    survey: surveyed,
  };
}

/** The cheap half, for a change of order or of the time of day alone. */
export function compileTable(
  surveyed: Survey,
  backend: Backend,
  placements: Placements = new Map(),
  absent: ReadonlySet<string> = new Set(),
): Table {
  const { network, site, siteIndex, labelling } = surveyed;
  const { topology } = labelling.paths.view;
  const uplinks = [...site.uplinks].sort((a, b) => a.number - b.number);
  const own = Array.from(
    { length: topology.first[siteIndex + 1]! - topology.first[siteIndex]! },
    (_, index) => topology.first[siteIndex]! + index,
  );
  const { segments, paths, lists } = forwardingEntries(surveyed, placements, absent);
  return {
    generation: network.generation,
    site: {
      name: site.name,
      sid: site.sid,
      loopback4: site.loopback4 ?? null,
      loopback6: site.loopback6 ?? null,
    },
    ttl: network.ttl,
    bfd: {
      interval_micros: network.bfd.intervalMillis * 1000,
      multiplier: network.bfd.multiplier,
    },
    probe: {
      interval_millis: network.probe.intervalMillis,
      down_after: network.probe.downAfter,
      up_after: network.probe.upAfter,
    },
    uplinks: uplinks.map((uplink) => ({
      key: uplink.name,
      interface: interfaceName(uplink),
      backend,
      device: uplink.device,
      tunnel_address: tunnelAddress(network, site.sid, uplink.number),
    })),
    adjacencies: own.map((hop) => {
      const remote = topology.sites[topology.to[hop]!]!;
      const far = uplinkOf(remote, topology.toUplink[hop]!);
      return {
        key: adjacencyKey(adjacency(topology, hop)),
        uplink: uplinks.findIndex((uplink) => uplink.number === topology.fromUplink[hop]),
        remote_key: far.publicKey,
        remote_address: tunnelAddress(network, remote.sid, far.number),
        remote_site: remote.sid,
        remote_uplink: far.number,
        mtu: topology.mtu[hop]! - OVERHEAD_BYTES,
      };
    }),
    segments,
    labels: incomingLabels(surveyed),
    paths,
    lists,
  };
}
