/** `deno task lab:faults` as a command. */

import {
  type Arguments,
  type Command,
  FAILED,
  type Io,
  OK,
  UsageError,
} from "../../src/cli/command.ts";
import { renderTable } from "../../src/cli/table.ts";
import { countOf } from "../../src/model/quantity.ts";
import { pause } from "../../src/lab/process.ts";
import { checkWritable, chosen } from "../bench/command.ts";
import { percentile } from "./outcome.ts";
import { atRest, once, type Repeat, REST_MILLIS } from "./run.ts";
import { parseScenario, type Reach, type Scenario } from "./scenario.ts";
import { raise, type Stage, strike } from "./stage.ts";

const FOLDER = new URL("../../config/lab/faults/", import.meta.url);
const DEFAULT_REPEATS = 20;

/** One fault's figures; null: it was not over in time in that share of the repeats. */
export interface Figures {
  readonly fault: string;
  readonly repeats: number;
  readonly p50Millis: number | null;
  readonly p99Millis: number | null;
  readonly lostMedian: number;
  readonly lostMax: number;
  readonly lateMax: number;
  readonly movesMax: number;
  /** Lost and not counted by those who had to drop it, at most; null: nobody had to. */
  readonly unaccountedMax: number | null;
  /** With the label that the fault's file names, at least; null: it names none. */
  readonly passedMin: number | null;
  readonly reach: Reach;
  /** From which path to which, of the last repeat. */
  readonly moved: string;
  readonly recoverMillis: readonly (number | null)[];
}

export const faults: Command = {
  name: "lab:faults",
  summary: "Break a running lab in every way that there is, and count what it costs",
  details: "Traffic of 1,000 packets a second, counted at the receiver. Needs root.",
  options: {
    only: { kind: "list", value: "FAULT,…", help: "These faults and no others" },
    repeats: {
      kind: "number",
      help: `Of each; default ${DEFAULT_REPEATS}, or as its file says`,
      least: 1,
    },
    json: { kind: "text", value: "FILE", help: "Write the figures as JSON" },
    list: { kind: "flag", help: "Say which faults there are" },
  },
  positional: [],
  examples: [["task lab:faults --only blackhole --repeats 5", "one fault, five times"]],
  run,
};

/** Every fault that has a file, by name. */
export async function readScenarios(): Promise<Scenario[]> {
  const all = [...Deno.readDirSync(FOLDER)].map(({ name }) => name);
  // Labs lie there, too, each beside its network.
  const labs = all.flatMap((name) => /^(.+)\.network\.yaml$/.exec(name)?.slice(1) ?? []);
  const files = all.filter((name) => /^[^.]+\.yaml$/.test(name))
    .filter((name) => !labs.includes(name.replace(".yaml", ""))).sort();
  return await Promise.all(files.map(async (name) => {
    const file = new URL(name, FOLDER).pathname;
    return parseScenario(await Deno.readTextFile(file), file);
  }));
}

async function run(args: Arguments, io: Io): Promise<number> {
  const all = await readScenarios();
  if (args.flag("list")) {
    const rows = all.map(({ fault, what, reach }) => [fault, promised(reach), what]);
    io.out(renderTable(
      [{ title: "FAULT" }, { title: "REACH", right: true }, {
        title: "WHAT",
      }],
      rows,
      io,
    ));
    return OK;
  }
  const names = chosen("fault", args.list("only"), all.map(({ fault }) => fault));
  const scenarios = all.filter(({ fault }) => names.includes(fault));
  const repeats = args.number("repeats");
  if (repeats !== undefined && !Number.isInteger(repeats)) {
    throw new UsageError([`Option --repeats is ${repeats}; accepted is a whole number`]);
  }
  const json = args.text("json");
  // Found out before an hour of repeats, not after it.
  if (json !== undefined) await checkWritable([json]);
  const stop = io.interrupted();
  const figures: Figures[] = [];
  for (const same of Map.groupBy(scenarios, networkOf).values()) {
    const stage = await raise(same[0]!.lab, same[0]!.settings, stop);
    try {
      await pause(REST_MILLIS);
      for (const scenario of same) {
        const times = repeats ?? scenario.repeats ?? DEFAULT_REPEATS;
        const figure = await repeat(stage, scenario, times, io, stop);
        if (figure !== null) figures.push(figure);
      }
    } finally {
      await strike(stage);
    }
  }
  io.out(`\n${render(figures, io)}`);
  if (json !== undefined) await Deno.writeTextFile(json, `${JSON.stringify(figures, null, 2)}\n`);
  return figures.every(isReached) ? OK : FAILED;
}

