/** How an answer is shown: as a table, JSON or YAML, once or again and again. */

import type { Arguments, Io, Option } from "./command.ts";
import { Failure, OK, UsageError } from "./command.ts";

/** Options of every command that shows something. */
export const outputOptions = {
  output: {
    kind: "text",
    value: "FORMAT",
    short: "o",
    choices: ["table", "json", "yaml"],
    help: "How to print",
  },
  json: { kind: "flag", help: "The same as -o json" },
} as const satisfies Record<string, Option>;

export const watchOption = {
  watch: {
    kind: "number",
    value: "SECONDS",
    short: "w",
    bare: 2,
    least: 0.1,
    help: "Show it again every so often until Ctrl-C (without a number: 2)",
  },
} as const satisfies Record<string, Option>;

/** Prints a value in the format that was asked for. The table is made only if it is wanted. */
export async function printAs(
  args: Arguments,
  io: Io,
  value: unknown,
  table: () => string,
): Promise<void> {
  io.out(await formatAs(args, value, table));
}

export async function formatAs(
  args: Arguments,
  value: unknown,
  table: () => string,
): Promise<string> {
  const format = formatOf(args);
  if (format === "json") return JSON.stringify(value, null, 2);
  if (format === "yaml") {
    const { stringify } = await import("@std/yaml");
    return stringify(value, { skipInvalid: true, lineWidth: -1, useAnchors: false }).trimEnd();
  }
  return table();
}

function formatOf(args: Arguments): string {
  const named = args.text("output");
  if (!args.flag("json")) return named ?? "table";
  if (named === undefined || named === "json") return "json";
  throw new UsageError([`--json and --output ${named} contradict each other; give one of them`]);
}

/**
 * Shows an answer once or, with `--watch`, repeatedly: redrawn in place on a terminal, printed one
 * after the other in a pipe. A router that is gone for a moment (a restart) does not end a watch.
 */
export async function show<Value>(
  args: Arguments,
  io: Io,
  fetchValue: () => Promise<Value>,
  table: (value: Value) => string,
): Promise<number> {
  // A contradiction is told before anybody is asked.
  formatOf(args);
  const frame = async () => {
    const value = await fetchValue();
    return await formatAs(args, value, () => table(value));
  };
  const seconds = args.number("watch");
  if (seconds === undefined) {
    io.out(await frame());
    return OK;
  }
  const stop = io.interrupted();
  if (io.isTerminal) io.write(ENTER);
  try {
    while (!stop.aborted) {
      const text = await frame().catch((error) => {
        if (error instanceof Failure) return error.lines.join("\n");
        throw error;
      });
      if (io.isTerminal) io.write(redraw(text));
      else io.out(text);
      await pause(seconds * 1000, stop);
    }
  } finally {
    if (io.isTerminal) io.write(LEAVE);
  }
  return OK;
}

/** The other screen, without a cursor: the scroll-back of the terminal stays as it was. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

/** Home, each line with the rest of its row erased, then all below: no flicker. */
function redraw(text: string): string {
  const lines = text.split("\n").map((line) => `${line}\x1b[K\r\n`);
  return `\x1b[H${lines.join("")}\x1b[J`;
}

function pause(millis: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, millis);
    stop.addEventListener("abort", end);
  });
}
