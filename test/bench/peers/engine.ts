/**
 * Labelway's engine alone, with tables written by hand: for tables that no network of this machine
 * would have. It runs in a process of its own at a and b, as inside the router.
 */

import { run as attempt, runOrThrow } from "../../../src/io/command.ts";
import { generatePair, type KeyPair } from "../../../src/io/keys.ts";
import type { Table } from "../../../src/model/boundary.ts";
import { INTERFACE, table, TUN } from "../../lab/engine/tables.ts";
import { enter, folderOf, inNode, routeInKernel, type Stage, start, until } from "../stage.ts";
import { HOST, LAN, PORT, uplinkOf } from "../topology.ts";
import type { Peer } from "./peer.ts";

/** Reads `table.json` in its folder, and makes `ready` there once all its lists are up. */
const PROGRAM = new URL("engine_process.ts", import.meta.url).pathname;

/** What the tables of the two ends are made from: that of an ordinary pair. */
export type Change = (table: Table, gateway: "a" | "b") => Table;

/** `far`: a prefix that host b answers for beside its own address. */
export function engine(change: Change, far?: string): Peer {
  return {
    name: "labelway",
    what: "the engine alone",
    start: (stage) => startBoth(stage, change, far),
  };
}

async function startBoth(stage: Stage, change: Change, far: string | undefined): Promise<void> {
  await routeInKernel(stage);
  const keys = { a: await generatePair(), b: await generatePair() };
  for (const gateway of ["a", "b"] as const) {
    const folder = folderOf(stage, gateway);
    const made = change(pair(gateway, keys), gateway);
    await Deno.writeTextFile(`${folder}/table.json`, JSON.stringify(made));
    const deno = [Deno.execPath(), "run", "-A", "--quiet", "--node-modules-dir=manual"];
    start(stage, gateway, [...deno, PROGRAM, folder]);
  }
  for (const gateway of ["a", "b"] as const) {
    const show = [...enter(stage, gateway), "wg", "show", INTERFACE];
    await until(stage, gateway, "the engine has its table", async () => {
      return (await attempt(show)).code === 0;
    });
    const sync = ["wg", "syncconf", INTERFACE, "/dev/stdin"];
    await runOrThrow([...enter(stage, gateway), ...sync], {
      stdin: wireguard(stage, gateway, keys),
    });
    const other = gateway === "a" ? "b" : "a";
    await inNode(stage, gateway, "ip", "route", "add", LAN[other], "dev", TUN);
  }
  if (far !== undefined) {
    await inNode(stage, "a", "ip", "route", "add", far, "dev", TUN);
    await inNode(stage, "b", "ip", "route", "add", far, "via", HOST.b);
    await inNode(stage, "b.lan", "ip", "route", "add", "local", far, "dev", "lo");
  }
  for (const gateway of ["a", "b"] as const) {
    await until(stage, gateway, "all lists are up", async () => {
      return await Deno.stat(`${folderOf(stage, gateway)}/ready`).then(() => true, () => false);
    });
  }
}

/** A direct adjacency, one path of one list with it, no labels but the segment's. */
function pair(gateway: "a" | "b", keys: Readonly<Record<"a" | "b", KeyPair>>): Table {
  const nobody = { private: "", public: "" };
  const whole = table(gateway, {
    a: { private: "", public: keys.a.publicKey },
    b: { private: "", public: keys.b.publicKey },
    h: nobody,
  });
  return {
    ...whole,
    adjacencies: whole.adjacencies.slice(0, 1),
    labels: whole.labels.map((entry) => ({ ...entry, accept: [0] })),
    lists: whole.lists.slice(0, 1),
    paths: whole.paths.slice(0, 1),
  };
}

function wireguard(
  stage: Stage,
  gateway: "a" | "b",
  keys: Readonly<Record<"a" | "b", KeyPair>>,
): string {
  const other = gateway === "a" ? "b" : "a";
  return `[Interface]
PrivateKey = ${keys[gateway].privateKey}
ListenPort = ${PORT}
[Peer]
PublicKey = ${keys[other].publicKey}
Endpoint = ${uplinkOf(stage.topology, gateway).neighbourAddress}:${PORT}
AllowedIPs = 100.96.0.0/12
`;
}