/** Faults of one network share a lab. */
function networkOf({ lab, settings }: Scenario): string {
  return `${lab} ${JSON.stringify(settings)}`;
}

async function repeat(
  stage: Stage,
  scenario: Scenario,
  repeats: number,
  io: Io,
  stop: AbortSignal,
): Promise<Figures | null> {
  const done: Repeat[] = [];
  const before = await atRest(stage, scenario);
  for (let number = 1; number <= repeats && !stop.aborted; number++) {
    const name = `  ${scenario.fault} ${number}/${repeats}`;
    const outcome = await once(
      stage,
      scenario,
      before,
      (progress) => io.out(`${name}: ${progress}`),
    );
    done.push(outcome);
    const early = outcome.lostBefore > 0 ? `; ${outcome.lostBefore} lost before the fault` : "";
    const dropped = outcome.dropped === null ? "" : `, ${outcome.dropped} dropped and counted`;
    const passed = outcome.passed === null
      ? ""
      : `, ${outcome.passed} by ${scenario.passed!.label}`;
    const late = outcome.late > 0 ? `, ${outcome.late} late` : "";
    io.out(
      `${name}: ${
        millis(outcome.recoverMillis)
      }, ${outcome.lost} lost${late}${dropped}${passed}, ` +
        `${countOf(outcome.moves, "move")}${early}`,
    );
  }
  return done.length === 0 ? null : figuresOf(scenario, done);
}

export function figuresOf(scenario: Scenario, repeats: readonly Repeat[]): Figures {
  const { fault, reach } = scenario;
  const times = repeats.map(({ recoverMillis }) => recoverMillis ?? Infinity);
  const share = (part: number) => {
    const value = percentile(times, part);
    return value === null || value === Infinity ? null : Math.round(value * 10) / 10;
  };
  const lost = repeats.map((repeat) => repeat.lost);
  const { from, to } = repeats.at(-1)!.moved;
  return {
    fault,
    repeats: repeats.length,
    p50Millis: share(0.5),
    p99Millis: share(0.99),
    lostMedian: percentile(lost, 0.5)!,
    lostMax: Math.max(...lost),
    lateMax: Math.max(...repeats.map((repeat) => repeat.late)),
    movesMax: Math.max(...repeats.map((repeat) => repeat.moves)),
    unaccountedMax: scenario.dropped === null
      ? null
      : Math.max(...repeats.map(({ lost, dropped }) => Math.max(0, lost - (dropped ?? 0)))),
    passedMin: scenario.passed === null
      ? null
      : Math.min(...repeats.map(({ passed }) => passed ?? 0)),
    reach,
    moved: from.length + to.length === 0 ? "nothing" : `${from.join("; ")} → ${to.join("; ")}`,
    recoverMillis: repeats.map((repeat) => repeat.recoverMillis),
  };
}

export function isReached(
  { p99Millis, movesMax, unaccountedMax, passedMin, reach }: Figures,
): boolean {
  if ((unaccountedMax ?? 0) > 0) return false;
  if (reach.passed !== null && (passedMin ?? 0) < reach.passed) return false;
  const inTime = reach.millis === null || (p99Millis !== null && p99Millis <= reach.millis);
  return inTime && (reach.moves === null || movesMax <= reach.moves);
}

function render(figures: readonly Figures[], io: Io): string {
  return renderTable(
    [
      { title: "FAULT" },
      { title: "REPEATS", right: true },
      { title: "P50", right: true },
      { title: "P99", right: true },
      { title: "REACH", right: true },
      { title: "LOST", right: true },
      { title: "AT MOST", right: true },
      { title: "MOVES", right: true },
      { title: "MOVED", shrinks: true },
    ],
    figures.map((one) => [
      one.fault,
      String(one.repeats),
      millis(one.p50Millis),
      { text: millis(one.p99Millis), tone: isReached(one) ? "good" : "bad" },
      promised(one.reach),
      String(one.lostMedian),
      String(one.lostMax),
      String(one.movesMax),
      one.moved,
    ]),
    io,
  );
}

function millis(value: number | null): string {
  return value === null ? "not over" : `${value.toFixed(value < 100 ? 1 : 0)} ms`;
}

function promised({ millis, moves, passed }: Reach): string {
  const parts = [
    ...(millis === null ? [] : [`≤ ${millis} ms`]),
    ...(moves === null ? [] : [`≤ ${countOf(moves, "move")}`]),
    ...(passed === null ? [] : [`≥ ${passed} round`]),
  ];
  return parts.join(", ");
}
