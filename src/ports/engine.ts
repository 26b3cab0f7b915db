import type { LabelState, Snapshot, Table } from "../model/boundary.ts";

/** The native half: owns every packet; told whole tables, asked for state. */
export interface Engine {
  /** Swaps the table in, or throws {@link EngineError} and keeps the one in use. */
  apply(table: Table): void;
  snapshot(): Snapshot;
  /** Hits by label, in the order of the table's `labels`. */
  labels(): LabelState[];
  /** Stops the threads; devices and sockets are gone when it returns. */
  close(): void;
}

/** The engine's own message says what failed, where, and what would be accepted. */
export class EngineError extends Error {
  override readonly name = "EngineError";
}
