/** The text of `--help`, made from what the commands declare. */

import type { Command, Group, Option, Positional, Program, Registry } from "./command.ts";

export async function programHelp(program: Program): Promise<string> {
  return [
    program.summary,
    "",
    `Usage: ${program.name} COMMAND …`,
    "",
    "Commands:",
    ...await summaries(program.commands),
    "",
    "Options:",
    ...pairs([["-h, --help", "Say what a command does and accepts"], [
      "-V, --version",
      "Print the version",
    ]]),
    "",
    "Exit codes: 0 done, 1 failed, 2 the command line is wrong.",
  ].join("\n");
}

export async function groupHelp(path: string, group: Group): Promise<string> {
  return [
    `${group.summary}.`,
    "",
    `Usage: ${path} COMMAND …`,
    "",
    "Commands:",
    ...await summaries(group.commands),
  ].join("\n");
}

export function commandHelp(path: string, command: Command): string {
  const program = path.split(" ")[0];
  const lines = [`${command.summary}.`, "", `Usage: ${path}${usage(command)}`];
  if (command.details !== undefined) {
    lines.push("", ...wrap(command.details.replaceAll("\n", " "), WIDTH));
  }
  if (command.positional.length > 0 || command.rest !== undefined) {
    const rows = command.positional.map((p) => [p.name, withChoices(p.help, p.choices)] as const);
    lines.push("", "Arguments:", ...pairs(rows));
    if (command.rest !== undefined) lines.push(...pairs([[command.rest.name, command.rest.help]]));
  }
  lines.push("", "Options:");
  const options = Object.entries(command.options).map(([name, option]) =>
    [optionWords(name, option), withChoices(option.help, option.choices)] as const
  );
  lines.push(...pairs([...options, ["-h, --help", "Print this"]]));
  if (command.examples.length > 0) {
    const examples = command.examples.map(([line, does]) => [`${program} ${line}`, does] as const);
    lines.push("", "Examples:", ...pairs(examples));
  }
  return lines.join("\n");
}

/** ` [options] FILE [SITE]`: what follows the command's name. */
export function usage(command: Command): string {
  const words = command.positional.map((p) => {
    const name = p.many === true ? `${p.name}…` : p.name;
    return p.optional === true ? `[${name}]` : name;
  });
  if (Object.keys(command.options).length > 0) words.unshift("[options]");
  if (command.rest !== undefined) words.push("--", command.rest.name);
  return words.map((word) => ` ${word}`).join("");
}

function optionWords(name: string, option: Option): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  if (option.kind === "flag") return `${short}--${name}`;
  const value = option.value ?? (option.kind === "number" ? "NUMBER" : "VALUE");
  return `${short}--${name} ${option.bare === undefined ? value : `[${value}]`}`;
}

function withChoices(help: string, choices: Positional["choices"]): string {
  return choices === undefined ? help : `${help} (${choices.join(", ")})`;
}

async function summaries(registry: Registry): Promise<string[]> {
  const commands = await Promise.all(
    Object.entries(registry).map(async ([name, load]) => [name, (await load()).summary] as const),
  );
  return pairs(commands);
}

/** Two columns; a left side that is too wide for its column gets a line of its own. */
function pairs(rows: readonly (readonly [left: string, right: string])[]): string[] {
  const width = Math.min(32, Math.max(0, ...rows.map(([left]) => left.length)));
  return rows.flatMap(([left, right]) => {
    const [first = "", ...more] = wrap(right, WIDTH - width - 4);
    const below = more.map((line) => `  ${" ".repeat(width)}  ${line}`);
    return left.length > width
      ? [`  ${left}`, `  ${" ".repeat(width)}  ${first}`, ...below]
      : [`  ${left.padEnd(width)}  ${first}`, ...below];
  });
}

/** Help is made for the narrowest terminal that is common, columns. */
const WIDTH = 80;

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
