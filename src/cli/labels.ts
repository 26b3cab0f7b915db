/** `labelway labels`. */

import type { Labels } from "../api/schema.ts";
import { connect, socketOption } from "./client.ts";
import type { Command, Io } from "./command.ts";
import { outputOptions, show, watchOption } from "./output.ts";
import { formatBytes, formatCount, NONE } from "./quantity.ts";
import { type Cell, renderTable } from "./table.ts";

export const labels: Command = {
  name: "labels",
  summary: "Show the incoming label map: what each label means, from whom, and its counters",
  options: { ...outputOptions, ...watchOption, ...socketOption },
  positional: [],
  examples: [["labels", "All of them, by number"]],
  run: async (args, io) => {
    const client = connect(args, io);
    return await show(
      args,
      io,
      () => client.get<Labels>("/v1/labels"),
      (value) => renderLabels(value, io),
    );
  },
};

export function renderLabels(value: Labels, io: Pick<Io, "columns" | "color">): string {
  if (value.labels.length === 0) return "No label.";
  const columns = [
    { title: "LABEL", right: true },
    { title: "MEANING" },
    { title: "ACTION" },
    { title: "REPAIR" },
    { title: "PACKETS", right: true },
    { title: "BYTES", right: true },
    { title: "ACCEPTED FROM", shrinks: true },
  ];
  const rows = value.labels.map((one): Cell[] => [
    String(one.label),
    one.meaning,
    actionCell(one),
    repairCell(one),
    formatCount(one.packets),
    formatBytes(one.bytes),
    one.acceptFrom.length === 0 ? "nobody" : one.acceptFrom.join(", "),
  ]);
  return renderTable(columns, rows, io);
}

/** What the way round survives besides the adjacency: `node and group, ring>zurich.ring`. */
function repairCell({ nextHops }: Labels["labels"][number]): Cell {
  const repair = nextHops.find((hop) => hop.repair !== null);
  return repair === undefined ? NONE : `${repair.repair}, ${repair.adjacency}`;
}

/** What happens to a packet under it now: `pop, fibre>porto.fibre`. */
function actionCell({ action, segment, nextHops }: Labels["labels"][number]): Cell {
  if (action === "deliver") return `to the LAN of ${segment ?? NONE}`;
  if (action === "pop") return "pop, look at the next";
  const hop = nextHops.find(({ inUse }) => inUse);
  if (hop === undefined) {
    const known = nextHops.map(({ adjacency }) => adjacency).join(", ");
    return { text: `drop: ${known || "every next hop"} not up`, tone: "bad" };
  }
  const stack = hop.labels.map(({ label }) => String(label)).join(", ");
  const backup = hop === nextHops[0] ? "" : hop.repair !== null ? " (repair)" : " (backup)";
  const words = { pop: "pop", swap: `swap to ${stack}`, push: `replace by ${stack}` };
  return `${words[hop.operation]}, ${hop.adjacency}${backup}`;
}
