/** `labelway paths`. */

import type { PathAnswer, Paths } from "../api/schema.ts";
import { connect, socketOption } from "./client.ts";
import type { Command, Io } from "./command.ts";
import { livenessCell } from "./liveness.ts";
import { outputOptions, show, watchOption } from "./output.ts";
import { formatMicros, formatShare, NONE } from "./quantity.ts";
import { type Cell, renderTable } from "./table.ts";

export const paths: Command = {
  name: "paths",
  summary: "Show every path to a site: how good it is, and whether it is in use or why not",
  options: {
    ...outputOptions,
    ...watchOption,
    ...socketOption,
    policy: { kind: "text", value: "NAME", help: "Only the paths that this policy ranks" },
    labels: { kind: "flag", help: "Spell out the labels of each path" },
  },
  positional: [{ name: "SITE", help: "Only paths to this site", optional: true }],
  examples: [
    ["paths", "To every site"],
    ["paths porto --labels", "To one site, with what is on the wire"],
    ["paths porto --watch", "Again every two seconds"],
  ],
  run: async (args, io) => {
    const client = connect(args, io);
    const query = { site: args.positional[0], policy: args.text("policy") };
    return await show(
      args,
      io,
      () => client.get<Paths>("/v1/paths", query),
      (value) => renderPaths(value, io, args.flag("labels")),
    );
  },
};

export function renderPaths(
  value: Paths,
  io: Pick<Io, "columns" | "color">,
  withLabels = false,
): string {
  if (value.paths.length === 0) return "No path.";
  const columns = [
    { title: "SITE" },
    { title: "PATH", shrinks: true },
    { title: "STATE" },
    { title: "RTT", right: true },
    { title: "JITTER", right: true },
    { title: "LOSS", right: true },
    { title: "MTU", right: true },
    { title: "COST", right: true },
    ...(withLabels ? [{ title: "LABELS", shrinks: true }] : []),
    { title: "USE", shrinks: true },
  ];
  const rows = value.paths.map((path): Cell[] => [
    path.egress,
    formatHops(path),
    livenessCell(path.state),
    formatMicros(path.rttMicros),
    formatMicros(path.jitterMicros),
    path.probesSent === 0 ? NONE : formatShare(path.loss),
    String(path.mtuBytes),
    `${path.cost}${path.metered ? " metered" : ""}`,
    ...(withLabels ? [formatStack(path)] : []),
    useCell(path),
  ]);
  return renderTable(columns, rows, io);
}

/** `fibre → hub.fibre, lte → porto.lte`: each hop by its two uplinks, the sites once. */
export function formatHops({ hops }: Pick<PathAnswer, "hops">): string {
  return hops.map((hop) => `${hop.fromUplink} → ${hop.toSite}.${hop.toUplink}`).join(", ");
}

function formatStack({ labels }: PathAnswer): string {
  if (labels.length === 0) return NONE;
  return labels.map(({ label, meaning }) => `${label} (${meaning})`).join(", ");
}

/** `office, office by calls`: the segments and policies whose traffic it carries; else why none. */
function useCell({ uses, reason }: PathAnswer): Cell {
  const used = uses.filter(({ inUse }) => inUse)
    .sort((a, b) => Number(a.policy !== null) - Number(b.policy !== null))
    .map(({ segment, policy }) => policy === null ? segment : `${segment} by ${policy}`);
  return used.length > 0
    ? { text: [...new Set(used)].join(", "), tone: "good" }
    : { text: reason ?? "", tone: "quiet" };
}
