/**
 * The program of this tree, as a gateway's service runs it: one file, keys by keygen, `up`, embedded
 * WireGuard. Through t packets go on labels: a and b have no adjacency, for their colors differ.
 */

import { distribute } from "../../../src/lab/lab.ts";
import { startRouter, withGateway } from "../../../src/lab/gateway.ts";
import type { LabState } from "../../../src/lab/folder.ts";
import { awaitRouters } from "../../../src/lab/ready.ts";
import { own, type Stage } from "../stage.ts";
import {
  type Gateway,
  LAN,
  PORT,
  type TopologyName,
  UNDERLAY_MTU,
  underlaysOf,
} from "../topology.ts";
import type { Peer } from "./peer.ts";

const READY_MILLIS = 30_000;
const SID: Readonly<Record<Gateway, number>> = { a: 1, b: 2, t: 3 };

export function labelway(version: string): Peer {
  return {
    name: "labelway",
    what: `${version}, embedded WireGuard, through t labelled`,
    start: (stage) => startRouters(stage, network(stage.topology, stage.gateways)),
  };
}

/** The program at every gateway, once all its paths are up; `library`: another native half. */
export async function startRouters(stage: Stage, file: string, library?: string): Promise<void> {
  await distribute(stage.place, file);
  let state: LabState = stage.state;
  for (const site of stage.place.topology.sites) {
    const gateway = state.gateways[site.name];
    if (gateway === undefined) continue;
    const router = startRouter(stage.place, state, site, library);
    own(stage, site.name as Gateway, router);
    state = withGateway(state, site.name, { ...gateway, router });
  }
  await awaitRouters(stage.place, state, stage.gateways, READY_MILLIS, () => {});
}

export interface Variant {
  /** MTU of each uplink, bytes. */
  readonly mtu?: number;
  /** Prefix of a LAN at t, which has none otherwise. */
  readonly lanOfT?: string;
}

/** The network's file. */
export function network(
  topology: TopologyName,
  gateways: readonly Gateway[],
  { mtu = UNDERLAY_MTU, lanOfT }: Variant = {},
): string {
  const lans: Readonly<Record<Gateway, string | undefined>> = { ...LAN, t: lanOfT };
  const sites = gateways.map((gateway) => {
    const uplinks = underlaysOf(topology, gateway).map((underlay, number) => `
      ${underlay.device}:
        number: ${number}
        color: ${colorOf(topology, gateway, underlay.device)}
        device: ${underlay.device}
        mtu: ${mtu}
        port: ${PORT + number}
        endpoint: ${underlay.address}
        gateway: ${underlay.neighbourAddress}`);
    const prefix = lans[gateway];
    const members = prefix === undefined ? "" : `
    lans:
      office: [${prefix}]`;
    return `
  ${gateway}:
    sid: ${SID[gateway]}
    loopback: [10.255.0.${SID[gateway]}]
    uplinks:${uplinks.join("")}${members}`;
  });
  return `network: bench
sites:${sites.join("")}
segments:
  office: { number: 1 }
`;
}

function colorOf(topology: TopologyName, gateway: Gateway, device: string): string {
  if (topology === "direct") return "internet";
  return gateway === "a" || device === "west" ? "west" : "east";
}
