/** The native sender and receiver of datagrams (`native/datagrams`). */

import { fileURLToPath } from "node:url";
import { runOrThrow } from "../../../src/io/command.ts";
import { namespacePath, type Stage } from "../stage.ts";
import { HOST } from "../topology.ts";

const PROGRAM = fileURLToPath(
  new URL("../../../native/target/release/labelway-datagrams", import.meta.url),
);
const UDP_PORT = 5300;

export interface Flood {
  /** Datagrams a second; absent: as fast as it goes. */
  readonly rate?: number;
  readonly millis: number;
  readonly settleMillis: number;
  /** Source ports; one unless given. */
  readonly flows?: number;
  /** Flow n goes to the address + n × stride. */
  readonly stride?: number;
}

export interface Flooded {
  readonly sent: number;
  readonly received: number;
  readonly seconds: number;
}

/** Datagrams of `bytes` payload from LAN a to LAN b, one way. */
export function flood(
  stage: Stage,
  bytes: number,
  task: Flood,
  address: string = HOST.b,
): Promise<Flooded> {
  return datagrams(stage, bytes, address, { flood: task });
}

export interface Echo {
  readonly count: number;
  readonly intervalMicros: number;
  readonly mostMillis?: number;
}

export interface Echoed {
  readonly lost: number;
  readonly rttMicros: readonly number[];
}

/** Round trips of single datagrams between the LANs. */
export function echo(stage: Stage, bytes: number, task: Echo): Promise<Echoed> {
  return datagrams(stage, bytes, HOST.b, { echo: task });
}

async function datagrams<T>(
  stage: Stage,
  bytes: number,
  address: string,
  task: unknown,
): Promise<T> {
  const config = {
    from: namespacePath(stage, "a.lan"),
    to: namespacePath(stage, "b.lan"),
    address,
    port: UDP_PORT,
    bytes,
    task,
  };
  return JSON.parse(await runOrThrow([PROGRAM, JSON.stringify(config)])) as T;
}
