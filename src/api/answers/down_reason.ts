import type { BfdState, Liveness } from "../../model/boundary.ts";
import type { Uplink } from "../../model/network.ts";
import type { WireguardPeerState } from "../../ports/wireguard.ts";

/** No session lasts longer: REJECT_AFTER_TIME of the WireGuard paper, §6.1. */
const SESSION_MILLIS = 180_000;

export interface Neighbour {
  readonly state: Liveness;
  /** As the file has it. */
  readonly remote: Pick<Uplink, "endpoint"> | undefined;
  /** Undefined: WireGuard does not have it. */
  readonly peer: WireguardPeerState | undefined;
  /** Undefined: the engine does not have it yet. */
  readonly bfd?: Pick<BfdState, "state" | "remote_state"> | undefined;
}

/** What a person should look at when an adjacency is down; null: it is not. */
export function downReason({ state, remote, peer, bfd }: Neighbour, now: number): string | null {
  if (state !== "down") return null;
  if (peer === undefined) return "WireGuard has not been told of this neighbour yet";
  if (peer.endpoint === null) {
    return remote?.endpoint === undefined
      ? "it has no endpoint in the file and has not reached this site yet"
      : `its endpoint ${remote.endpoint.host} has no address yet`;
  }
  const where = "look at its endpoint, at the public keys on both sides and at firewalls";
  if (peer.latestHandshakeMillis === null) return `no handshake has ever come through; ${where}`;
  const seconds = Math.max(0, Math.round((now - peer.latestHandshakeMillis) / 1000));
  if (seconds * 1000 > SESSION_MILLIS) return `no handshake for ${seconds} s; ${where}`;
  if (bfd?.state === "up") return "BFD is up again; it has to stay so before traffic comes back";
  if (bfd?.remote_state === "admindown") return "the neighbour has shut BFD down";
  return bfd?.remote_state === "down" && bfd.state === "init"
    ? "what this router sends does not arrive: the neighbour's BFD stays down"
    : `no BFD packet comes, ${seconds} s after the last handshake`;
}
