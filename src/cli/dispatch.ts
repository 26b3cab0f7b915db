/** Finds the command that the words name, runs it, and says what went wrong. */

import { parseWords } from "./arguments.ts";
import { closest } from "../config/suggest.ts";
import {
  FAILED,
  Failure,
  type Group,
  type Io,
  OK,
  type Program,
  type Registry,
  USAGE,
  UsageError,
} from "./command.ts";
import { commandHelp, groupHelp, programHelp } from "./help.ts";

/** Runs what the words name and answers the exit code; never throws for what a person did. */
export async function dispatch(
  program: Program,
  words: readonly string[],
  io: Io,
): Promise<number> {
  let path = program.name;
  try {
    let registry = program.commands;
    let group: Group | undefined;
    let rest = words;
    while (true) {
      const [word, ...after] = rest;
      if (word === undefined || word === "--help" || word === "-h" || word === "help") {
        if (word === "help" && after.length > 0) {
          rest = [...after, "--help"];
          continue;
        }
        const text = group === undefined
          ? await programHelp(program)
          : await groupHelp(path, group);
        if (word === undefined) {
          io.err(text);
          return USAGE;
        }
        io.out(text);
        return OK;
      }
      if (group === undefined && (word === "--version" || word === "-V" || word === "version")) {
        io.out(`${program.name} ${program.version}`);
        return OK;
      }
      const load = Object.hasOwn(registry, word) ? registry[word] : undefined;
      if (load === undefined) throw new UsageError([unknownCommand(word, registry)]);
      const found = await load();
      path = `${path} ${word}`;
      if ("commands" in found) {
        group = found;
        registry = found.commands;
        rest = after;
        continue;
      }
      if (asksForHelp(after)) {
        io.out(commandHelp(path, found));
        return OK;
      }
      return await found.run(parseWords(found, after), io);
    }
  } catch (error) {
    return report(error, path, io);
  }
}

function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  return (end < 0 ? words : words.slice(0, end)).some((word) => word === "--help" || word === "-h");
}

function unknownCommand(word: string, registry: Registry): string {
  const kind = word.startsWith("-") ? "option" : "command";
  const names = kind === "option" ? ["--help", "--version"] : Object.keys(registry);
  const guess = closest(word, names);
  return guess === undefined
    ? `There is no ${kind} ${word}; accepted here: ${names.join(", ")}`
    : `There is no ${kind} ${word}; did you mean ${guess}?`;
}

function report(error: unknown, path: string, io: Io): number {
  if (error instanceof UsageError) {
    for (const problem of error.problems) io.err(problem);
    io.err(`\`${path} --help\` says what is accepted.`);
    return USAGE;
  }
  if (error instanceof Failure) {
    for (const line of error.lines) io.err(line);
    return FAILED;
  }
  // The reader of a pipe has gone (`| head`): nothing is left to say, and nobody to hear it.
  if (error instanceof Deno.errors.BrokenPipe) return OK;
  // Errors of other parts carry their own words; a stack is for those that nobody expected.
  if (error instanceof Error) {
    const expected = error.constructor !== Error && !(error instanceof TypeError) &&
      !(error instanceof RangeError) && !(error instanceof ReferenceError);
    io.err(expected ? error.message : `Internal fault: ${error.stack ?? error.message}`);
    return FAILED;
  }
  io.err(`Internal fault: ${String(error)}`);
  return FAILED;
}
