/** One topology with one peer on it: built for a single measurement and taken away after it. */

import { run as attempt, runOrThrow } from "../../src/io/command.ts";
import { LabError } from "../../src/lab/error.ts";
import { createFolder, type LabState, type Place, siteFolder } from "../../src/lab/folder.ts";
import { enter as enterNode, startHolder } from "../../src/lab/gateway.ts";
import {
  createNamespaces,
  ownNamespaces,
  removeNamespaces,
  setUp,
} from "../../src/lab/namespaces.ts";
import {
  isAlive,
  pause,
  processesIn,
  type ProcessId,
  signal,
  startDaemon,
} from "../../src/lab/process.ts";
import type { LabSite } from "../../src/lab/topology.ts";
import { type Gateway, gatewaysOf, HOST, layOut, type TopologyName } from "./topology.ts";
import type { Peer } from "./peers/peer.ts";

/** Longest wait for the first answer across the overlay. */
const READY_MILLIS = 30_000;
const IP_FORWARD = "/proc/sys/net/ipv4/ip_forward";
const ROOT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const NAME = /^lwb(\d+)-/;
const FOLDER = /^labelway-bench-(\d+)$/;

export interface Stage {
  readonly topology: TopologyName;
  readonly gateways: readonly Gateway[];
  readonly place: Place;
  readonly state: LabState;
  /** By gateway: what the peer runs there. */
  readonly processes: Map<Gateway, ProcessId[]>;
}

/** Begins every namespace of this process, so that the next run knows what a killed one left. */
const PREFIX = `lwb${Deno.pid}`;
const PLACE_FOLDER = `${Deno.env.get("TMPDIR") ?? "/tmp"}/labelway-bench-${Deno.pid}`;

/** Builds the topology, starts the peer on it and waits until LAN a reaches LAN b. */
export async function raise(topology: TopologyName, peer: Peer): Promise<Stage> {
  const gateways = gatewaysOf(topology);
  const place = placeOf(gateways);
  const layout = layOut(topology, PREFIX);
  try {
    await createFolder(place);
    await createNamespaces(layout);
    await setUp(layout);
    let state: LabState = { file: "", emulator: "netem", emulatorProcess: null, gateways: {} };
    for (const gateway of gateways) {
      const holder = await startHolder(place, gateway);
      const own = { holder, router: null, wireguard: [] };
      state = { ...state, gateways: { ...state.gateways, [gateway]: own } };
    }
    const stage: Stage = { topology, gateways, place, state, processes: new Map() };
    await peer.start(stage);
    await awaitAnswer(stage, peer);
    return stage;
  } catch (error) {
    await lower();
    throw error;
  }
}

/** Ends what runs and removes it, whatever of it there is. */
export async function lower(): Promise<void> {
  await clear(PREFIX, PLACE_FOLDER);
}

/** Asks everything that runs on the stage to end: whoever waits for it fails and lowers the stage. */
export function interrupt(): void {
  for (const id of processesIn(ownNamespaces(PREFIX))) signal(id, "SIGTERM");
}

/** As {@link raise} and {@link lower} around a measurement. */
export async function staged<T>(
  topology: TopologyName,
  peer: Peer,
  measure: (stage: Stage) => Promise<T>,
): Promise<T> {
  const stage = await raise(topology, peer);
  try {
    const result = await measure(stage);
    const dead = stage.gateways.find((gateway) =>
      stage.processes.get(gateway)?.some((id) => !isAlive(id))
    );
    if (dead === undefined) return result;
    throw new LabError([`${peer.name} ended at ${dead} under the measurement:`, ...tail(dead)]);
  } finally {
    await lower();
  }
}

