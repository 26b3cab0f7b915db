/** The life of a lab: up, down, and what is in between. */

import type { Emulator, EmulatorKind } from "./emulator.ts";
import { LabError } from "./error.ts";
import {
  createFolder,
  type LabState,
  type Place,
  readState,
  requireState,
  siteFolder,
  writeState,
} from "./folder.ts";
import {
  namespaceOf,
  restartRouter,
  startHolder,
  startRouter,
  startWireguardGo,
  withGateway,
} from "./gateway.ts";
import { runOrThrow as run } from "../io/command.ts";
import { ignoreMissing } from "../io/files.ts";
import { createProbeKey, probeKeyFile } from "../io/probe_keys.ts";
import { layOut } from "./layout.ts";
import { linkem, startLinkem } from "./linkem.ts";
import { createNamespaces, hasNetem, removeNamespaces, setUp } from "./namespaces.ts";
import { netem, startNetem } from "./netem.ts";
import { endAll, type ProcessId } from "./process.ts";
import { checkNetwork, interfaceNames, readNetwork } from "./network.ts";
import { labelway, removeProgram } from "./program.ts";
import { awaitRouters } from "./ready.ts";

export interface UpOptions {
  /** Absent: netem where the kernel has it. */
  readonly emulator?: EmulatorKind;
  /** False: namespaces, addresses and links alone. */
  readonly routers: boolean;
  /** Adjacencies up at every router, or this long. */
  readonly waitMillis: number;
  readonly report: (line: string) => void;
  /** Aborted: everything is taken down again. */
  readonly stop?: AbortSignal;
}

/** Brings the lab up, after taking away what an earlier run left. On failure takes it all down. */
export async function up(place: Place, options: UpOptions): Promise<void> {
  requireRoot();
  const networkText = await readNetworkFile(place);
  if (options.routers) checkNetwork(place, networkText);
  using _ = await lock(place);
  const left = await remove(place);
  if (left > 0) options.report(`Took away ${left} namespaces of an earlier run`);
  try {
    await build(place, networkText, options);
  } catch (error) {
    await remove(place, { keepLogs: true });
    throw error;
  }
}

/** Ends and removes everything; answers how many namespaces there were. */
export async function down(place: Place, options = { keepLogs: false }): Promise<number> {
  requireRoot();
  using _ = await lock(place);
  return await remove(place, options);
}

export function emulatorOf(place: Place, state: LabState): Emulator {
  return state.emulator === "linkem" ? linkem(place.folder) : netem(place.folder);
}

/** Starts a router again that was ended or killed, and waits for it. */
export async function restart(
  place: Place,
  siteName: string,
  waitMillis: number,
  report: (line: string) => void,
): Promise<void> {
  const state = await requireState(place);
  const site = place.topology.sites.find((site) => site.name === siteName);
  if (site === undefined) {
    const known = place.topology.sites.map((site) => site.name).join(", ");
    throw new LabError([`There is no site ${siteName}; there are ${known}`]);
  }
  const after = await restartRouter(place, state, site);
  await writeState(place, after);
  await awaitRouters(place, after, [siteName], waitMillis, report);
}

async function build(place: Place, networkText: string, options: UpOptions): Promise<void> {
  const { topology } = place;
  const layout = layOut(topology, place.prefix);
  await createFolder(place);
  let state: LabState = {
    file: place.file,
    emulator: "linkem",
    emulatorProcess: null,
    gateways: {},
  };
  await writeState(place, state);

  options.report(`${layout.nodes.length} namespaces, named ${place.prefix}-…`);
  await createNamespaces(layout);
  const kind = await chooseEmulator(place, options.emulator);
  state = { ...state, emulator: kind };
  options.report(`${layout.links.length} links to the internet, by ${kind}`);
  if (kind === "netem") await startNetem(layout, place.folder);
  else {
    const seed = topology.seed;
    const emulator = await startLinkem(layout, { root: place.root, folder: place.folder, seed });
    state = { ...state, emulatorProcess: emulator };
  }
  await setUp(layout);
  for (const site of topology.sites) {
    const holder = await startHolder(place, site.name);
    state = withGateway(state, site.name, { holder, router: null, wireguard: [] });
  }
  await writeState(place, state);
  if (!options.routers) return;

  options.report(`Keys for ${topology.sites.map((site) => site.name).join(", ")}`);
  await distribute(place, networkText);
  for (const site of topology.sites) {
    options.stop?.throwIfAborted();
    let wireguard: ProcessId[] = [];
    if (site.wireguard === "wireguard-go") {
      const names = interfaceNames(await readNetwork(place, site.name), site.name);
      options.report(`wireguard-go at ${site.name}: ${names.join(", ")}`);
      wireguard = await startWireguardGo(place, state, site, names);
    }
    const gateway = state.gateways[site.name];
    if (gateway === undefined) continue;
    const router = startRouter(place, state, site);
    state = withGateway(state, site.name, { ...gateway, router, wireguard });
    await writeState(place, state);
  }
  const names = topology.sites.map((site) => site.name);
  options.report(`Routers started at ${names.join(", ")}`);
  await awaitRouters(place, state, names, options.waitMillis, options.report, options.stop);
}

