/** What a peer's processes take while something is measured. */

import { cpuBetween, idleLoad, readCpu, readMemory } from "../cpu.ts";
import { pause } from "../../../src/lab/process.ts";
import type { Stage } from "../stage.ts";
import type { Cpu } from "./sample.ts";

const BASELINE_MILLIS = 1000;
/** By then a Deno without a program has taken all that it takes. */
const DENO_START_MILLIS = 1500;

/** Runs `work`, which answers how many bytes it carried, and the processor time for them. */
export async function withCpu<T extends { readonly bytes: number }>(
  stage: Stage,
  work: () => Promise<T>,
): Promise<T & { readonly cpu: Cpu }> {
  const processes = [...stage.processes.values()].flat();
  const idle = await idleLoad(BASELINE_MILLIS);
  const before = readCpu(processes);
  const result = await work();
  const spent = cpuBetween(before, readCpu(processes), idle);
  const gigabytes = result.bytes / 1e9;
  return {
    ...result,
    cpu: {
      machine: spent.machineSeconds / gigabytes,
      processes: spent.processSeconds / gigabytes,
      idleLoad: idle,
    },
  };
}

/** Resident bytes of a peer at the gateway where it takes most; null for a peer without processes. */
export function memory(stage: Stage, kind: "now" | "peak"): number | null {
  const gateways = [...stage.processes.values()].map((processes) =>
    processes.reduce((sum, { pid }) => sum + readMemory(pid)[kind], 0)
  );
  return gateways.length === 0 ? null : Math.max(...gateways);
}

/**
 * Peak resident bytes of a Deno of our version that does nothing: what of Labelway's memory is not
 * its own.
 */
export function idleDeno(): Promise<number> {
  return measuredDeno ??= measureDeno();
}

let measuredDeno: Promise<number> | undefined;

async function measureDeno(): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", "setInterval(() => {}, 1e9)"],
    stdin: "null",
  }).spawn();
  try {
    await pause(DENO_START_MILLIS);
    return readMemory(child.pid).peak;
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}
