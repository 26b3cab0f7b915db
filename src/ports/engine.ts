import type {
  LabelState,
  Looks,
  Measured,
  ProbeAuthentication,
  Probing,
  Snapshot,
  Table,
} from "../model/boundary.ts";

/** The native half: owns every packet; told whole tables, asked for state. */
export interface Engine {
  /** Swaps the table in, or throws {@link EngineError} and keeps the one in use. */
  apply(table: Table): void;
  snapshot(): Snapshot;
  /** Hits by label, in the order of the table's `labels`. */
  labels(): LabelState[];
  /** News of the probed paths since the last call: for one consumer. */
  looks(): Looks;
  /** Every window of every probed path. */
  measured(): Measured[];
  /** How often paths are probed from now on. */
  probe(probing: Probing): void;
  /**
   * In which mode probes are sent and taken from now on: before the first time, without codes alone.
   * `keys`: 32 bytes each, that to send with first; they are not kept.
   */
  authenticate(mode: ProbeAuthentication, keys: Uint8Array<ArrayBuffer>): void;
  /** Stops the threads; devices and sockets are gone when it returns. */
  close(): void;
}

/** The engine's own message says what failed, where, and what would be accepted. */
export class EngineError extends Error {
  override readonly name = "EngineError";
}
