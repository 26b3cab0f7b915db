/** `labelway status`. */

import type { Status } from "../api/schema.ts";
import { countOf } from "../model/quantity.ts";
import { connect, socketOption } from "./client.ts";
import type { Command, Io } from "./command.ts";
import { outputOptions, show, watchOption } from "./output.ts";
import { formatSpan } from "./quantity.ts";
import { type Cell, renderPairs } from "./table.ts";

export const status: Command = {
  name: "status",
  summary: "Show this router: what it runs, what is up, and who runs another generation",
  options: { ...outputOptions, ...watchOption, ...socketOption },
  positional: [],
  examples: [["status", "Once"], ["status --watch 1", "Again each second"], [
    "status -o json",
    "For a script",
  ]],
  run: async (args, io) => {
    const client = connect(args, io);
    return await show(
      args,
      io,
      () => client.get<Status>("/v1/status"),
      (value) => renderStatus(value, io),
    );
  },
};

export function renderStatus(value: Status, io: Pick<Io, "columns" | "color">): string {
  const { adjacencies, paths, sites } = value;
  const rows: (readonly [string, Cell])[] = [
    ["site", `${value.site} (SID ${value.sid}) of network ${value.network}`],
    ["state", stateOf(value)],
    ["backend", backends(value)],
    ["file", value.file],
    ["generation", value.generation],
    ...generationRows(value),
    ...rolloutRows(value),
    ["up for", formatSpan(value.uptimeMillis)],
    ["adjacencies", portion(adjacencies.up, adjacencies.total, downs(adjacencies))],
    ...(adjacencies.down === 0
      ? []
      : [["", { text: "`labelway adjacencies` says why", tone: "quiet" }] as const]),
    ["paths", portion(paths.up, paths.total, downs(paths))],
    ["sites", portion(sites.reachable, sites.total, "reachable")],
    ["last reload", lastReload(value)],
    ["version", value.version],
  ];
  const problems = value.lastReload?.ok === false ? value.lastReload.problems : [];
  return [
    renderPairs(rows, io),
    ...listed("Warnings:", value.warnings),
    ...listed("The last reload was refused:", problems),
  ].join("\n");
}

function stateOf({ ready }: Status): Cell {
  return ready
    ? { text: "forwarding", tone: "good" }
    : { text: "starting: not forwarding by this generation yet", tone: "warn" };
}

function backends({ backend, uplinks }: Status): string {
  if (backend !== "mixed") return backend;
  return uplinks.map((uplink) => `${uplink.name} ${uplink.backend}`).join(", ");
}

function generationRows({ generations, sites }: Status): (readonly [string, Cell])[] {
  // Agreement of nobody would be no news, and sound like some.
  const silent = generations.differing.length === 0 && sites.reachable === 0;
  const rows: (readonly [string, Cell])[] = silent
    ? []
    : generations.agree
    ? [["", { text: "every neighbour that answers runs the same", tone: "good" }]]
    : generations.differing.map(({ site, generation }) =>
      ["", { text: `${site} runs ${generation}`, tone: "warn" }] as const
    );
  return generations.unheard.length === 0
    ? rows
    : [...rows, ["", { text: `not known of ${generations.unheard.join(", ")}`, tone: "quiet" }]];
}

/** So many neighbours are named; more are counted. */
const MOST_NAMED = 3;

function rolloutRows({ rollout }: Status): (readonly [string, Cell])[] {
  if (rollout === null) return [];
  const { phase, until, awaited } = rollout;
  const who = awaited.length <= MOST_NAMED
    ? awaited.join(", ")
    : `${countOf(awaited.length, "neighbour")} more`;
  const ends = [
    ...(awaited.length === 0
      ? []
      : [`${who} ${awaited.length === 1 ? "runs" : "run"} this generation`]),
    ...(until === null ? [] : [timeOf(until) + (awaited.length === 0 ? "" : " at the latest")]),
  ];
  return [["rollout", { text: `${phase} until ${ends.join(", ")}`, tone: "warn" }]];
}

function timeOf(instant: string): string {
  return instant.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC");
}

function portion(up: number, total: number, words: string): Cell {
  const text = `${up} of ${total} ${words}`;
  return total === 0 || up === total ? text : { text, tone: up === 0 ? "bad" : "warn" };
}

function downs({ down, unknown }: { down: number; unknown: number }): string {
  const parts = [
    ...(down === 0 ? [] : [`${down} down`]),
    ...(unknown === 0 ? [] : [`${unknown} not known yet`]),
  ];
  return parts.length === 0 ? "up" : `up, ${parts.join(", ")}`;
}

function lastReload({ lastReload }: Status): Cell {
  if (lastReload === null) return "none since the start";
  const at = timeOf(lastReload.at);
  return lastReload.ok
    ? `${at}: ${countOf(lastReload.changes.length, "change")}`
    : { text: `${at}: refused`, tone: "bad" };
}

function listed(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)];
}
