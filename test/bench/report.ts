/** The results for people: a table a scenario. */

import type { Io } from "../../src/cli/io.ts";
import { type Cell, type Column, renderTable } from "../../src/cli/table.ts";
import type { Figures, PeerFigures } from "./results.ts";
import type { Scenario } from "./scenarios.ts";

const MEGABYTE = 1e6;

/** Three significant digits, without exponents. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en").replaceAll(",", " ");
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toFixed(digits);
}

type Terminal = Pick<Io, "columns" | "color">;

/** A table for each scenario; one for all where each is Labelway's alone. */
export function renderGroup(group: readonly Figures[], terminal: Terminal): string {
  const isSeries = group.length > 1 &&
    group.every(({ peers }) => peers.length === 1 && peers[0]?.peer === "labelway");
  if (isSeries) return renderSeries(group, terminal);
  return group.map((figures) => renderFigures(figures, terminal)).join("\n\n");
}

/** Everything on one screen: medians, and in parentheses Labelway's figure ÷ the peer's. */
export function renderSummary(results: readonly Figures[], terminal: Terminal): string {
  const compared = results.filter(({ peers }) => peers.length > 1);
  const names = [...new Set(compared.flatMap(({ peers }) => peers.map(({ peer }) => peer)))];
  const columns: Column[] = [
    { title: "MEDIAN (LABELWAY ÷ IT)" },
    { title: "UNIT" },
    ...names.map((name): Column => ({ title: name, right: true })),
  ];
  const rows = compared.map(({ scenario, peers }): Cell[] => [
    scenario.name,
    scenario.unit,
    ...names.map((name) => {
      const found = peers.find(({ peer }) => peer === name);
      if (found === undefined) return "";
      const median = figure(found.summary.median);
      return found.ratio === null ? median : `${median} (${figure(found.ratio.median)} ×)`;
    }),
  ]);
  return rows.length === 0 ? "" : renderTable(columns, rows, terminal);
}

function renderSeries(group: readonly Figures[], terminal: Terminal): string {
  const against = group.find(({ scenario }) => scenario.against !== undefined)?.scenario.against;
  const columns: Column[] = [
    { title: "SCENARIO" },
    { title: group[0]?.scenario.unit ?? "", right: true },
    { title: "MIN", right: true },
    { title: "MAX", right: true },
    { title: against === undefined ? "" : `÷ ${against}`, right: true },
    { title: "WHAT" },
  ];
  const rows = group.flatMap(({ scenario, peers }) =>
    peers.map(({ summary, ratio }): Cell[] => [
      scenario.name,
      figure(summary.median),
      figure(summary.min),
      figure(summary.max),
      ratio === null ? "" : `${figure(ratio.median)} ×`,
      scenario.what,
    ])
  );
  return renderTable(columns, rows, terminal);
}

function renderFigures(figures: Figures, terminal: Terminal): string {
  const { scenario, peers, base } = figures;
  const columns: Column[] = [
    { title: "PEER" },
    { title: scenario.unit, right: true },
    { title: "MIN", right: true },
    { title: "MAX", right: true },
  ];
  const hasRatio = peers.some(({ ratio }) => ratio !== null);
  if (hasRatio) {
    const title = scenario.against === undefined ? "LABELWAY ÷ IT" : `÷ ${scenario.against}`;
    columns.push({ title, right: true });
  }
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
    ...(hasRatio ? [ratioCell(peer, scenario)] : []),
    ...(hasCpu
      ? [peer.cpu === null ? "" : figure(peer.cpu.machine), figure(peer.cpu?.processes ?? NaN)]
      : []),
    ...(hasMemory ? [peer.peakMemory === null ? "" : figure(peer.peakMemory / MEGABYTE)] : []),
  ]);
  const added = base === null ? "" : `; the veth itself ${figure(base.median)}`;
  const head = `${scenario.name}: ${scenario.what}, ${scenario.better} is better${added}`;
  return `${head}\n${renderTable(columns, rows, terminal)}`;
}

function ratioCell({ ratio, peer }: PeerFigures, { better }: Scenario): Cell {
  if (ratio === null) return "";
  const text = `${figure(ratio.median)} ×`;
  if (peer === "veth" || peer === "labelway") return text;
  const ahead = better === "higher" ? ratio.median > 1 : ratio.median < 1;
  return { text, tone: ahead ? "good" : "bad" };
}
