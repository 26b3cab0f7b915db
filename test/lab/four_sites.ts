/**
 * The four-site lab for tests, driven by the same commands as by a person.
 *
 * Each test process has a folder of its own, and so names of its own; labs of test processes that
 * have died are taken down first.
 */

import { resolve } from "node:path";
import { findPlace, type LabState, type Place, requireState } from "../../src/lab/folder.ts";

export const ROOT = resolve(import.meta.dirname ?? ".", "../..");
export const TOPOLOGY = `${ROOT}/config/lab/four-sites.yaml`;
export const PAIRS = `${ROOT}/test/lab/pairs.yaml`;
export const FAULTS = `${ROOT}/config/lab/faults/mesh.yaml`;
export const RING = `${ROOT}/config/lab/faults/ring.yaml`;
export const AUTHENTICATED = `${ROOT}/test/lab/authenticated.yaml`;
export const DETOUR = `${ROOT}/config/lab/faults/detour.yaml`;
const THIRD = `${ROOT}/config/lab/better-through-a-third.yaml`;
const TOPOLOGIES = [TOPOLOGY, PAIRS, FAULTS, RING, AUTHENTICATED, DETOUR, THIRD];
const FOLDERS = `${ROOT}/.lab`;
const OWN = `t${Deno.pid}`;

Deno.env.set("LABELWAY_LAB", `${FOLDERS}/${OWN}`);

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `labelway WORDS…`, whatever comes of it. */
export async function attempt(...words: string[]): Promise<Said> {
  const main = ["run", "-A", `${ROOT}/src/main.ts`, ...words];
  const output = await new Deno.Command(Deno.execPath(), {
    args: main,
    cwd: ROOT,
    env: { NO_COLOR: "1", LABELWAY_LAB: Deno.env.get("LABELWAY_LAB") ?? "" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    out: decoder.decode(output.stdout),
    err: decoder.decode(output.stderr),
  };
}

/** As {@link attempt}, and a failure is an error with what was said. */
export async function labelway(...words: string[]): Promise<string> {
  const said = await attempt(...words);
  if (said.code === 0) return said.out;
  throw new Error(`labelway ${words.join(" ")}: exit code ${said.code}\n${said.out}${said.err}`);
}

/** Runs inside a node. */
export async function inside(node: string, ...command: string[]): Promise<Said> {
  return await attempt("lab", "exec", TOPOLOGY, node, "--", ...command);
}

export async function sweep(): Promise<void> {
  for (const entry of [...Deno.readDirSync(await made(FOLDERS))]) {
    const pid = /^t(\d+)$/.exec(entry.name)?.[1];
    if (pid === undefined || entry.name === OWN || await isThere(`/proc/${pid}`)) continue;
    const env = { LABELWAY_LAB: `${FOLDERS}/${entry.name}` };
    for (const topology of TOPOLOGIES) {
      const args = ["run", "-A", `${ROOT}/src/main.ts`, "lab", "down", topology];
      await new Deno.Command(Deno.execPath(), { args, cwd: ROOT, env, stdin: "null" }).output();
    }
    await Deno.remove(`${FOLDERS}/${entry.name}`, { recursive: true });
  }
}

/** Takes this process's labs down and its folder away. */
export async function takeDown(): Promise<void> {
  for (const topology of TOPOLOGIES) await labelway("lab", "down", topology);
  await Deno.remove(`${FOLDERS}/${OWN}`, { recursive: true });
}

export async function current(): Promise<{ place: Place; state: LabState }> {
  const place = await findPlace(TOPOLOGY);
  return { place, state: await requireState(place) };
}

/** Namespaces, and processes in them, that begin as this lab's do. */
export async function namespaces(): Promise<string[]> {
  const { prefix } = await findPlace(TOPOLOGY);
  try {
    return [...Deno.readDirSync("/run/netns")].map(({ name }) => name)
      .filter((name) => name.startsWith(prefix));
  } catch {
    return [];
  }
}

export async function until(
  what: string,
  seconds: number,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  for (let tries = 0; tries < seconds * 10; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`Not within ${seconds} s: ${what}`);
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function made(folder: string): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  return folder;
}
