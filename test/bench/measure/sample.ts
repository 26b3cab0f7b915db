/** What one measurement of one peer in one run says. */

import type { Peer } from "../peers/peer.ts";
import type { Stage } from "../stage.ts";
import type { TopologyName } from "../topology.ts";

export interface Sample {
  /** Scenario → figure, in the scenario's unit. */
  readonly values: Readonly<Record<string, number>>;
  readonly cpu?: Cpu;
  /** Bytes: the peer's processes at the gateway where they took most. */
  readonly peakMemory?: number;
}

/** Seconds for a billion bytes of payload. */
export interface Cpu {
  readonly machine: number;
  readonly processes: number;
}

export interface Measurement {
  readonly topology: TopologyName;
  /** Expected duration, seconds, the building of the network included. */
  readonly seconds: number;
  measure(stage: Stage, peer: Peer): Promise<Sample>;
}
