/** Words → checked arguments of one command; every problem is found, not the first alone. */

import { parseArgs } from "@std/cli";
import { closest } from "../config/suggest.ts";
import { type Command, type Option, type Positional, UsageError } from "./command.ts";

/** What a command was given, read by name. A name that the command does not declare is a fault. */
export class Arguments {
  constructor(
    private readonly command: Command,
    private readonly values: ReadonlyMap<string, string | number | boolean | readonly string[]>,
    readonly positional: readonly string[],
    /** The words after `--`. */
    readonly rest: readonly string[] = [],
  ) {}

  flag(name: string): boolean {
    return this.value(name, "flag") === true;
  }

  text(name: string): string | undefined {
    return this.value(name, "text") as string | undefined;
  }

  number(name: string): number | undefined {
    return this.value(name, "number") as number | undefined;
  }

  list(name: string): readonly string[] {
    return (this.value(name, "list") ?? []) as readonly string[];
  }

  private value(name: string, kind: Option["kind"]) {
    const option = this.command.options[name];
    if (option?.kind !== kind) {
      throw new TypeError(
        `Command ${this.command.name} declares no option ${name} of kind ${kind}`,
      );
    }
    return this.values.get(name);
  }
}

export function parseWords(command: Command, words: readonly string[]): Arguments {
  const options = Object.entries(command.options);
  const problems: string[] = [];
  const named = (kinds: readonly Option["kind"][]) =>
    options.filter(([, option]) => kinds.includes(option.kind)).map(([name]) => name);
  const parsed = parseArgs(nameBareValues(command, words), {
    "--": true,
    string: ["_", ...named(["text", "number", "list"])],
    boolean: named(["flag"]),
    // Everything with a value is collected, so that giving one twice is seen.
    collect: named(["text", "number", "list"]),
    alias: Object.fromEntries(
      options.flatMap(([name, { short }]) => short === undefined ? [] : [[name, short]]),
    ),
    unknown: (word, key) => {
      if (key === undefined) return true;
      problems.push(unknownOption(command, word));
      return false;
    },
  });
  const values = new Map<string, string | number | boolean | readonly string[]>();
  for (const [name, option] of options) {
    const given = parsed[name];
    if (option.kind === "flag") {
      if (given === true) values.set(name, true);
      continue;
    }
    const texts = (given ?? []) as readonly string[];
    if (texts.length === 0) continue;
    const wrong = texts.map((text) => checkValue(name, option, text)).filter((p) =>
      p !== undefined
    );
    if (texts.length > 1 && option.kind !== "list") {
      wrong.push(`Option --${name} is given ${texts.length} times; once is accepted`);
    }
    problems.push(...wrong);
    if (wrong.length > 0) continue;
    const first = texts[0] ?? "";
    values.set(
      name,
      option.kind === "list" ? texts : option.kind === "number" ? Number(first) : first,
    );
  }
  const positional = parsed._.map(String);
  const rest = parsed["--"] ?? [];
  problems.push(...checkPositional(command.positional, positional));
  if (rest.length > 0 && command.rest === undefined) {
    problems.push(`Nothing is accepted after --, given: ${rest.join(" ")}`);
  }
  if (problems.length > 0) throw new UsageError(problems);
  return new Arguments(command, values, positional, rest);
}

/** `--watch` alone becomes `--watch=2`, so that the word after it is not taken for its value. */
function nameBareValues(command: Command, words: readonly string[]): string[] {
  const end = words.includes("--") ? words.indexOf("--") : words.length;
  const named: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    const option = index >= end
      ? undefined
      : Object.entries(command.options).find(([name, { bare, short }]) =>
        bare !== undefined && (word === `--${name}` || word === `-${short}`)
      );
    const next = index + 1 < end ? words[index + 1] ?? "" : "";
    // One below zero is meant as the value, too, and is then refused as such.
    const value = /^-?\d+(\.\d+)?$/.test(next) ? next : undefined;
    if (option === undefined) named.push(word);
    else named.push(`--${option[0]}=${value ?? option[1].bare}`);
    if (option !== undefined && value !== undefined) index++;
  }
  return named;
}

function checkValue(name: string, option: Option, text: string): string | undefined {
  if (text === "") {
    const accepted = option.choices === undefined ? "" : `, one of ${option.choices.join(", ")}`;
    return `Option --${name} needs a value: --${name} ${option.value ?? "VALUE"}${accepted}`;
  }
  if (option.kind === "number") {
    const least = option.least ?? 0;
    if (!isNumber(text) || Number(text) < least) {
      return `Option --${name} is ${text}; accepted is a number of at least ${least}`;
    }
  }
  if (option.choices !== undefined && !option.choices.includes(text)) {
    return `Option --${name} is ${text}; accepted is one of ${option.choices.join(", ")}` +
      suggestion(text, option.choices);
  }
}

function checkPositional(wanted: readonly Positional[], given: readonly string[]): string[] {
  const problems: string[] = [];
  const many = wanted.at(-1)?.many === true;
  if (given.length > wanted.length && !many) {
    const extra = given.slice(wanted.length).join(" ");
    const names = wanted.map(({ name }) => name).join(" ");
    problems.push(
      wanted.length === 0
        ? `No argument is accepted here, given: ${extra}`
        : `Too many arguments: ${extra}; accepted is ${names}`,
    );
  }
  wanted.forEach((position, index) => {
    const texts = position.many === true ? given.slice(index) : given.slice(index, index + 1);
    if (texts.length === 0 && position.optional !== true) {
      problems.push(`${position.name} is missing: ${position.help}`);
    }
    for (const text of texts) {
      if (text === "") problems.push(`${position.name} is empty: ${position.help}`);
      if (position.choices === undefined || position.choices.includes(text)) continue;
      problems.push(
        `${position.name} is ${text}; accepted is one of ${position.choices.join(", ")}` +
          suggestion(text, position.choices),
      );
    }
  });
  return problems;
}

function unknownOption(command: Command, word: string): string {
  const given = word.split("=")[0] ?? word;
  const names = [...Object.keys(command.options), "help"].map((name) => `--${name}`);
  const guess = closest(given, names);
  return guess === undefined
    ? `There is no option ${given}; accepted here: ${names.join(", ")}`
    : `There is no option ${given}; did you mean ${guess}?`;
}

function suggestion(text: string, choices: readonly string[]): string {
  const guess = closest(text, choices);
  return guess === undefined ? "" : `; did you mean ${guess}?`;
}

function isNumber(text: string): boolean {
  return /^\d+(\.\d+)?$/.test(text);
}