/** The network's file with every site's public keys, in each gateway's own folder. */
export async function distribute(place: Place, text: string): Promise<void> {
  const master = `${place.folder}/network.yaml`;
  await Deno.writeTextFile(master, text, { mode: 0o600 });
  for (const { name } of place.topology.sites) {
    const keys = `${siteFolder(place.folder, name)}/keys`;
    await run([...labelway(place.folder), "keygen", name, master, "--keys", keys]);
  }
  // Made once and the same everywhere, whether the file asks for it already or comes to.
  await createProbeKey(probeKeyFile(place.folder));
  for (const { name } of place.topology.sites) {
    const own = siteFolder(place.folder, name);
    await Deno.copyFile(master, `${own}/network.yaml`);
    await Deno.copyFile(probeKeyFile(place.folder), probeKeyFile(`${own}/keys`));
  }
}

async function remove(place: Place, { keepLogs = false } = {}): Promise<number> {
  const state = await readState(place);
  const gateways = Object.values(state?.gateways ?? {});
  // Routers first, while the links are there: they put back what they changed.
  const routers = gateways.flatMap(({ router }) => router ?? []);
  await endAll(routers, 5000);
  const others = gateways.flatMap(({ holder, wireguard }) => [...wireguard, holder]);
  await endAll([...others, ...(state?.emulatorProcess ? [state.emulatorProcess] : [])], 1000);
  const removed = await removeNamespaces(place.prefix);
  if (!keepLogs) await Deno.remove(place.folder, { recursive: true }).catch(ignoreMissing);
  else await keepOnlyLogs(place);
  return removed;
}

/** Of a lab that failed. What says that it is up goes, and so do the keys. */
async function keepOnlyLogs(place: Place): Promise<void> {
  await Deno.remove(`${place.folder}/state.json`).catch(ignoreMissing);
  await Deno.remove(probeKeyFile(place.folder)).catch(ignoreMissing);
  await removeProgram(place.folder);
  for (const { name } of place.topology.sites) {
    for (const part of ["keys", "run", "state"]) {
      const path = `${siteFolder(place.folder, name)}/${part}`;
      await Deno.remove(path, { recursive: true }).catch(ignoreMissing);
    }
  }
}

async function chooseEmulator(place: Place, wanted?: EmulatorKind): Promise<EmulatorKind> {
  if (wanted === "linkem") return wanted;
  const possible = await hasNetem(namespaceOf(place, "internet"));
  if (possible) return "netem";
  if (wanted === "netem") throw new LabError(["This kernel has no netem; take --emulator linkem"]);
  return "linkem";
}

async function readNetworkFile(place: Place): Promise<string> {
  try {
    return await Deno.readTextFile(place.networkFile);
  } catch {
    throw new LabError([`${place.file}: network: cannot read ${place.networkFile}`]);
  }
}

/** One command at a time builds or removes a lab; a second one waits. Freed when a process dies. */
async function lock(place: Place): Promise<Disposable> {
  await Deno.mkdir(`${place.folder}/..`, { recursive: true });
  const file = await Deno.open(`${place.folder}.lock`, { create: true, write: true, mode: 0o600 });
  await file.lock(true);
  return file;
}

function requireRoot(): void {
  if (Deno.uid() === 0) return;
  throw new LabError(["The lab makes network namespaces and needs root; run it with sudo"]);
}
