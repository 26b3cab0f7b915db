/**
 * How long paths take to compute, by network: `deno task bench:te [--only NAME,…] [--json]`.
 *
 * Processor time beside the wall clock, because the former is what the work costs on a machine that
 * does other things as well. Each figure is the best of three runs in one process: what a router that
 * has been running sees.
 */

import process from "node:process";
import { parseArgs } from "@std/cli";
import { survey } from "../../../src/sr/survey.ts";
import { incomingLabels } from "../../../src/sr/ilm.ts";
import { repairs } from "../../../src/sr/repair.ts";
import { Candidates, CandidateSearch } from "../../../src/te/candidates.ts";
import { ShortestPaths, type View, wholeView } from "../../../src/te/shortest_path.ts";
import { buildTopology, type Topology } from "../../../src/te/topology.ts";
import type { Network } from "../../../src/model/network.ts";
import { backbone, fullMesh, hubAndSpoke, regions } from "./networks.ts";

const NETWORKS: Readonly<Record<string, () => Network>> = {
  "hub-and-spoke-2": () => hubAndSpoke(1000, 2),
  "hub-and-spoke-4": () => hubAndSpoke(1000, 4),
  "regions-25": () => regions(1000, 25),
  "full-mesh": () => fullMesh(1000),
  "backbone-200": () => backbone(200, 3),
};

interface Figure {
  readonly wallMillis: number;
  readonly processorMillis: number;
}

interface Row {
  readonly network: string;
  readonly sites: number;
  readonly adjacencies: number;
  readonly ways: number;
  /** File → graph. */
  readonly topology: Figure;
  /** Each site's candidates to every other, the trees included. */
  readonly allPairs: Figure;
  /** One router: its own candidates with labels both ways, policies, and its label entries. */
  readonly oneRouter: Figure;
  /** One router's own candidates again, without the adjacency that most of them begin with. */
  readonly adjacencyFails: Figure;
  /** The same without the neighbour. */
  readonly siteFails: Figure;
  /** Repairs of each node and adjacency SID, at the first transit site. */
  readonly repairs: Figure;
}

const FIGURES = [
  ["topology", "topology"],
  ["allPairs", "all pairs"],
  ["oneRouter", "one router"],
  ["adjacencyFails", "adjacency fails"],
  ["siteFails", "site fails"],
  ["repairs", "repairs"],
] as const;

if (import.meta.main) {
  const flags = parseArgs(Deno.args, { string: ["only"], boolean: ["json"] });
  const names = typeof flags.only === "string" ? flags.only.split(",") : Object.keys(NETWORKS);
  const unknown = names.filter((name) => !Object.hasOwn(NETWORKS, name));
  if (unknown.length > 0) {
    console.error(
      `Cannot measure ${unknown.join(", ")}; accepted are ${Object.keys(NETWORKS).join(", ")}`,
    );
    Deno.exit(2);
  }
  const rows = names.map((name) => measure(name, NETWORKS[name]!()));
  console.log(flags.json ? JSON.stringify(rows, null, 2) : table(rows));
}

function measure(name: string, network: Network): Row {
  const topology = buildTopology(network);
  let ways = 0;
  const router = topology.transit.lastIndexOf(0) >= 0 ? topology.transit.lastIndexOf(0) : 0;
  const site = topology.sites[router]!.name;
  const surveyed = survey(network, topology.sites[topology.transit.indexOf(1)]!.name);
  const [hop, neighbour] = busiest(topology, router);
  return {
    network: name,
    sites: topology.sites.length,
    adjacencies: topology.from.length,
    topology: timed(() => void buildTopology(network)),
    allPairs: timed(() => {
      const search = new CandidateSearch(new ShortestPaths(wholeView(topology)));
      ways = 0;
      for (let from = 0; from < topology.sites.length; from++) ways += row(search, from);
    }),
    oneRouter: timed(() => void incomingLabels(survey(network, site))),
    adjacencyFails: timed(() => void row(withoutHop(topology, hop), router)),
    siteFails: timed(() => void row(withoutSite(topology, neighbour), router)),
    // A survey of its own each time: ways are kept for one that was seen before.
    repairs: timed(() => void repairs({ ...surveyed })),
    ways,
  };
}

function row(search: CandidateSearch, from: number): number {
  const candidates = new Candidates(search, from);
  let ways = 0;
  for (let to = 0; to < search.paths.view.topology.sites.length; to++) {
    if (to !== from) candidates.visit(to, () => void ways++);
  }
  return ways;
}

/** The adjacency that most shortest paths of a site begin with, and where it leads. */
function busiest(topology: Topology, site: number): [hop: number, neighbour: number] {
  const { next } = new ShortestPaths(wholeView(topology)).growFrom(site);
  const uses = new Map<number, number>();
  for (const hop of next) if (hop >= 0) uses.set(hop, (uses.get(hop) ?? 0) + 1);
  const [hop] = [...uses].sort((a, b) => b[1] - a[1])[0]!;
  return [hop, topology.to[hop]!];
}

function withoutHop(topology: Topology, hop: number): CandidateSearch {
  const view = wholeView(topology);
  view.usable[hop] = view.usable[topology.reverse[hop]!] = 0;
  return new CandidateSearch(new ShortestPaths(view));
}

function withoutSite(topology: Topology, site: number): CandidateSearch {
  const view: View = { ...wholeView(topology), transit: topology.transit.slice() };
  view.transit[site] = 0;
  for (let hop = topology.first[site]!; hop < topology.first[site + 1]!; hop++) {
    view.usable[hop] = view.usable[topology.reverse[hop]!] = 0;
  }
  return new CandidateSearch(new ShortestPaths(view));
}

function timed(run: () => void): Figure {
  let best: Figure = { wallMillis: Infinity, processorMillis: Infinity };
  for (let round = 0; round < 3; round++) {
    const started = performance.now();
    const before = process.cpuUsage();
    run();
    const spent = process.cpuUsage(before);
    best = {
      wallMillis: Math.min(best.wallMillis, performance.now() - started),
      processorMillis: Math.min(best.processorMillis, (spent.user + spent.system) / 1000),
    };
  }
  return best;
}

function table(rows: readonly Row[]): string {
  const head = ["network", "sites", "adjacencies", "ways", ...FIGURES.map(([, name]) => name)];
  const figure = ({ wallMillis, processorMillis }: Figure) =>
    `${round(wallMillis)} (${round(processorMillis)})`;
  const lines = rows.map((one) => [
    one.network,
    String(one.sites),
    String(one.adjacencies),
    String(one.ways),
    ...FIGURES.map(([key]) => figure(one[key])),
  ]);
  const widths = head.map((name, column) =>
    Math.max(name.length, ...lines.map((line) => line[column]!.length))
  );
  const format = (cells: readonly string[]) =>
    cells.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
    ).join("  ");
  return [
    "Milliseconds by the clock, and of processor time in brackets; the best of three.",
    "",
    format(head),
    ...lines.map(format),
  ].join("\n");
}

function round(millis: number): string {
  return millis < 10 ? millis.toFixed(1) : String(Math.round(millis));
}
