/** `deno task bench` as a command: its options, and what follows from them. */

import type { Arguments, Command, Io } from "../../src/cli/command.ts";
import { FAILED, Failure, OK, UsageError } from "../../src/cli/command.ts";
import { renderTable } from "../../src/cli/table.ts";
import { closest } from "../../src/config/suggest.ts";
import { status } from "../../deploy/dev/run.ts";
import { toJson } from "./json.ts";
import { preparePeer, SETUP } from "./peers/mod.ts";
import { type Peer, PEER_NAMES, type PeerName } from "./peers/peer.ts";
import { renderPlot } from "./plot.ts";
import { figure, renderGroup, renderSummary } from "./report.ts";
import { evaluate, type Figures } from "./results.ts";
import { expectedSeconds, type Measured, runGroup } from "./run.ts";
import { median, type Runs } from "./statistics.ts";
import { type Group, groupsFor, SCENARIOS } from "./scenarios.ts";
import { interrupt, sweep } from "./stage.ts";

const DEFAULT_RUNS = 5;
const INTERRUPTED = 130;
const INTERRUPT_MILLIS = 500;
/** Busy processors while nothing is measured, beyond which the figures say little. */
const BUSY = 0.3;

export const bench: Command = {
  name: "bench",
  summary: "Measure Labelway beside other tunnels, on networks made for each measurement",
  details:
    "Every measurement has fresh namespaces and processes. Run by run all peers take their " +
    "turn, and a ratio is the median of the ratios within the runs. Needs root; installs Debian " +
    "packages and builds Go modules that are missing.",
  options: {
    only: { kind: "list", value: "SCENARIO,…", help: "These scenarios and no others" },
    peers: { kind: "list", value: "PEER,…", help: `Of ${PEER_NAMES.join(", ")}; default all` },
    runs: { kind: "number", help: `Measurements of each; default ${DEFAULT_RUNS}`, least: 1 },
    json: { kind: "text", value: "FILE", help: "Write the results as JSON" },
    plot: { kind: "text", value: "FILE", help: "Draw the results as SVG" },
    list: { kind: "flag", help: "Say which scenarios there are" },
  },
  positional: [],
  examples: [
    ["task bench --only tcp-direct,tcp-transit", "two scenarios"],
    ["task bench --runs 1 --peers labelway,veth", "a quick look"],
  ],
  run,
};

async function run(args: Arguments, io: Io): Promise<number> {
  if (args.flag("list")) {
    io.out(renderScenarios(io));
    return OK;
  }
  const names = chosen("scenario", args.list("only"), SCENARIOS.map(({ name }) => name));
  const asked = chosen("peer", args.list("peers"), PEER_NAMES);
  const runs = args.number("runs") ?? DEFAULT_RUNS;
  if (!Number.isInteger(runs)) {
    throw new UsageError([`Option --runs is ${runs}; accepted is a whole number`]);
  }
  const [json, plot] = [args.text("json"), args.text("plot")];
  await checkWritable([json, plot].filter((file) => file !== undefined));
  const groups = groupsFor(names);
  const peers = await prepare(asked, groups);
  await sweep();
  const seconds = expectedSeconds(groups, asked, runs);
  io.out(`${runs === 1 ? "One run" : `${runs} runs`}, about ${duration(seconds)}`);
  const measured = await untilInterrupted(io, (stop) => {
    return measure(groups, peers, asked, runs, io, stop);
  });
  if (measured === null) return INTERRUPTED;
  const { figures, failed, idleLoads } = measured;
  const what = new Map([...peers.values()].map((peer) => [peer.name as string, peer.what]));
  const summary = renderSummary(figures, io);
  if (summary !== "") io.out(`${summary}\n`);
  for (const [name, text] of what) io.out(`${name}: ${text}`);
  const load = median(idleLoads);
  if (load > BUSY) {
    io.err(
      `The machine was busy with something else (${figure(load)} of ` +
        `${navigator.hardwareConcurrency} processors, median): all figures are too low`,
    );
  }
  if (json !== undefined) {
    const text = JSON.stringify(figures.map((each) => toJson(each, what)), null, 2);
    await Deno.writeTextFile(json, `${text}\n`);
  }
  if (plot !== undefined) await Deno.writeTextFile(plot, renderPlot(figures));
  if (failed > 0) io.err(`${failed} measurements failed; their figures are missing above`);
  return failed > 0 ? FAILED : OK;
}

/** The words of a list option, split at commas; all names where nothing is given. */
export function chosen<Name extends string>(
  kind: string,
  words: readonly string[],
  names: readonly Name[],
): readonly Name[] {
  const given = words.flatMap((word) => word.split(",")).map((word) => word.trim())
    .filter((word) => word !== "");
  if (given.length === 0) return names;
  const problems = given.filter((word) => !names.some((name) => name === word)).map((word) => {
    const guess = closest(word, names);
    const hint = guess === undefined ? "" : `; did you mean ${guess}?`;
    return `There is no ${kind} ${word}; there are ${names.join(", ")}${hint}`;
  });
  if (problems.length > 0) throw new UsageError(problems);
  return names.filter((name) => given.includes(name));
}

