import type { PublicKey } from "../model/quantity.ts";

/** What `wg show INTERFACE dump` tells of one interface. The private key stays out of it. */
export interface WireguardState {
  readonly interface: string;
  readonly publicKey: PublicKey | null;
  readonly listenPort: number;
  readonly fwmark: number | null;
  readonly peers: readonly WireguardPeerState[];
}

export interface WireguardPeerState {
  readonly publicKey: PublicKey;
  /** `198.51.100.1:51820` or `[2001:db8::1]:51820`. */
  readonly endpoint: string | null;
  /** As `wg` orders them. */
  readonly allowedIps: readonly string[];
  /** Milliseconds since the epoch; null: never. */
  readonly latestHandshakeMillis: number | null;
  readonly rxBytes: number;
  readonly txBytes: number;
  /** Seconds; null: off. */
  readonly persistentKeepalive: number | null;
}

/** Drives WireGuard interfaces through the system's `wg`, whichever backend serves them. */
export interface Wireguard {
  show(interfaceName: string): Promise<WireguardState | null>;
  /** `text` in wg(8) configuration format; it carries the private key and goes by stdin. */
  syncconf(interfaceName: string, text: string): Promise<void>;
}
