/** What is measured: a program that joins LAN a and LAN b, or nothing but the veth between them. */

import type { Stage } from "../stage.ts";

export const PEER_NAMES = [
  "veth",
  "labelway",
  "plain",
  "wireguard-go",
  "nebula-current",
  "nebula",
  "tinc",
] as const;

export type PeerName = typeof PEER_NAMES[number];

export interface Peer {
  readonly name: PeerName;
  /** Version and mode, for the report. */
  readonly what: string;
  /** Starts it at every gateway of the stage. */
  start(stage: Stage): Promise<void>;
}
