/**
 * Debian's tinc as it comes: router mode, AES-256-CBC with SHA-256, its own path MTU discovery and
 * MSS clamping. Through t by its own forwarding: t decrypts and encrypts in one process.
 */

import { run as attempt, runOrThrow } from "../../../src/io/command.ts";
import { enter, folderOf, inNode, routeInKernel, type Stage, start, until } from "../stage.ts";
import { type Gateway, LAN, OVERLAY, PORT, underlaysOf } from "../topology.ts";
import type { Peer } from "./peer.ts";

const DEVICE = "tinc0";
const RSA_BITS = "2048";

/** Of a gateway: its private key's file, and the public key's text. */
interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** Keys serve all runs: making them takes seconds. */
export function tinc(version: string): Peer {
  const keys = new Map<Gateway, KeyPair>();
  return {
    name: "tinc",
    what: `${version}, router mode, AES-256-CBC and SHA-256, through t by its own forwarding`,
    start: (stage) => startAll(stage, keys),
  };
}

async function startAll(stage: Stage, keys: Map<Gateway, KeyPair>): Promise<void> {
  await routeInKernel(stage);
  for (const gateway of stage.gateways) {
    if (!keys.has(gateway)) keys.set(gateway, await makeKeys(`${folderOf(stage, gateway)}/new`));
  }
  for (const gateway of stage.gateways) {
    const folder = `${folderOf(stage, gateway)}/tinc`;
    await Deno.mkdir(`${folder}/hosts`, { recursive: true });
    await Deno.writeTextFile(`${folder}/tinc.conf`, configuration(stage, gateway));
    await Deno.writeTextFile(`${folder}/rsa_key.priv`, keys.get(gateway)?.privateKey ?? "", {
      mode: 0o600,
    });
    for (const other of stage.gateways) {
      const text = host(stage, gateway, other, keys.get(other)?.publicKey ?? "");
      await Deno.writeTextFile(`${folder}/hosts/${other}`, text);
    }
    start(stage, gateway, ["tincd", "-c", folder, "-D", "-d", "0", `--pidfile=${folder}/pid`]);
    const show = [...enter(stage, gateway), "ip", "link", "show", DEVICE];
    await until(stage, gateway, "tinc has its device", async () => {
      return (await attempt(show)).code === 0;
    });
    await inNode(stage, gateway, "ip", "addr", "add", `${OVERLAY[gateway]}/24`, "dev", DEVICE);
    await inNode(stage, gateway, "ip", "link", "set", DEVICE, "up");
    for (const lan of ["a", "b"] as const) {
      if (lan === gateway) continue;
      await inNode(stage, gateway, "ip", "route", "add", LAN[lan], "dev", DEVICE);
    }
  }
}

async function makeKeys(folder: string): Promise<KeyPair> {
  await Deno.mkdir(`${folder}/hosts`, { recursive: true });
  await Deno.writeTextFile(`${folder}/tinc.conf`, "Name = node\n");
  // It asks for the files' names; no answer is its own proposal.
  await runOrThrow(["tincd", "-c", folder, "-K", RSA_BITS], { stdin: "\n\n" });
  return {
    privateKey: await Deno.readTextFile(`${folder}/rsa_key.priv`),
    publicKey: await Deno.readTextFile(`${folder}/hosts/node`),
  };
}

function configuration(stage: Stage, gateway: Gateway): string {
  const connections = underlaysOf(stage.topology, gateway)
    .map(({ neighbour }) => `ConnectTo = ${neighbour}\n`);
  return `Name = ${gateway}
AddressFamily = ipv4
Interface = ${DEVICE}
${connections.join("")}`;
}

/** What a gateway knows of another: an address only where it has an underlay to it. */
function host(stage: Stage, gateway: Gateway, other: Gateway, publicKey: string): string {
  const to = underlaysOf(stage.topology, gateway).find(({ neighbour }) => neighbour === other);
  const lan = other === "t" ? "" : `Subnet = ${LAN[other]}\n`;
  return `${to === undefined ? "" : `Address = ${to.neighbourAddress}\n`}Port = ${PORT}
Subnet = ${OVERLAY[other]}/32
${lan}
${publicKey}`;
}
