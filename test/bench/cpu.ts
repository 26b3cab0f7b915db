/** Processor time and memory, as /proc tells them. */

import type { ProcessId } from "../../src/lab/process.ts";

/** Linux's USER_HZ: the same on every machine that Deno runs on. */
const TICKS_A_SECOND = 100;

export interface CpuReading {
  /** All processors: everything but idle, waiting and stolen time. */
  readonly machineSeconds: number;
  readonly processSeconds: number;
  readonly atMillis: number;
}

export function readCpu(processes: readonly ProcessId[]): CpuReading {
  return {
    machineSeconds: parseBusySeconds(Deno.readTextFileSync("/proc/stat")),
    processSeconds: processes.reduce((sum, { pid }) => {
      return sum + parseProcessSeconds(Deno.readTextFileSync(`/proc/${pid}/stat`));
    }, 0),
    atMillis: performance.now(),
  };
}

/** Busy time of the whole machine, from the text of /proc/stat. */
export function parseBusySeconds(text: string): number {
  const fields = /^cpu +(.*)$/m.exec(text)?.[1]?.split(" ").map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = fields;
  return (user + nice + system + irq + softirq) / TICKS_A_SECOND;
}

/** utime and stime, fields 14 and 15 of /proc/PID/stat. */
export function parseProcessSeconds(text: string): number {
  // The name in parentheses may hold anything, so count from its end: state is field 3.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

/** Between two readings: what the machine spent beyond its idle load, and the processes. */
export function cpuBetween(
  before: CpuReading,
  after: CpuReading,
  idleLoad: number,
): { readonly machineSeconds: number; readonly processSeconds: number } {
  const seconds = (after.atMillis - before.atMillis) / 1000;
  const machine = after.machineSeconds - before.machineSeconds - idleLoad * seconds;
  const processSeconds = after.processSeconds - before.processSeconds;
  // Where something else keeps the machine busy, the idle load is none: it would have given way.
  return { machineSeconds: Math.max(machine, processSeconds), processSeconds };
}

/** Busy seconds a second while nothing is sent. */
export async function idleLoad(millis: number): Promise<number> {
  const before = readCpu([]);
  await new Promise((resolve) => setTimeout(resolve, millis));
  const after = readCpu([]);
  return (after.machineSeconds - before.machineSeconds) * 1000 /
    (after.atMillis - before.atMillis);
}

/** Bytes of resident memory: what there is now, and the most there ever was. */
export function readMemory(pid: number): { readonly now: number; readonly peak: number } {
  return parseMemory(Deno.readTextFileSync(`/proc/${pid}/status`));
}

export function parseMemory(status: string): { readonly now: number; readonly peak: number } {
  const bytes = (key: string) =>
    Number(new RegExp(`^${key}:\\s*(\\d+) kB$`, "m").exec(status)?.[1] ?? NaN) * 1024;
  return { now: bytes("VmRSS"), peak: bytes("VmHWM") };
}
