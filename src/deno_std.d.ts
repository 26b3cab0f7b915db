/** The functions that we use of npm's `deno-std`, which carries no types: see `deno.json`. */

declare module "@std/cli" {
  export interface ParseOptions {
    readonly "--"?: boolean;
    readonly alias?: Readonly<Record<string, string | readonly string[]>>;
    readonly boolean?: readonly string[];
    readonly string?: readonly string[];
    readonly collect?: readonly string[];
    readonly negatable?: readonly string[];
    readonly default?: Readonly<Record<string, unknown>>;
    readonly stopEarly?: boolean;
    /** False from it leaves the argument out of the result. */
    readonly unknown?: (argument: string, key?: string, value?: unknown) => unknown;
  }
  export interface ParsedArgs {
    readonly _: (string | number)[];
    readonly "--"?: string[];
    readonly [option: string]: unknown;
  }
  export function parseArgs(args: readonly string[], options?: ParseOptions): ParsedArgs;
}

declare module "@std/yaml" {
  export interface ParseYamlOptions {
    readonly schema?: "core" | "default" | "failsafe" | "json" | "extended";
    readonly allowDuplicateKeys?: boolean;
    readonly onWarning?: (error: Error) => void;
  }
  export interface StringifyYamlOptions {
    readonly indent?: number;
    readonly arrayIndent?: boolean;
    readonly skipInvalid?: boolean;
    readonly flowLevel?: number;
    readonly styles?: Readonly<Record<string, string>>;
    readonly schema?: "core" | "default" | "failsafe" | "json" | "extended";
    readonly sortKeys?: boolean | ((a: string, b: string) => number);
    readonly lineWidth?: number;
    readonly useAnchors?: boolean;
    readonly compatMode?: boolean;
    readonly condenseFlow?: boolean;
    readonly quoteStyle?: "'" | '"';
  }
  export function parse(text: string, options?: ParseYamlOptions): unknown;
  export function stringify(value: unknown, options?: StringifyYamlOptions): string;
}
