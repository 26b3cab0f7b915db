/** What stands for the internet's links: the kernel's netem, or the lab's own link emulator. */

import type { Change, Impairment } from "./impairment.ts";

export type EmulatorKind = "netem" | "linkem";
export type Direction = "up" | "down" | "both";

export interface Emulator {
  readonly kind: EmulatorKind;
  /** Changes what is named and leaves the rest. */
  change(link: string, direction: Direction, change: Change): Promise<void>;
  show(): Promise<readonly LinkState[]>;
}

export interface LinkState {
  readonly link: string;
  readonly up: DirectionState;
  readonly down: DirectionState;
}

export interface DirectionState {
  readonly impairment: Impairment;
  readonly counters: LinkCounters;
}

export interface LinkCounters {
  /** Came out at the far end. */
  readonly packets: number;
  readonly bytes: number;
  /** Of these, let past those in the delay by `reorder`. */
  readonly reordered: number;
  /** Lost or dropped on the way, for whatever reason. */
  readonly dropped: number;
}
