/** What is up of a lab, read now. */

import type { LinkState } from "./emulator.ts";
import { type LabState, type Place, requireState, routerSocket } from "./folder.ts";
import { emulatorOf } from "./lab.ts";
import { layOut, type Node } from "./layout.ts";
import { isAlive, processesIn } from "./process.ts";
import { adjacenciesOf } from "./ready.ts";

export interface LabStatus {
  readonly lab: string;
  readonly folder: string;
  readonly emulator: { readonly kind: string; readonly running: boolean };
  readonly nodes: readonly NodeStatus[];
  readonly links: readonly LinkState[];
}

export interface NodeStatus {
  readonly node: string;
  readonly kind: Node["kind"];
  readonly namespace: string;
  readonly processes: number;
  readonly router: RouterStatus | null;
}

export interface RouterStatus {
  /** Null: none was started. */
  readonly pid: number | null;
  readonly state: "running" | "not answering" | "ended" | "not started";
  readonly wireguard: string;
  readonly adjacencies: { readonly up: number; readonly all: number } | null;
  readonly socket: string;
}

export async function readStatus(place: Place): Promise<LabStatus> {
  const state = await requireState(place);
  const { nodes } = layOut(place.topology, place.prefix);
  const emulator = emulatorOf(place, state);
  const process = state.emulatorProcess;
  const links = await emulator.show().catch(() => []);
  return {
    lab: place.topology.lab,
    folder: place.folder,
    emulator: { kind: emulator.kind, running: process === null || isAlive(process) },
    nodes: await Promise.all(nodes.map((node) => nodeStatus(place, state, node))),
    links,
  };
}

async function nodeStatus(place: Place, state: LabState, node: Node): Promise<NodeStatus> {
  return {
    node: node.name,
    kind: node.kind,
    namespace: node.namespace,
    processes: processesIn([node.namespace]).length,
    router: node.kind === "gateway" ? await routerStatus(place, state, node) : null,
  };
}

async function routerStatus(place: Place, state: LabState, node: Node): Promise<RouterStatus> {
  const router = state.gateways[node.name]?.router ?? null;
  const alive = router !== null && isAlive(router);
  const adjacencies = alive ? await adjacenciesOf(place, node.name) : null;
  return {
    pid: router?.pid ?? null,
    state: router === null
      ? "not started"
      : !alive
      ? "ended"
      : adjacencies === null
      ? "not answering"
      : "running",
    wireguard: node.wireguard ?? "embedded",
    adjacencies: adjacencies && {
      up: adjacencies.filter(({ state }) => state === "up").length,
      all: adjacencies.length,
    },
    socket: routerSocket(place.folder, node.name),
  };
}
