/** All steps from what the system has to what the configuration wants, in order. */

import type { Table } from "../model/boundary.ts";
import { countOf } from "../model/quantity.ts";
import type { RolloutPhase } from "../ports/router_view.ts";
import type { WireguardState } from "../ports/wireguard.ts";
import {
  describeHost,
  describeWireguard,
  type HostChange,
  type WireguardChange,
} from "../underlay/change.ts";
import { desiredHost } from "../underlay/desired.ts";
import type { Host } from "../underlay/host.ts";
import { isRemoval, planHost } from "../underlay/host_plan.ts";
import { type DesiredInterface, planWireguard } from "../underlay/wireguard.ts";
import { type Endpoints, interfacesOf, nameOfKey, underlayOf } from "./assemble.ts";
import type { Configuration } from "./event.ts";

export type Step =
  | { readonly kind: "host"; readonly changes: readonly HostChange[] }
  | {
    readonly kind: "wireguard";
    readonly desired: DesiredInterface;
    readonly changes: readonly WireguardChange[];
  }
  | {
    readonly kind: "table";
    readonly from: Table | null;
    readonly to: Table;
    /** What the change of the file has come to in it; undefined: it is at rest. */
    readonly phase: RolloutPhase | undefined;
  };

export interface Reconciliation {
  readonly steps: readonly Step[];
  /** What makes the configuration impossible here. */
  readonly problems: readonly string[];
  /** What does not work yet. */
  readonly warnings: readonly string[];
}

export interface Observation {
  readonly host: Host;
  readonly wireguard: readonly WireguardState[];
}

/**
 * What is wrong goes first; then what an uplink needs before WireGuard sends its first packet by
 * it; then the table, which brings the devices of segments and the embedded interfaces; then what
 * needs those.
 */
export function reconcile(
  { network, site }: Configuration,
  table: Table,
  applied: Table | null,
  endpoints: Endpoints,
  observed: Observation,
  nowMillis: number,
  phase?: RolloutPhase,
): Reconciliation {
  const underlay = underlayOf(network, site, table);
  const { host, problems, warnings } = desiredHost(underlay, observed.host);
  const changes = planHost(host, observed.host);
  const tuns = new Set(table.segments.map((segment) => segment.tun));
  const removals = changes.filter(isRemoval);
  const before = changes.filter((change) => !isRemoval(change) && !tuns.has(deviceOf(change)));
  const after = changes.filter((change) => !isRemoval(change) && tuns.has(deviceOf(change)));

  const states = new Map(observed.wireguard.map((state) => [state.interface, state]));
  const wireguard = interfacesOf(network, site, table, endpoints, observed.host)
    .map((desired) => ({
      kind: "wireguard" as const,
      desired,
      changes: planWireguard(desired, states.get(desired.name) ?? null, nowMillis),
    }))
    .filter((step) => step.changes.length > 0);
  const kernel = new Set(
    table.uplinks.filter((uplink) => uplink.backend === "kernel").map((one) => one.interface),
  );
  // Somebody removed a segment's device: the engine makes it anew with the same table.
  const devices = new Set(observed.host.links.map((link) => link.name));
  const lost = [...tuns].some((tun) => !devices.has(tun));
  const steps: Step[] = [
    ...hostStep(removals),
    ...hostStep(before),
    ...wireguard.filter((step) => kernel.has(step.desired.name)),
    ...(same(table, applied) && !lost
      ? []
      : [{ kind: "table" as const, from: applied, to: table, phase }]),
    ...hostStep(after),
    ...wireguard.filter((step) => !kernel.has(step.desired.name)),
  ];
  return { steps, problems, warnings };
}

/** The steps for people, a line each. */
export function describeSteps(steps: readonly Step[], configuration: Configuration): string[] {
  return steps.flatMap((step) => describeStep(step, configuration).map(({ line }) => line));
}

/** So many changes of a kind within a step are worth a line each in a log. */
const LINES_OF_A_KIND = 4;

/** The steps for a log: what is there by the hundred is counted. */
export function summariseSteps(steps: readonly Step[], configuration: Configuration): string[] {
  return steps.flatMap((step) => {
    const kinds = Map.groupBy(describeStep(step, configuration), ({ kind }) => kind);
    return [...kinds].flatMap(([kind, lines]) =>
      lines.length <= LINES_OF_A_KIND
        ? lines.map(({ line }) => line)
        : [`${MANY[kind] ?? kind}: ${lines.length}, from ${lines[0]!.line}`]
    );
  });
}

/** What a kind is called when it comes in numbers. */
const MANY: Record<string, string> = {
  "address-add": "add addresses",
  "address-remove": "remove addresses",
  "rule-add": "add rules",
  "rule-remove": "remove rules",
  "route-add": "add routes",
  "route-replace": "replace routes",
  "route-remove": "remove routes",
  "setting": "set kernel settings",
  "link-set": "set devices",
  "tun-add": "create segments' devices",
  "tun-remove": "remove segments' devices",
  "peer-add": "add peers",
  "peer-remove": "remove peers",
  "peer-endpoint": "move peers",
};

function describeStep(
  step: Step,
  { network }: Configuration,
): { kind: string; line: string }[] {
  switch (step.kind) {
    case "host":
      return step.changes.map((change) => ({ kind: change.kind, line: describeHost(change) }));
    case "wireguard":
      return step.changes.map((change) => ({
        kind: change.kind,
        line: describeWireguard(change, (key) => nameOfKey(network, key)),
      }));
    case "table":
      return [{ kind: "table", line: describeTable(step) }];
  }
}

export function same(a: Table | null, b: Table | null): boolean {
  return a !== null && b !== null && JSON.stringify(a) === JSON.stringify(b);
}

function describeTable({ from, to, phase }: Extract<Step, { kind: "table" }>): string {
  const prefixes = to.segments.reduce((sum, segment) => sum + segment.routes.length, 0);
  const size = [
    countOf(to.labels.length, "label"),
    countOf(prefixes, "prefix", "prefixes"),
    countOf(to.paths.length, "path"),
  ].join(", ");
  if (from === null) return `load forwarding table ${to.generation}: ${size}`;
  if (same(from, to)) return `open what is missing of forwarding table ${to.generation}`;
  const stands = phase === undefined ? "" : `, ${phase}`;
  if (from.generation !== to.generation) {
    return `replace forwarding table ${from.generation} by ${to.generation}: ${size}${stands}`;
  }
  return isSpelledAlike(from, to)
    ? `rank paths anew in table ${to.generation}`
    : `spell labels anew in table ${to.generation}: ${size}${stands || ", settled"}`;
}

function isSpelledAlike(from: Table, to: Table): boolean {
  const stacks = ({ labels, lists }: Table) =>
    JSON.stringify([labels, lists.map((list) => [list.labels, list.return_labels])]);
  return stacks(from) === stacks(to);
}

function hostStep(changes: readonly HostChange[]): Step[] {
  return changes.length === 0 ? [] : [{ kind: "host", changes }];
}

/** The device that has to be there for a change; empty: none. */
function deviceOf(change: HostChange): string {
  switch (change.kind) {
    case "address-add":
    case "address-remove":
      return change.address.device;
    case "route-add":
    case "route-replace":
    case "route-remove":
      return change.route.device ?? "";
    case "rule-add":
    case "rule-remove":
      return "";
    case "setting":
      return change.path.split("/")[3] ?? "";
    default:
      return change.device;
  }
}
