import type { Effect } from "./event.ts";
import type { Step } from "./reconcile.ts";

/** A row of steps under way. */
export interface Round {
  left: number;
  readonly failures: string[];
  /** Of the failures, those of WireGuard interfaces: a new file that brings one cannot run here. */
  readonly refused: string[];
  readonly lines: readonly string[];
  /** A new order of paths alone: it says nothing about what failed before. */
  readonly ranking: boolean;
}

export function effectOf(step: Step): Effect {
  switch (step.kind) {
    case "host":
      return { kind: "change-host", changes: step.changes };
    case "wireguard":
      return { kind: "syncconf", desired: step.desired };
    case "table":
      return { kind: "apply-table", table: step.to };
  }
}
