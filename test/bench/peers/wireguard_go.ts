/**
 * Current wireguard-go, one interface at each gateway, as wg-quick would set it up (MTU 1,420).
 * Through t it is routed: t decrypts, its kernel routes within the interface, t encrypts again.
 */

import { run as attempt, runOrThrow } from "../../../src/io/command.ts";
import { generatePair, type KeyPair } from "../../../src/io/keys.ts";
import { enter, folderOf, inNode, routeInKernel, type Stage, start, until } from "../stage.ts";
import { type Gateway, LAN, OVERLAY, PORT, underlaysOf } from "../topology.ts";
import type { Peer } from "./peer.ts";

const DEVICE = "wg0";
/** 1,500 less what WireGuard takes over IPv6: wg-quick's choice. */
const MTU = "1420";

export function wireguardGo(program: string, version: string): Peer {
  return {
    name: "wireguard-go",
    what: `${version}, MTU ${MTU}, through t routed`,
    start: (stage) => startAt(stage, program),
  };
}

async function startAt(stage: Stage, program: string): Promise<void> {
  await routeInKernel(stage);
  const keys = new Map<Gateway, KeyPair>();
  for (const gateway of stage.gateways) keys.set(gateway, await generatePair());
  for (const gateway of stage.gateways) {
    // Asks to be told that it is wanted where the kernel has WireGuard.
    const quiet = ["env", "LOG_LEVEL=error", "WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD=1"];
    start(stage, gateway, [...quiet, program, "-f", DEVICE]);
    const show = [...enter(stage, gateway), "wg", "show", DEVICE];
    await until(stage, gateway, "wireguard-go answers wg", async () => {
      return (await attempt(show)).code === 0;
    });
    const file = `${folderOf(stage, gateway)}/wg.conf`;
    await Deno.writeTextFile(file, configuration(stage, gateway, keys), { mode: 0o600 });
    await runOrThrow([...enter(stage, gateway), "wg", "setconf", DEVICE, file]);
    await inNode(stage, gateway, "ip", "addr", "add", `${OVERLAY[gateway]}/24`, "dev", DEVICE);
    await inNode(stage, gateway, "ip", "link", "set", DEVICE, "mtu", MTU, "up");
    for (const lan of ["a", "b"] as const) {
      if (lan === gateway) continue;
      await inNode(stage, gateway, "ip", "route", "add", LAN[lan], "dev", DEVICE);
    }
  }
}

function configuration(
  stage: Stage,
  gateway: Gateway,
  keys: ReadonlyMap<Gateway, KeyPair>,
): string {
  const peers = underlaysOf(stage.topology, gateway).map(({ neighbour, neighbourAddress }) => {
    // An end reaches everything by its only neighbour, t what lies behind each of the two.
    const behind = gateway === "t"
      ? [`${OVERLAY[neighbour]}/32`, neighbour === "t" ? "" : LAN[neighbour]]
      : ["0.0.0.0/0"];
    return `
[Peer]
PublicKey = ${keys.get(neighbour)?.publicKey}
Endpoint = ${neighbourAddress}:${PORT}
AllowedIPs = ${behind.filter((prefix) => prefix !== "").join(", ")}
`;
  });
  return `[Interface]
PrivateKey = ${keys.get(gateway)?.privateKey}
ListenPort = ${PORT}
${peers.join("")}`;
}
