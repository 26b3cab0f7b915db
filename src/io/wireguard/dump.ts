/** What `wg show INTERFACE dump` prints: tab-separated, the interface first, then a peer a line. */

import type { PublicKey } from "../../model/quantity.ts";
import type { WireguardPeerState, WireguardState } from "../../ports/wireguard.ts";

/** Something else than a dump; its text is not repeated, because it may hold a private key. */
export class DumpError extends Error {
  override readonly name = "DumpError";
}

export function parseDump(interfaceName: string, text: string): WireguardState {
  const [first, ...peers] = text.split("\n").filter((line) => line !== "");
  const fields = first?.split("\t") ?? [];
  if (fields.length !== 4) {
    throw new DumpError(
      `Cannot read the dump of ${interfaceName}: line 1 has ${fields.length} fields, not 4`,
    );
  }
  // Field 0 is the private key: it stays where it is.
  const [, publicKey, listenPort, mark] = fields as [string, string, string, string];
  return {
    interface: interfaceName,
    publicKey: publicKey === "(none)" ? null : publicKey as PublicKey,
    listenPort: Number(listenPort),
    fwmark: mark === "off" ? null : Number(mark),
    peers: peers.map((line, index) => parsePeer(interfaceName, line, index + 2)),
  };
}

function parsePeer(interfaceName: string, line: string, lineNumber: number): WireguardPeerState {
  const fields = line.split("\t");
  if (fields.length !== 8) {
    throw new DumpError(
      `Cannot read the dump of ${interfaceName}: line ${lineNumber} has ${fields.length} fields, not 8`,
    );
  }
  const [publicKey, , endpoint, allowed, handshake, rx, tx, keepalive] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return {
    publicKey: publicKey as PublicKey,
    endpoint: endpoint === "(none)" ? null : endpoint,
    allowedIps: allowed === "(none)" ? [] : allowed.split(","),
    latestHandshakeMillis: handshake === "0" ? null : Number(handshake) * 1000,
    rxBytes: Number(rx),
    txBytes: Number(tx),
    persistentKeepalive: keepalive === "off" ? null : Number(keepalive),
  };
}
