/** The demo's captures: nothing in clear on the internet, and the label stacks inside. */

import { runOrThrow } from "../io/command.ts";
import {
  capture,
  decodeLabels,
  type LabelledPacket,
  occurrences,
  protocols,
} from "../lab/capture.ts";
import { enter } from "../lab/gateway.ts";
import { readNetwork } from "../lab/network.ts";
import type { Network } from "../model/network.ts";
import { describeLabel } from "../sr/labels.ts";
import { tunnelAddress } from "../sr/labels.ts";
import { ping, send } from "../lab/traffic.ts";
import { indent, type Stage } from "./lab_demo_stage.ts";
import { hostAddress } from "./lab_demo_traffic.ts";
import { formatBytes, formatCount } from "./quantity.ts";
import { type Cell, paint, renderTable } from "./table.ts";

/** Sixteen bytes, which ping repeats through its payload. */
const MARKER = "LABELWAY-MARKER!";
/** Neighbour discovery and ARP belong to the links and carry nobody's payload. */
const NO_NEIGHBOURS = [
  "not",
  "arp",
  "and",
  "not",
  "(icmp6",
  "and",
  "ip6[40]",
  ">=",
  "133",
  "and",
  "ip6[40]",
  "<=",
  "137)",
];

export async function showWire(stage: Stage): Promise<void> {
  const { place, state } = stage;
  const payload = `${place.folder}/payload`;
  await Deno.writeTextFile(payload, MARKER.repeat(64_000), { mode: 0o600 });
  const captures = {
    lan: await capture(place, state, "porto.office", "eth0"),
    internet: await capture(place, state, "internet", "any", NO_NEIGHBOURS),
    hub: await capture(place, state, "hub", "any", ["udp", "port", "6635"]),
  };
  const from = "lisbon.office";
  for (const family of [4, 6] as const) {
    const address = hostAddress(stage, "porto", family);
    await ping(place, state, from, address, { count: 3, intervalMillis: 20, marker: MARKER });
    await send(place, state, {
      ...{ from, to: "porto.office", address, port: 5202 },
      ...(family === 4 ? { protocol: "tcp" } : { protocol: "udp" }),
      ...{ seconds: 1, mbit: 2, payload },
    });
  }
  for (const one of Object.values(captures)) await one.stop();
  await showMarkers(stage, captures.lan.file, captures.internet.file);
  await showProtocols(stage, captures.internet.file);
  await showLabels(stage, captures.hub.file);
  await showPeers(stage);
}

async function showMarkers({ io }: Stage, lan: string, internet: string): Promise<void> {
  const rows = await Promise.all(
    ([["porto's LAN", lan, true], ["the internet", internet, false]] as const).map(
      async ([where, file, wanted]): Promise<Cell[]> => {
        const found = await occurrences(file, MARKER);
        const { size } = await Deno.stat(file);
        const good = wanted === found > 0;
        return [where, formatBytes(size), {
          text: formatCount(found),
          tone: good ? "good" : "bad",
        }];
      },
    ),
  );
  const columns = [{ title: "CAPTURE OF" }, { title: "SIZE", right: true }, {
    title: `"${MARKER}" FOUND`,
    right: true,
  }];
  io.out(`${indent(renderTable(columns, rows, io))}\n`);
}

async function showProtocols({ io }: Stage, internet: string): Promise<void> {
  const counts = [...await protocols(internet)].sort(([a], [b]) => a < b ? -1 : 1);
  const columns = [{ title: "ON THE INTERNET, BY TSHARK" }, { title: "PACKETS", right: true }];
  const rows = counts.map(([name, count]): Cell[] => [
    { text: name, tone: name.endsWith(":wg") ? "good" : "bad" },
    formatCount(count),
  ]);
  io.out(`${indent(renderTable(columns, rows, io))}\n`);
}

/** One customer packet as it enters the hub and as it leaves. */
async function showLabels(stage: Stage, file: string): Promise<void> {
  const { io } = stage;
  const network = await readNetwork(stage.place, "hub");
  const packets = await decodeLabels(file);
  const rows: Cell[][] = [];
  for (const family of [4, 6] as const) {
    const address = hostAddress(stage, "porto", family);
    const mine = packets.filter(({ inner }) => inner.destination === address);
    const first = mine.find(({ stack }) => stack.length > 1);
    if (first === undefined) continue;
    const after = mine.find((packet) =>
      packet.sourcePort === first.sourcePort && packet.source !== first.source &&
      packet.time >= first.time
    );
    for (const packet of after === undefined ? [first] : [first, after]) {
      rows.push(...stackRows(network, packet, packet === first ? "into the hub" : "out of it"));
    }
  }
  const columns = [
    { title: "AT THE HUB" },
    { title: "TUNNEL" },
    { title: "LABEL", right: true },
    { title: "MEANING" },
    { title: "S", right: true },
    { title: "TC", right: true },
    { title: "TTL", right: true },
    { title: "CUSTOMER PACKET" },
  ];
  io.out(`${indent(renderTable(columns, rows, io))}\n`);
}

function stackRows(network: Network, packet: LabelledPacket, where: string): Cell[][] {
  const tunnel = `${uplinkOf(network, packet.source)} > ${uplinkOf(network, packet.destination)}`;
  const { source, destination } = packet.inner;
  return packet.stack.map(({ label, bottom, trafficClass, ttl }, i) => [
    i === 0 ? where : "",
    i === 0 ? tunnel : "",
    String(label),
    describeLabel(network, label, "hub"),
    bottom ? "1" : "0",
    String(trafficClass),
    String(ttl),
    i === packet.stack.length - 1 ? `${source} > ${destination}` : "",
  ]);
}

function uplinkOf(network: Network, address: string): string {
  for (const site of network.sites) {
    for (const uplink of site.uplinks) {
      if (tunnelAddress(network, site.sid, uplink.number) === address) {
        return `${site.name}.${uplink.name}`;
      }
    }
  }
  return address;
}

/** The embedded WireGuard as the system's own `wg` lists it. */
async function showPeers(stage: Stage): Promise<void> {
  const { place, state, io } = stage;
  const network = await readNetwork(place, "lisbon");
  const names = new Map(
    network.sites.flatMap((site) =>
      site.uplinks.map((uplink) =>
        [String(uplink.publicKey), `${site.name}.${uplink.name}`] as const
      )
    ),
  );
  const dump = await runOrThrow([...enter(place, state, "lisbon"), "wg", "show", "all", "dump"]);
  const columns = [
    { title: "INTERFACE" },
    { title: "PEER" },
    { title: "ENDPOINT" },
    { title: "HANDSHAKE" },
    { title: "RECEIVED", right: true },
    { title: "SENT", right: true },
  ];
  const rows = dump.split("\n").map((line) => line.split("\t")).filter((f) => f.length === 9).map(
    ([device = "", key = "", , endpoint = "", , handshake = "0", received, sent]): Cell[] => [
      device,
      names.get(key) ?? key,
      endpoint,
      Number(handshake) > 0 ? { text: "yes", tone: "good" } : { text: "no", tone: "bad" },
      formatBytes(Number(received)),
      formatBytes(Number(sent)),
    ],
  );
  io.out(`  ${paint("lisbon#", "quiet", io.color)} wg show all dump`);
  io.out(indent(renderTable(columns, rows, io)));
}
