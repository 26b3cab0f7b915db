/**
 * nebula with its default cipher (AES-256-GCM) and the largest MTU that fits. The LANs are unsafe
 * networks of the certificates. Through t it uses nebula's own relay, which forwards what it cannot
 * read: that is less work than routing through t's tunnel, which would decrypt and encrypt again.
 */

import { runOrThrow } from "../../../src/io/command.ts";
import { folderOf, inNode, routeInKernel, type Stage, start, until } from "../stage.ts";
import { type Gateway, LAN, OVERLAY, PORT, UNDERLAY_MTU, underlaysOf } from "../topology.ts";
import type { Peer } from "./peer.ts";

const DEVICE = "nebula0";
/** Outer IPv4 and UDP, nebula's header, AEAD tag. */
const OVERHEAD = 20 + 8 + 16 + 16;
/** Header and tag of the relay's own tunnel. */
const RELAY_OVERHEAD = 16 + 16;
/** Bytes: what its documentation recommends for fast links. */
const SOCKET_BUFFER = 10_485_760;

interface Programs {
  readonly nebula: string;
  readonly cert: string;
}

export function nebula(name: "nebula" | "nebula-current", what: string, programs: Programs): Peer {
  return {
    name,
    what: `${what}, AES-256-GCM, MTU ${UNDERLAY_MTU - OVERHEAD}, through t by its relay`,
    start: (stage) => startAll(stage, programs),
  };
}

async function startAll(stage: Stage, programs: Programs): Promise<void> {
  await routeInKernel(stage);
  const ca = `${stage.place.folder}/ca`;
  const authority = ["-out-crt", `${ca}.crt`, "-out-key", `${ca}.key`];
  await runOrThrow([programs.cert, "ca", "-name", "bench", ...authority]);
  for (const gateway of stage.gateways) {
    const own = folderOf(stage, gateway);
    const subnets = gateway === "t" ? [] : ["-subnets", LAN[gateway]];
    await runOrThrow([
      ...[programs.cert, "sign", "-ca-crt", `${ca}.crt`, "-ca-key", `${ca}.key`],
      ...["-name", gateway, "-ip", `${OVERLAY[gateway]}/24`, ...subnets],
      ...["-out-crt", `${own}/node.crt`, "-out-key", `${own}/node.key`],
    ]);
    const file = `${own}/nebula.yaml`;
    await Deno.writeTextFile(file, JSON.stringify(configuration(stage, gateway), null, 2));
    start(stage, gateway, [programs.nebula, "-config", file]);
  }
  for (const gateway of stage.gateways) {
    await until(stage, gateway, "nebula has its device", async () => {
      return (await inNode(stage, gateway, "ip", "-br", "link")).includes(`${DEVICE} `);
    });
  }
}

/** YAML's subset that is JSON. */
function configuration(stage: Stage, gateway: Gateway): unknown {
  const own = folderOf(stage, gateway);
  const relayed = stage.topology === "transit";
  const neighbours = underlaysOf(stage.topology, gateway);
  const far = gateway === "a" ? "b" : "a";
  const everything = { port: "any", proto: "any", host: "any" };
  return {
    pki: { ca: `${stage.place.folder}/ca.crt`, cert: `${own}/node.crt`, key: `${own}/node.key` },
    static_host_map: Object.fromEntries(
      neighbours.map(({ neighbour, neighbourAddress }) => [
        OVERLAY[neighbour],
        [`${neighbourAddress}:${PORT}`],
      ]),
    ),
    // A relay is found by asking a lighthouse.
    lighthouse: {
      am_lighthouse: relayed && gateway === "t",
      hosts: relayed && gateway !== "t" ? [OVERLAY.t] : [],
      interval: 10,
    },
    relay: {
      am_relay: gateway === "t",
      use_relays: relayed,
      relays: relayed && gateway !== "t" ? [OVERLAY.t] : [],
    },
    listen: {
      host: "0.0.0.0",
      port: PORT,
      read_buffer: SOCKET_BUFFER,
      write_buffer: SOCKET_BUFFER,
    },
    tun: {
      dev: DEVICE,
      mtu: UNDERLAY_MTU - OVERHEAD - (relayed ? RELAY_OVERHEAD : 0),
      unsafe_routes: gateway === "t" ? [] : [{ route: LAN[far], via: OVERLAY[far] }],
    },
    logging: { level: "error", format: "text" },
    firewall: {
      // Rules for the LANs behind the gateway, not only for itself.
      default_local_cidr_any: true,
      outbound: [everything],
      inbound: [everything],
    },
  };
}
