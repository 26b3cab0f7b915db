import type { LabelState, Measured, Snapshot, Table } from "../model/boundary.ts";
import type { Network, Site } from "../model/network.ts";
import type { CandidatePath } from "../model/path.ts";
import type { Generation, Instant } from "../model/quantity.ts";
import type { PathStanding } from "../model/standing.ts";
import type { WireguardState } from "./wireguard.ts";

/** What the HTTP interface and the command line may see and ask of the running router. */
export interface RouterView {
  readonly version: string;
  readonly startedAt: Instant;
  /** What runs now, as one consistent value. */
  current(): RouterState;
  /** Live state and counters, read now. */
  snapshot(): Snapshot;
  labelCounters(): LabelState[];
  /** Every window of every adjacency and segment list, read now. */
  measured(): Measured[];
  /**
   * How the paths of a policy (null: what none matches) towards a site stand now, best first; null:
   * the policy says nothing about that site, or drops what goes there.
   */
  standings(policy: string | null, egress: string): readonly PathStanding[] | null;
  wireguard(): Promise<readonly WireguardState[]>;
  /** Reads the file again and applies it; as SIGHUP does. */
  reload(): Promise<ReloadResult>;
  /** Why it no longer does its work (a step that hangs, an engine that is gone); null: it does. */
  fault(): string | null;
  now(): Instant;
}

export interface RouterState {
  readonly network: Network;
  readonly site: Site;
  /** Whose WireGuard serves the uplinks; each for itself: the table's `uplinks`. */
  readonly backend: "kernel" | "embedded" | "mixed";
  readonly file: string;
  readonly table: Table;
  /** Every candidate path of this site, by egress then rank of the default objective. */
  readonly candidates: readonly CandidatePath[];
  readonly appliedAt: Instant;
  readonly lastReload: ReloadResult | null;
  /** Things that do not work and are retried, e.g. an endpoint name that does not resolve. */
  readonly warnings: readonly string[];
  /** Devices of this site's uplinks that the system does not have at the moment. */
  readonly missingDevices: readonly string[];
}

export type ReloadResult =
  | {
    readonly ok: true;
    readonly at: Instant;
    readonly generation: Generation;
    readonly changes: readonly string[];
  }
  | { readonly ok: false; readonly at: Instant; readonly problems: readonly string[] };
