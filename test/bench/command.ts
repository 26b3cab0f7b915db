/** `deno task bench` as a command: its options, and what follows from them. */

import type { Arguments, Command, Io } from "../../src/cli/command.ts";
import { FAILED, OK, UsageError } from "../../src/cli/command.ts";
import { renderTable } from "../../src/cli/table.ts";
import { closest } from "../../src/config/suggest.ts";
import { status } from "../../deploy/dev/run.ts";
import { toJson } from "./json.ts";
import { preparePeer, SETUP } from "./peers/mod.ts";
import { type Peer, PEER_NAMES, type PeerName } from "./peers/peer.ts";
import { figure, renderFigures } from "./report.ts";
import { evaluate, type Figures } from "./results.ts";
import { expectedSeconds, type Measured, runGroup } from "./run.ts";
import { type Group, groupsFor, SCENARIOS } from "./scenarios.ts";
import { lower, sweep } from "./stage.ts";

const DEFAULT_RUNS = 5;
const INTERRUPTED = 130;

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
  const groups = groupsFor(names);
  const peers = await prepare(asked, groups);
  io.interrupted().addEventListener("abort", () => void leave(io));
  await sweep();
  const { figures, failed } = await measure(groups, peers, asked, runs, io);
  const what = new Map([...peers.values()].map((peer) => [peer.name as string, peer.what]));
  for (const [name, text] of what) io.out(`${name}: ${text}`);
  const json = args.text("json");
  if (json !== undefined) {
    const text = JSON.stringify(figures.map((each) => toJson(each, what)), null, 2);
    await Deno.writeTextFile(json, `${text}\n`);
  }
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

async function measure(
  groups: readonly Group[],
  peers: ReadonlyMap<PeerName, Peer>,
  asked: readonly PeerName[],
  runs: number,
  io: Io,
): Promise<{ figures: Figures[]; failed: number }> {
  const figures: Figures[] = [];
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
        const said = plan.scenarios.flatMap(({ name, unit }) => {
          const value = result.values[name];
          return value === undefined ? [] : [`${name} ${figure(value)} ${unit}`];
        });
        io.out(`${head}  ${said.join(", ")}  (${time} left)`);
      }
    });
    for (const each of conclude(measured, asked)) {
      figures.push(each);
      io.out(`\n${renderFigures(each, io)}\n`);
    }
  }
  return { figures, failed };
}

function conclude(measured: Measured, asked: readonly PeerName[]): Figures[] {
  return [...measured].flatMap(([plan, samples]) =>
    plan.scenarios.flatMap((scenario) => evaluate(scenario, samples, asked) ?? [])
  );
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  return `${Math.round(seconds / 60)} min`;
}

/** On Ctrl-C: what is measured is of no use any more, but nothing may stay behind. */
async function leave(io: Io): Promise<never> {
  io.err("Interrupted: taking the networks down");
  await lower();
  Deno.exit(INTERRUPTED);
}