/** Takes away what earlier runs left that were killed. */
export async function sweep(): Promise<void> {
  const gone = (pid: string | undefined) => pid !== undefined && !exists(`/proc/${pid}`);
  const pids = new Set<string>();
  for (const name of list("/run/netns")) {
    const pid = NAME.exec(name)?.[1];
    if (pid !== undefined && gone(pid)) pids.add(pid);
  }
  const folders = PLACE_FOLDER.replace(/\/[^/]*$/, "");
  for (const name of list(folders)) {
    const pid = FOLDER.exec(name)?.[1];
    if (pid !== undefined && gone(pid)) pids.add(pid);
  }
  for (const pid of pids) await clear(`lwb${pid}`, `${folders}/labelway-bench-${pid}`);
}

/** Words to put before a command that runs in a node. */
export function enter(stage: Stage, node: string): string[] {
  return enterNode(stage.place, stage.state, node);
}

/** Runs a command in a node; it has to succeed. */
export function inNode(stage: Stage, node: string, ...argv: string[]): Promise<string> {
  return runOrThrow([...enter(stage, node), ...argv]);
}

/** The peer's own files at a gateway. */
export function folderOf(stage: Stage, gateway: Gateway): string {
  return siteFolder(stage.place.folder, gateway);
}

export function namespacePath(stage: Stage, node: string): string {
  return `/run/netns/${stage.place.prefix}-${node}`;
}

/** Starts a process of the peer at a gateway: its time and memory are the peer's. */
export function start(stage: Stage, gateway: Gateway, argv: readonly string[]): ProcessId {
  const id = startDaemon([...enter(stage, gateway), ...argv], logOf(gateway));
  own(stage, gateway, id);
  return id;
}

/** Counts a process among the peer's. */
export function own(stage: Stage, gateway: Gateway, id: ProcessId): void {
  stage.processes.set(gateway, [...stage.processes.get(gateway) ?? [], id]);
}

/** Lets the kernel of every gateway route; for the peers that do not do so themselves. */
export async function routeInKernel(stage: Stage): Promise<void> {
  for (const gateway of stage.gateways) {
    await runOrThrow([...enter(stage, gateway), "tee", IP_FORWARD], { stdin: "1" });
    if ((await inNode(stage, gateway, "cat", IP_FORWARD)).trim() === "1") continue;
    throw new LabError([`The kernel of ${gateway} does not route: ${IP_FORWARD} stays 0`]);
  }
}

/** Asks again until it is so; an error with the log's end where a process dies or time is over. */
export async function until(
  stage: Stage,
  gateway: Gateway,
  what: string,
  holds: () => Promise<boolean>,
): Promise<void> {
  const start = performance.now();
  while (!await holds()) {
    const dead = stage.processes.get(gateway)?.some((id) => !isAlive(id)) ?? false;
    if (dead || performance.now() - start > READY_MILLIS) {
      throw new LabError([`${what}: not so at ${gateway}; its log ends:`, ...tail(gateway)]);
    }
    await pause(50);
  }
}

async function awaitAnswer(stage: Stage, peer: Peer): Promise<void> {
  const argv = [...enter(stage, "a.lan"), "ping", "-n", "-q", "-c", "1", "-W", "1", HOST.b];
  await until(stage, "a", `${peer.name}: LAN b answers LAN a (${stage.topology})`, async () => {
    return (await attempt(argv)).code === 0;
  });
}

function placeOf(gateways: readonly Gateway[]): Place {
  const sites = gateways.map((name): LabSite => ({
    name,
    wireguard: "embedded",
    uplinks: [],
    hosts: [],
  }));
  return {
    root: ROOT,
    file: "",
    networkFile: "",
    topology: { lab: "bench", network: "", seed: 1, sites, between: [] },
    folder: PLACE_FOLDER,
    prefix: PREFIX,
  };
}

async function clear(prefix: string, folder: string): Promise<void> {
  await removeNamespaces(prefix);
  await Deno.remove(folder, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

function logOf(gateway: Gateway): string {
  return `${siteFolder(PLACE_FOLDER, gateway)}/router.log`;
}

function tail(gateway: Gateway): string[] {
  try {
    return Deno.readTextFileSync(logOf(gateway)).trimEnd().split("\n").slice(-15)
      .map((line) => `  ${line}`);
  } catch {
    return ["  (nothing)"];
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function list(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}
