/** What a command is: declared as a value, from which parsing, help and completion follow. */

import type { Arguments } from "./arguments.ts";
import type { Io } from "./io.ts";

export type { Arguments, Io };

/** Exit codes: a script may tell what it did wrong from what went wrong. */
export const OK = 0;
export const FAILED = 1;
export const USAGE = 2;

/** What a word names: a shell's completion asks for those that there are (`labelway names`). */
export type NameKind = "site" | "policy" | "node" | "link";

export interface Option {
  /**
   * `flag` stands alone; `text` and `number` take a value; `list` may be given several times. An
   * option whose name begins with `no-` is a flag like any other.
   */
  readonly kind: "flag" | "text" | "number" | "list";
  /** What the value stands for in the help: `FILE`. */
  readonly value?: string;
  readonly help: string;
  /** One letter: `o` for `-o`. */
  readonly short?: string;
  /** The accepted values, in place of any. */
  readonly choices?: readonly string[];
  /** For a number: the value it has when it is named without one (`--watch`). */
  readonly bare?: number;
  /** For a number: the smallest accepted. */
  readonly least?: number;
  readonly names?: NameKind;
}

export interface Positional {
  /** As the help writes it: `FILE`. */
  readonly name: string;
  readonly help: string;
  readonly optional?: boolean;
  /** Takes all that remain; the last one only. */
  readonly many?: boolean;
  readonly choices?: readonly string[];
  readonly names?: NameKind;
}

export interface Command {
  readonly name: string;
  /** One line, in the imperative, without a full stop. */
  readonly summary: string;
  /** Paragraphs below the summary in `--help`. */
  readonly details?: string;
  readonly options: Readonly<Record<string, Option>>;
  readonly positional: readonly Positional[];
  /** Words after `--` are taken as they are: {@link Arguments.rest}. */
  readonly rest?: { readonly name: string; readonly help: string };
  /** Command lines without the program's name, and what they do. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  /** Answers the exit code. What it throws is printed as a failure (see {@link Failure}). */
  run(args: Arguments, io: Io): Promise<number>;
}

/** Commands under one word: `labelway lab up`. */
export interface Group {
  readonly name: string;
  readonly summary: string;
  readonly commands: Registry;
}

/** By name, in the order of the help; loaded when named, so that the program starts quickly. */
export type Registry = Readonly<Record<string, () => Promise<Command | Group>>>;

/** What a command throws when it could not do its work: printed without a stack, exit code 1. */
export class Failure extends Error {
  override readonly name = "Failure";
  constructor(readonly lines: readonly string[], options?: ErrorOptions) {
    super(lines.join("\n"), options);
  }
}

/** The command line cannot be understood: printed with a pointer to the help, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

export interface Program {
  readonly name: string;
  readonly version: string;
  readonly summary: string;
  readonly commands: Registry;
}
