/** `labelway measurements`. */

import type { Measurements } from "../api/schema.ts";
import { connect, socketOption } from "./client.ts";
import type { Command, Io } from "./command.ts";
import { outputOptions, show, watchOption } from "./output.ts";
import { pathFilter, policyOption, siteOfPaths } from "./path_filter.ts";
import { formatCount, formatMicros, formatShare, formatSpan, NONE } from "./quantity.ts";
import { type Cell, renderTable } from "./table.ts";

export const measurements: Command = {
  name: "measurements",
  summary: "Show what probes told of each path, over the last second up to a day",
  details:
    "Loss and reordering ↑ are from here to there, ↓ back. MTU is the largest customer packet " +
    "that was found to cross in one piece.",
  options: {
    ...outputOptions,
    ...watchOption,
    ...socketOption,
    ...policyOption,
  },
  positional: [siteOfPaths],
  examples: [["measurements porto", "To one site"]],
  run: async (args, io) => {
    const client = connect(args, io);
    return await show(
      args,
      io,
      () => client.get<Measurements>("/v1/measurements", pathFilter(args)),
      (value) => renderMeasurements(value, io),
    );
  },
};

export function renderMeasurements(
  { paths }: Measurements,
  io: Pick<Io, "columns" | "color">,
): string {
  if (paths.length === 0) return "No path is measured.";
  const columns = [
    { title: "PATH", shrinks: true },
    { title: "MTU", right: true },
    { title: "OVER" },
    { title: "P50", right: true },
    { title: "P95", right: true },
    { title: "P99", right: true },
    { title: "JITTER", right: true },
    { title: "LOSS ↑", right: true },
    { title: "LOSS ↓", right: true },
    { title: "OVERTAKEN ↑", right: true },
    { title: "OVERTAKEN ↓", right: true },
    { title: "PROBES", right: true },
  ];
  const rows = paths.flatMap(({ key, mtuBytes, windows }): Cell[][] =>
    windows.map((window, index): Cell[] => [
      index === 0 ? key : "",
      index > 0 ? "" : mtuBytes === null ? NONE : String(mtuBytes),
      formatSpan(window.spanMillis),
      formatMicros(window.rttMicros?.p50),
      formatMicros(window.rttMicros?.p95),
      formatMicros(window.rttMicros?.p99),
      formatMicros(window.jitterMicros),
      shareOf(window.lossForward ?? (window.loss === 0 ? 0 : null)),
      shareOf(window.lossBackward ?? (window.loss === 0 ? 0 : null)),
      formatCount(window.reorderedForward),
      formatCount(window.reorderedBackward),
      formatCount(window.sent),
    ])
  );
  return renderTable(columns, rows, io);
}

function shareOf(share: number | null): string {
  return share === null ? NONE : formatShare(share);
}
