/** `labelway paths`. */

import type { PathAnswer, Paths } from "../api/schema.ts";
import { connect, socketOption } from "./client.ts";
import type { Command, Io } from "./command.ts";
import { livenessCell } from "./liveness.ts";
import { outputOptions, show, watchOption } from "./output.ts";
import { pathFilter, policyOption, siteOfPaths } from "./path_filter.ts";
import { formatMicros, formatShare, NONE } from "./quantity.ts";
import { type Cell, renderTable } from "./table.ts";

export const paths: Command = {
  name: "paths",
  summary: "Show every path to a site: how good it is, and whether it is in use or why not",
  details:
    "Below each site, the paths in use come first, then those that are up, then the rest.\n" +
    "`standby` is up, and another that ranks before it is in use.",
  options: {
    ...outputOptions,
    ...watchOption,
    ...socketOption,
    ...policyOption,
    labels: { kind: "flag", help: "Spell out the labels of each path" },
  },
  positional: [siteOfPaths],
  examples: [
    ["paths", "To every site"],
    ["paths porto --labels", "To one site, with what is on the wire"],
    ["paths porto --watch", "Again every two seconds"],
  ],
  run: async (args, io) => {
    const client = connect(args, io);
    return await show(
      args,
      io,
      () => client.get<Paths>("/v1/paths", pathFilter(args)),
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
  const sites = Map.groupBy(value.paths, ({ egress }) => egress);
  const rows = [...sites].flatMap(([site, paths]): Cell[][] => [
    [`to ${site}`],
    ...paths.toSorted((a, b) => standing(a) - standing(b)).map((path): Cell[] => [
      `  ${formatHops(path)}`,
      livenessCell(path.state),
      formatMicros(path.rttMicros),
      formatMicros(path.jitterMicros),
      path.probesSent === 0 ? NONE : formatShare(path.loss),
      String(Math.min(path.mtuBytes, path.mtuFoundBytes ?? path.mtuBytes)),
      String(path.cost),
      ...(withLabels ? [formatStack(path)] : []),
      useCell(path),
    ]),
  ]);
  return renderTable(columns, rows, io);
}

/** In use, up, the rest; within each as the router ranks them. */
function standing({ inUse, state }: PathAnswer): number {
  return inUse ? 0 : state === "up" ? 1 : 2;
}

/** `lte>hub.fibre, fibre>porto.lte`: each hop by its two uplinks; the path's key with room. */
function formatHops({ key }: PathAnswer): string {
  return key.replaceAll(",", ", ");
}

function formatStack({ labels }: PathAnswer): string {
  if (labels.length === 0) return NONE;
  return labels.map(({ label, meaning }) => `${label} (${meaning})`).join(", ");
}

/** `office, voice by calls`: the segments and policies whose traffic it carries; else why none. */
function useCell({ uses, reason, state, metered }: PathAnswer): Cell {
  const segments = Map.groupBy(uses.filter(({ inUse }) => inUse), ({ segment }) => segment);
  const used = [...segments].map(([segment, found]) => {
    const by = [...new Set(found.map(({ policy }) => policy ?? "default"))].sort((a, b) =>
      Number(a !== "default") - Number(b !== "default")
    );
    return by.join() === "default" ? segment : `${segment} by ${by.join(" and ")}`;
  });
  const paid = metered ? "metered" : "";
  if (used.length > 0) {
    return { text: [used.join(", "), paid].filter(Boolean).join("; "), tone: "good" };
  }
  const idle = state === "up" && uses.length > 0 ? "standby" : reason ?? "";
  return { text: [idle, paid].filter(Boolean).join("; "), tone: "quiet" };
}
