/** `labelway adjacencies`. */

import type { Adjacencies } from "../api/schema.ts";
import { connect, socketOption } from "./client.ts";
import type { Command, Io } from "./command.ts";
import { livenessCell } from "./liveness.ts";
import { outputOptions, show, watchOption } from "./output.ts";
import { formatBytes, formatMicros, formatShare, formatSpan, NONE } from "./quantity.ts";
import { type Cell, renderTable } from "./table.ts";

export const adjacencies: Command = {
  name: "adjacencies",
  summary: "Show each pair of uplinks that meet here: state, quality, traffic, endpoint",
  options: { ...outputOptions, ...watchOption, ...socketOption },
  positional: [],
  examples: [["adjacencies --watch 1", "Again each second"]],
  run: async (args, io) => {
    const client = connect(args, io);
    return await show(
      args,
      io,
      () => client.get<Adjacencies>("/v1/adjacencies"),
      (value) => renderAdjacencies(value, io),
    );
  },
};

export function renderAdjacencies(value: Adjacencies, io: Pick<Io, "columns" | "color">): string {
  if (value.adjacencies.length === 0) return "No adjacency.";
  const columns = [
    { title: "UPLINK" },
    { title: "NEIGHBOUR" },
    { title: "STATE" },
    { title: "FOR", right: true },
    { title: "DOWNS", right: true },
    { title: "RTT", right: true },
    { title: "JITTER", right: true },
    { title: "LOSS", right: true },
    { title: "SENT", right: true },
    { title: "RECEIVED", right: true },
    { title: "GENERATION" },
    { title: "ENDPOINT", shrinks: true },
  ];
  const rows = value.adjacencies.map((one): Cell[] => [
    one.uplink,
    `${one.site}.${one.remoteUplink}`,
    livenessCell(one.state),
    formatSpan(one.stateMillis),
    String(one.downs),
    formatMicros(one.rttMicros),
    formatMicros(one.jitterMicros),
    one.probesSent === 0 ? NONE : formatShare(one.loss),
    formatBytes(one.txBytes),
    formatBytes(one.rxBytes),
    generationCell(one),
    one.reason ?? one.wireguard?.endpoint ?? NONE,
  ]);
  const table = renderTable(columns, rows, io);
  return value.wireguardProblem === null
    ? table
    : `${table}\n\nWireGuard's own state is missing: ${value.wireguardProblem}`;
}

function generationCell(one: Adjacencies["adjacencies"][number]): Cell {
  if (one.generation === null) return NONE;
  return one.generationDiffers ? { text: `${one.generation} differs`, tone: "warn" } : "same";
}
