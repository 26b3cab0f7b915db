import type { RouterView } from "../../ports/router_view.ts";
import type { WireguardPeerState } from "../../ports/wireguard.ts";
import { instant, NO_QUALITY, type Observation, qualityFields } from "../observation.ts";
import type { Adjacencies } from "../schema.ts";
import { bfdAnswer } from "./bfd.ts";
import { downReason } from "./down_reason.ts";

/** WireGuard's own state is asked of `wg`: where that fails, everything else is still answered. */
export async function adjacenciesAnswer(
  observation: Observation,
  view: Pick<RouterView, "wireguard">,
): Promise<Adjacencies> {
  const { state: { table, network }, siteBySid, now } = observation;
  const peers = new Map<string, WireguardPeerState>();
  let wireguardProblem: string | null = null;
  try {
    for (const state of await view.wireguard()) {
      for (const peer of state.peers) peers.set(`${state.interface} ${peer.publicKey}`, peer);
    }
  } catch (error) {
    wireguardProblem = error instanceof Error ? error.message : String(error);
  }
  const missing = new Set(observation.state.missingDevices);
  const adjacencies = table.adjacencies.map((adjacency) => {
    const uplink = table.uplinks[adjacency.uplink];
    const live = observation.adjacencies.get(adjacency.key);
    const generation = live?.remote_generation ?? null;
    const peer = peers.get(`${uplink?.interface} ${adjacency.remote_key}`);
    const site = siteBySid.get(adjacency.remote_site) ?? "";
    const remoteUplink = adjacency.key.slice(adjacency.key.lastIndexOf(".") + 1);
    const remote = network.sites.find(({ name }) => name === site)?.uplinks
      .find(({ name }) => name === remoteUplink);
    const quality = live?.quality ?? NO_QUALITY;
    return {
      key: adjacency.key,
      uplink: uplink?.key ?? "",
      interface: uplink?.interface ?? "",
      site,
      remoteUplink,
      localAddress: uplink?.tunnel_address ?? "",
      remoteAddress: adjacency.remote_address,
      mtuBytes: adjacency.mtu,
      mtuFoundBytes: quality.mtu,
      ...qualityFields(quality),
      bfd: live === undefined ? null : bfdAnswer(live.bfd),
      reason: uplink !== undefined && missing.has(uplink.device)
        ? `there is no device ${uplink.device}`
        : wireguardProblem === null
        ? downReason({ state: quality.state, remote, peer, bfd: live?.bfd }, now)
        : null,
      generation,
      generationDiffers: generation !== null && generation !== table.generation,
      txPackets: live?.tx_packets ?? 0,
      txBytes: live?.tx_bytes ?? 0,
      rxPackets: live?.rx_packets ?? 0,
      rxBytes: live?.rx_bytes ?? 0,
      wireguard: peer === undefined ? null : {
        endpoint: peer.endpoint,
        latestHandshakeAt: peer.latestHandshakeMillis === null
          ? null
          : instant(peer.latestHandshakeMillis),
        rxBytes: peer.rxBytes,
        txBytes: peer.txBytes,
      },
    };
  });
  return { adjacencies, wireguardProblem };
}
