/** Processes of the lab: started so that they outlive the command, ended only if they are ours. */

import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { LabError } from "./error.ts";

/** A pid alone may mean another process by tomorrow; with the start time it cannot. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of /proc/PID/stat. */
  readonly startTime: string;
}

/** Starts a program that goes on after this one, both its outputs appended to `log`. */
export function startDaemon(argv: readonly string[], log: string): ProcessId {
  const [program = "", ...args] = argv;
  const descriptor = openSync(log, "a", 0o600);
  const child = spawn(program, args, {
    detached: true,
    stdio: ["ignore", descriptor, descriptor],
    env: { ...Deno.env.toObject(), NO_COLOR: "1" },
  });
  child.on("error", () => {});
  child.unref();
  closeSync(descriptor);
  const id = child.pid === undefined ? null : identify(child.pid);
  if (id === null) throw new LabError([`Cannot start ${argv.join(" ")}; see ${log}`]);
  return id;
}

/** Null: there is no such process, or it has ended and nobody has fetched its status yet. */
export function identify(pid: number): ProcessId | null {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The name in parentheses may hold anything, so count from its end: state is field 3.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const startTime = fields[19];
    return startTime === undefined || fields[0] === "Z" ? null : { pid, startTime };
  } catch {
    return null;
  }
}

export function isAlive(id: ProcessId): boolean {
  return identify(id.pid)?.startTime === id.startTime;
}

/** Every process whose network namespace is one of these. */
export function processesIn(namespaces: readonly string[]): ProcessId[] {
  const inodes = new Set<string>();
  for (const name of namespaces) {
    try {
      inodes.add(`net:[${Deno.statSync(`/run/netns/${name}`).ino}]`);
    } catch {
      // Deleted meanwhile: nobody is in it by name.
    }
  }
  const found: ProcessId[] = [];
  for (const entry of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(entry.name)) continue;
    try {
      if (!inodes.has(Deno.readLinkSync(`/proc/${entry.name}/ns/net`))) continue;
    } catch {
      continue;
    }
    const id = identify(Number(entry.name));
    if (id !== null) found.push(id);
  }
  return found;
}

/** Asks them to end, then makes them: `patienceMillis` lies between the two. */
export async function endAll(ids: readonly ProcessId[], patienceMillis: number): Promise<void> {
  for (const id of ids) signal(id, "SIGTERM");
  for (let waited = 0; waited < patienceMillis && ids.some(isAlive); waited += 20) await pause(20);
  for (const id of ids) signal(id, "SIGKILL");
  for (let waited = 0; waited < 2000 && ids.some(isAlive); waited += 20) await pause(20);
}

export function signal(id: ProcessId, name: Deno.Signal): boolean {
  if (!isAlive(id)) return false;
  try {
    Deno.kill(id.pid, name);
    return true;
  } catch {
    return false;
  }
}

export function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
