/** The lab's folder, for its owner only: keys, sockets, logs, and what runs. */

import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import type { EmulatorKind } from "./emulator.ts";
import { readTextFile } from "../io/files.ts";
import { LabError } from "./error.ts";
import type { ProcessId } from "./process.ts";
import { labelway, makeProgram, ROOT } from "./program.ts";
import { parseTopology, type Topology } from "./topology.ts";

/** Where everything of one lab is; the same topology always answers the same places. */
export interface Place {
  /** Root of the source tree, or of an installation. */
  readonly root: string;
  /** The topology's file. */
  readonly file: string;
  readonly networkFile: string;
  readonly topology: Topology;
  readonly folder: string;
  readonly prefix: string;
}

/** What runs; written before anything is started, so that nothing is ever forgotten. */
export interface LabState {
  readonly file: string;
  readonly emulator: EmulatorKind;
  readonly emulatorProcess: ProcessId | null;
  readonly gateways: Readonly<Record<string, GatewayState>>;
}

export interface GatewayState {
  /** Sleeps in the gateway's network and mount namespace and so keeps the latter. */
  readonly holder: ProcessId;
  readonly router: ProcessId | null;
  readonly wireguard: readonly ProcessId[];
}

/** Longest path of a Unix socket (sun_path, with its NUL). */
const SOCKET_PATH_BYTES = 107;

/** `LABELWAY_LAB` moves the folder of all labs away from `.lab` in the source tree. */
export async function findPlace(file: string): Promise<Place> {
  const text = await readTextFile(file);
  const topology = parseTopology(text, file);
  const folder = resolve(Deno.env.get("LABELWAY_LAB") ?? `${ROOT}/.lab`, topology.lab);
  const longest = topology.sites.reduce(
    (a, { name }) => Math.max(a, routerSocket(folder, name).length),
    0,
  );
  if (longest > SOCKET_PATH_BYTES) {
    throw new LabError([
      `${folder} is too deep: a socket's path in it has ${longest} bytes, at most ` +
      `${SOCKET_PATH_BYTES} are possible; name a shorter folder in LABELWAY_LAB`,
    ]);
  }
  const hash = createHash("sha256").update(folder).digest("hex").slice(0, 4);
  return {
    root: ROOT,
    file: resolve(file),
    networkFile: resolve(dirname(file), topology.network),
    topology,
    folder,
    prefix: `lw${hash}`,
  };
}

/** A gateway's own files. */
export function siteFolder(folder: string, site: string): string {
  return `${folder}/${site}`;
}

/** Seen by the gateway as /run/labelway/labelway.sock. */
export function routerSocket(folder: string, site: string): string {
  return `${siteFolder(folder, site)}/run/labelway.sock`;
}

export function routerLog(folder: string, site: string): string {
  return `${siteFolder(folder, site)}/router.log`;
}

export async function createFolder(place: Place): Promise<void> {
  await Deno.mkdir(place.folder, { recursive: true, mode: 0o700 });
  await Deno.chmod(place.folder, 0o700);
  for (const site of place.topology.sites) {
    for (const name of ["run", "state", "keys"]) {
      await Deno.mkdir(`${siteFolder(place.folder, site.name)}/${name}`, {
        recursive: true,
        mode: 0o700,
      });
    }
  }
  // So that `lab exec … -- labelway status` is what a person would type on a gateway.
  await Deno.mkdir(`${place.folder}/bin`, { mode: 0o700 });
  await makeProgram(place.folder);
  const quoted = labelway(place.folder).map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(
    " ",
  );
  await Deno.writeTextFile(`${place.folder}/bin/labelway`, `#!/bin/sh\nexec ${quoted} "$@"\n`, {
    mode: 0o700,
  });
}

export async function readState(place: Place): Promise<LabState | null> {
  try {
    return JSON.parse(await Deno.readTextFile(`${place.folder}/state.json`)) as LabState;
  } catch (error) {
    // A half-written file is as good as none: the namespaces' names say what is ours.
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return null;
    throw error;
  }
}

export async function writeState(place: Place, state: LabState): Promise<void> {
  const file = `${place.folder}/state.json`;
  await Deno.writeTextFile(`${file}.new`, JSON.stringify(state, null, 2), { mode: 0o600 });
  await Deno.rename(`${file}.new`, file);
}

/** The state of a lab that is up. */
export async function requireState(place: Place): Promise<LabState> {
  const state = await readState(place);
  if (state !== null) return state;
  throw new LabError([`The lab ${place.topology.lab} is not up; labelway lab up ${place.file}`]);
}