/** Before hours of measuring, not after. */
export async function checkWritable(files: readonly string[]): Promise<void> {
  const problems: string[] = [];
  for (const file of files) {
    try {
      (await Deno.open(file, { append: true, create: true })).close();
    } catch (error) {
      problems.push(`Cannot write ${file}: ${error instanceof Error ? error.message : error}`);
    }
  }
  if (problems.length > 0) throw new Failure(problems);
}

function renderScenarios(io: Io): string {
  const columns = [{ title: "SCENARIO" }, { title: "UNIT" }, { title: "WHAT", shrinks: true }];
  return renderTable(columns, SCENARIOS.map(({ name, unit, what }) => [name, unit, what]), io);
}

/** Everything that is missing is told (or installed) at once, before anything is measured. */
async function prepare(
  asked: readonly PeerName[],
  groups: readonly Group[],
): Promise<Map<PeerName, Peer>> {
  const needed = groups.flat().some(({ scenarios }) => scenarios.some((s) => s.overVeth === true))
    ? [...new Set<PeerName>(["veth", ...asked])]
    : asked;
  const setup = new URL("../../deploy/dev/setup.ts", import.meta.url).pathname;
  const parts = ["bench", ...new Set(needed.flatMap((peer) => SETUP[peer]))];
  const deno = [Deno.execPath(), "run", "-A", "--node-modules-dir=manual"];
  if (await status([...deno, setup, ...parts]) !== 0) Deno.exit(FAILED);
  const peers = new Map<PeerName, Peer>();
  for (const name of needed) peers.set(name, await preparePeer(name));
  return peers;
}

/** Null where it was interrupted; everything is taken down then. */
async function untilInterrupted<T>(
  io: Io,
  work: (stop: AbortSignal) => Promise<T>,
): Promise<T | null> {
  const stop = io.interrupted();
  let again: ReturnType<typeof setInterval> | undefined;
  stop.addEventListener("abort", () => {
    io.err("Interrupted: taking the network down");
    interrupt();
    // What was just about to start.
    again = setInterval(interrupt, INTERRUPT_MILLIS);
  });
  try {
    return await work(stop);
  } catch (error) {
    if (stop.aborted) return null;
    throw error;
  } finally {
    clearInterval(again);
  }
}

interface Outcome {
  readonly figures: readonly Figures[];
  /** Measurements without a figure. */
  readonly failed: number;
  readonly idleLoads: readonly number[];
}

async function measure(
  groups: readonly Group[],
  peers: ReadonlyMap<PeerName, Peer>,
  asked: readonly PeerName[],
  runs: number,
  io: Io,
  stop: AbortSignal,
): Promise<Outcome> {
  const figures: Figures[] = [];
  const idleLoads: number[] = [];
  let failed = 0;
  let left = expectedSeconds(groups, asked, runs);
  let [planned, took] = [0, 0];
  for (const group of groups) {
    const measured = await runGroup(group, peers, asked, runs, (progress, seconds) => {
      const { plan, peer, run, result } = progress;
      left -= plan.measurement.seconds;
      planned += plan.measurement.seconds;
      took += seconds;
      const time = duration(left * took / planned);
      const head = `  run ${run}/${runs}  ${peer.padEnd(13)}`;
      if (result instanceof Error) {
        failed++;
        io.err(`${head}  failed: ${result.message}`);
      } else {
        if (result.cpu !== undefined) idleLoads.push(result.cpu.idleLoad);
        const said = plan.scenarios.flatMap(({ name, unit }) => {
          const value = result.values[name];
          return value === undefined ? [] : [`${name} ${figure(value)} ${unit}`];
        });
        io.out(`${head}  ${said.join(", ")}  (${time} left)`);
      }
    }, stop);
    const concluded = conclude(measured, asked);
    figures.push(...concluded);
    if (concluded.length > 0) io.out(`\n${renderGroup(concluded, io)}\n`);
  }
  return { figures, failed, idleLoads };
}

function conclude(measured: Measured, asked: readonly PeerName[]): Figures[] {
  const reference = (name: string): Runs => {
    for (const [plan, samples] of measured) {
      if (!plan.scenarios.some((scenario) => scenario.name === name)) continue;
      return (samples.get("labelway") ?? []).map((sample) => sample?.values[name] ?? null);
    }
    return [];
  };
  return [...measured].flatMap(([plan, samples]) =>
    plan.scenarios.flatMap((scenario) =>
      evaluate(scenario, samples, asked, reference(scenario.against ?? "")) ?? []
    )
  );
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
