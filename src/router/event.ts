/**
 * What the router's heart is told, and what it wants done. Effects are carried out in order, and the
 * answer to one is told before any other event; after `table-refused` the effects that are left of
 * the same answer are dropped, because they were meant for that table.
 */

import type { Looks, Probing, Snapshot, Table } from "../model/boundary.ts";
import type { Network, Site } from "../model/network.ts";
import type { ReloadResult } from "../ports/router_view.ts";
import type { WireguardState } from "../ports/wireguard.ts";
import type { HostChange } from "../underlay/change.ts";
import type { Host, Setting } from "../underlay/host.ts";
import type { DesiredInterface } from "../underlay/wireguard.ts";

/** Which backend serves an uplink, by the uplink's name. */
export type Backends = Readonly<Record<string, "kernel" | "embedded">>;

/** A file that passed every check, as one site sees it. */
export interface Configuration {
  readonly network: Network;
  readonly site: Site;
  readonly backends: Backends;
}

export type RouterEvent =
  | {
    readonly kind: "loaded";
    readonly configuration: Configuration;
    /** For people, a line each: what else changes with it, outside of the router. */
    readonly besides?: readonly string[];
  }
  /** The file cannot be used; each problem as one line. */
  | { readonly kind: "refused"; readonly problems: readonly string[] }
  | {
    readonly kind: "observed";
    readonly host: Host;
    /** Of the interfaces that are there. */
    readonly wireguard: readonly WireguardState[];
  }
  /** The system's state could not be read. */
  | { readonly kind: "unobserved"; readonly reason: string }
  /** Something about devices, gateways or rules is not as it was. */
  | { readonly kind: "disturbed" }
  | { readonly kind: "resolved"; readonly name: string; readonly addresses: readonly string[] }
  | { readonly kind: "unresolved"; readonly name: string; readonly reason: string }
  | { readonly kind: "snapshot"; readonly snapshot: Snapshot }
  | { readonly kind: "looks"; readonly looks: Looks }
  | { readonly kind: "host-changed"; readonly failures: readonly string[] }
  | { readonly kind: "table-applied" }
  | { readonly kind: "table-refused"; readonly problems: readonly string[] }
  | { readonly kind: "synced"; readonly interface: string; readonly problem: string | null }
  | { readonly kind: "reload" }
  | { readonly kind: "timeout" }
  /** `keep`: what serves packets without this process stays. */
  | { readonly kind: "stop"; readonly reason: string; readonly keep: boolean };

export type LogLevel = "info" | "warning" | "error";

export type Effect =
  /** Read the file; answered by `loaded` or `refused`. */
  | { readonly kind: "read-file" }
  /** Read the system's state; answered by `observed` or `unobserved`. */
  | {
    readonly kind: "observe";
    readonly interfaces: readonly string[];
    /** Paths below /proc/sys. */
    readonly settings: readonly string[];
  }
  | { readonly kind: "read-snapshot" }
  /** Take what the probes told since the looks before; answered by `looks`. */
  | { readonly kind: "take-looks" }
  /** How often each path is probed from now on. */
  | { readonly kind: "probe"; readonly probing: Probing }
  /** Without waiting for it; answered by `resolved` or `unresolved` when it is known. */
  | { readonly kind: "resolve"; readonly name: string }
  /** Answered by `host-changed`. */
  | { readonly kind: "change-host"; readonly changes: readonly HostChange[] }
  /** Answered by `table-applied` or `table-refused`. */
  | { readonly kind: "apply-table"; readonly table: Table }
  /** Answered by `synced`. */
  | { readonly kind: "syncconf"; readonly desired: DesiredInterface }
  /** Outlives the process, until it is said anew: how settings were before us. */
  | { readonly kind: "keep-originals"; readonly settings: readonly Setting[] }
  /** Stop forwarding: the devices of segments and embedded interfaces are gone after it. */
  | { readonly kind: "close-engine" }
  | {
    readonly kind: "log";
    readonly level: LogLevel;
    readonly message: string;
  }
  /** The file that runs is good: remember it. */
  | { readonly kind: "remember" }
  | { readonly kind: "reloaded"; readonly result: ReloadResult }
  /** Forwarding for the first time. */
  | { readonly kind: "ready" }
  /** The end; with problems, a failed start. */
  | { readonly kind: "finish"; readonly problems: readonly string[] };

/** The new file has these problems; what is wanted now goes on. */
export function goesOn(problems: readonly string[], wanted: Configuration | null): Effect[] {
  const generation = wanted?.network.generation;
  return [...problems, `the new file cannot be used; generation ${generation} goes on`].map(error);
}

export function info(message: string): Effect {
  return log("info", message);
}

function error(message: string): Effect {
  return log("error", message);
}

export function log(level: LogLevel, message: string): Effect {
  return { kind: "log", level, message };
}
