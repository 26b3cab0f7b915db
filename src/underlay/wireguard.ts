/** Desired − actual for WireGuard interfaces, and their configuration in wg(8)'s format. Pure. */

import type { PublicKey } from "../model/quantity.ts";
import type { WireguardPeerState, WireguardState } from "../ports/wireguard.ts";
import type { WireguardChange } from "./change.ts";

export interface DesiredInterface {
  readonly name: string;
  readonly publicKey: PublicKey;
  readonly listenPort: number;
  readonly mark: number;
  /** By public key, ascending. */
  readonly peers: readonly DesiredPeer[];
}

export interface DesiredPeer {
  readonly publicKey: PublicKey;
  /** The only source accepted from it. */
  readonly allowedIps: readonly string[];
  /** Null: not known (a peer behind NAT, or a name that does not resolve): it has to come first. */
  readonly endpoint: string | null;
  /** The file's endpoint for it is another than the one last applied. */
  readonly endpointChanged: boolean;
  /** Seconds; null: off. */
  readonly persistentKeepalive: number | null;
}

/**
 * WireGuard's sessions live 180 s (REJECT_AFTER_TIME): a younger handshake means that the peer is
 * reached at the address that the interface has for it now, wherever it has roamed to.
 */
export const FRESH_HANDSHAKE_MILLIS = 180_000;

/** What has to change; empty: not one packet is sent, not one session touched. */
export function planWireguard(
  desired: DesiredInterface,
  actual: WireguardState | null,
  nowMillis: number,
): WireguardChange[] {
  const at = { interface: desired.name };
  const changes: WireguardChange[] = [];
  if (actual?.publicKey !== desired.publicKey) {
    changes.push({ ...at, kind: "key", from: actual?.publicKey ?? null, to: desired.publicKey });
  }
  if (actual?.listenPort !== desired.listenPort) {
    changes.push({ ...at, kind: "port", from: actual?.listenPort ?? 0, to: desired.listenPort });
  }
  if (actual?.fwmark !== desired.mark) {
    changes.push({ ...at, kind: "mark", from: actual?.fwmark ?? null, to: desired.mark });
  }
  const present = new Map((actual?.peers ?? []).map((peer) => [peer.publicKey, peer]));
  const wanted = new Set(desired.peers.map((peer) => peer.publicKey));
  for (const key of present.keys()) {
    if (!wanted.has(key)) changes.push({ ...at, kind: "peer-remove", peer: key });
  }
  for (const peer of desired.peers) {
    const found = present.get(peer.publicKey);
    if (!found) {
      changes.push({ ...at, kind: "peer-add", peer: peer.publicKey, endpoint: peer.endpoint });
    } else {
      changes.push(...planPeer(desired.name, peer, found, nowMillis));
    }
  }
  return changes;
}

/**
 * The whole configuration, for `wg syncconf`. The private key is handed in last, where the text
 * goes straight to `wg`'s input, so that nothing that is logged or compared ever holds it.
 */
export function renderWireguard(
  desired: DesiredInterface,
  actual: WireguardState | null,
  nowMillis: number,
  privateKey: string,
): string {
  const present = new Map((actual?.peers ?? []).map((peer) => [peer.publicKey, peer]));
  const lines = [
    "[Interface]",
    `PrivateKey = ${privateKey}`,
    `ListenPort = ${desired.listenPort}`,
    `FwMark = 0x${desired.mark.toString(16)}`,
  ];
  for (const peer of desired.peers) {
    const endpoint = endpointToSet(peer, present.get(peer.publicKey), nowMillis);
    lines.push(
      "",
      "[Peer]",
      `PublicKey = ${peer.publicKey}`,
      `AllowedIPs = ${peer.allowedIps.join(", ")}`,
      // Without the line, `wg` leaves the address that the peer has.
      ...(endpoint === null ? [] : [`Endpoint = ${endpoint}`]),
      `PersistentKeepalive = ${peer.persistentKeepalive ?? "off"}`,
    );
  }
  return lines.join("\n") + "\n";
}

function planPeer(
  name: string,
  peer: DesiredPeer,
  found: WireguardPeerState,
  nowMillis: number,
): WireguardChange[] {
  const at = { interface: name, peer: peer.publicKey };
  const changes: WireguardChange[] = [];
  const endpoint = endpointToSet(peer, found, nowMillis);
  if (endpoint !== null) {
    changes.push({ ...at, kind: "peer-endpoint", from: found.endpoint, to: endpoint });
  }
  if (!sameSet(peer.allowedIps, found.allowedIps)) {
    changes.push({
      ...at,
      kind: "peer-allowed-ips",
      from: found.allowedIps,
      to: peer.allowedIps,
    });
  }
  if (peer.persistentKeepalive !== found.persistentKeepalive) {
    changes.push({
      ...at,
      kind: "peer-keepalive",
      from: found.persistentKeepalive,
      to: peer.persistentKeepalive,
    });
  }
  return changes;
}

/**
 * The address to give a peer, or null to leave the one it has: because it is right, because none is
 * known, or because the peer has roamed. An address learned from an authenticated packet is truer
 * than the file's, until the file says something new or nobody answers there any more.
 */
function endpointToSet(
  peer: DesiredPeer,
  found: WireguardPeerState | undefined,
  nowMillis: number,
): string | null {
  if (peer.endpoint === null) return null;
  if (!found || found.endpoint === null) return peer.endpoint;
  if (peer.endpoint === found.endpoint) return null;
  return !peer.endpointChanged && isFresh(found, nowMillis) ? null : peer.endpoint;
}

export function isFresh(peer: WireguardPeerState, nowMillis: number): boolean {
  return peer.latestHandshakeMillis !== null &&
    nowMillis - peer.latestHandshakeMillis < FRESH_HANDSHAKE_MILLIS;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item) => b.includes(item));
}
