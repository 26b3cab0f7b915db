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

/** Processor time. */
export interface Cpu {
  /** Seconds for a billion bytes of payload: the whole machine's beyond `idleLoad`. */
  readonly machine: number;
  /** Of them those of the peer's processes. */
  readonly processes: number;
  /** Processors that were busy before the measurement. */
  readonly idleLoad: number;
}

export interface Measurement {
  readonly topology: TopologyName;
  /** Expected duration, seconds, the building of the network included. */
  readonly seconds: number;
  /** What runs in place of the peer: Labelway's engine alone. */
  readonly stand?: () => Peer;
  measure(stage: Stage, peer: Peer): Promise<Sample>;
}
