/** The demo's traffic: every kind of path with TCP and UDP, IPv4 and IPv6. */

import { bare } from "../lab/layout.ts";
import { type Flow, send } from "../lab/traffic.ts";
import { indent, type Stage } from "./lab_demo_stage.ts";
import { formatShare } from "./quantity.ts";
import { type Cell, renderTable } from "./table.ts";

interface Show {
  readonly way: string;
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly protocol: "tcp" | "udp";
  readonly family: 4 | 6;
  readonly mbit?: number;
}

const SHOWS: readonly Show[] = [
  { way: "direct", from: "lisbon", to: "porto", port: 5201, protocol: "tcp", family: 4 },
  { way: "direct", from: "lisbon", to: "porto", port: 5201, protocol: "udp", family: 6, mbit: 50 },
  { way: "over the hub", from: "lisbon", to: "porto", port: 5202, protocol: "tcp", family: 4 },
  {
    way: "over the hub",
    from: "lisbon",
    to: "porto",
    port: 5202,
    protocol: "udp",
    family: 6,
    mbit: 50,
  },
  { way: "NAT, over the hub", from: "cabin", to: "lisbon", port: 5201, protocol: "tcp", family: 6 },
  {
    way: "NAT, over the hub",
    from: "cabin",
    to: "lisbon",
    port: 5201,
    protocol: "udp",
    family: 4,
    mbit: 4,
  },
];

export async function showTraffic(stage: Stage): Promise<void> {
  const { place, state, io } = stage;
  const columns = [
    { title: "FROM" },
    { title: "TO" },
    { title: "WAY" },
    { title: "WHAT" },
    { title: "THROUGHPUT", right: true },
    { title: "LOSS", right: true },
    { title: "JITTER", right: true },
  ];
  const rows: Cell[][] = [];
  for (const show of SHOWS) {
    const { protocol, port, mbit, family } = show;
    const from = `${show.from}.office`;
    const address = hostAddress(stage, show.to, family);
    const flow: Flow = { from, to: `${show.to}.office`, address, port, protocol, seconds: 2, mbit };
    const result = await send(place, state, flow);
    rows.push([
      from,
      flow.to,
      show.way,
      `${protocol.toUpperCase()} over IPv${family}`,
      `${result.receivedMbit.toFixed(1)} Mbit/s`,
      result.lossPercent === null
        ? `${result.retransmits ?? 0} sent again`
        : formatShare(result.lossPercent / 100),
      result.jitterMillis === null ? "" : `${result.jitterMillis.toFixed(2)} ms`,
    ]);
  }
  io.out(indent(renderTable(columns, rows, io)));
}

export function hostAddress({ place }: Stage, site: string, family: 4 | 6): string {
  const hosts = place.topology.sites.find(({ name }) => name === site)?.hosts ?? [];
  const office = hosts.find(({ segment }) => segment === "office")?.addresses ?? [];
  return bare(office.find((cidr) => cidr.includes(":") === (family === 6)) ?? "");
}
