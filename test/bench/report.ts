/** The results for people: a table a scenario. */

import type { Io } from "../../src/cli/io.ts";
import { type Cell, type Column, renderTable } from "../../src/cli/table.ts";
import type { Figures, PeerFigures } from "./results.ts";

const MEGABYTE = 1e6;

/** Three significant digits, without exponents. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en").replaceAll(",", " ");
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toFixed(digits);
}

export function renderFigures(figures: Figures, io: Pick<Io, "columns" | "color">): string {
  const { scenario, peers, base } = figures;
  const columns: Column[] = [
    { title: "PEER" },
    { title: scenario.unit, right: true },
    { title: "MIN", right: true },
    { title: "MAX", right: true },
    { title: "LABELWAY ÷ IT", right: true },
  ];
  const hasCpu = peers.some(({ cpu }) => cpu !== null);
  const hasMemory = peers.some(({ peakMemory }) => peakMemory !== null);
  if (hasCpu) {
    columns.push({ title: "CPU s/GB", right: true }, { title: "OF THEM ITS OWN", right: true });
  }
  if (hasMemory) columns.push({ title: "PEAK MB", right: true });
  const rows = peers.map((peer): Cell[] => [
    peer.peer,
    figure(peer.summary.median),
    figure(peer.summary.min),
    figure(peer.summary.max),
    peer.ratio === null ? "" : ratioCell(peer, scenario.better),
    ...(hasCpu
      ? [peer.cpu === null ? "" : figure(peer.cpu.machine), figure(peer.cpu?.processes ?? NaN)]
      : []),
    ...(hasMemory ? [peer.peakMemory === null ? "" : figure(peer.peakMemory / MEGABYTE)] : []),
  ]);
  const added = base === null ? "" : `; the veth itself ${figure(base.median)}`;
  const head = `${scenario.name}: ${scenario.what}, ${scenario.better} is better${added}`;
  return `${head}\n${renderTable(columns, rows, io)}`;
}

function ratioCell({ ratio, peer }: PeerFigures, better: "higher" | "lower"): Cell {
  if (ratio === null) return "";
  const text = `${figure(ratio.median)} ×`;
  if (peer === "veth") return text;
  const ahead = better === "higher" ? ratio.median > 1 : ratio.median < 1;
  return { text, tone: ahead ? "good" : "bad" };
}
