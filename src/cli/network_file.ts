/** Reading the operator's file for a command: the network, or everything that is wrong with it. */

import { formatProblem, parseNetwork, type ParseOptions, type ParseResult } from "../config/mod.ts";
import { Failure, type Positional } from "./command.ts";

export const FILE: Positional = { name: "FILE", help: "The network's file, config/minimal.yaml" };

/** The text of the file, as it is. */
export async function readText(file: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(file);
  } catch (error) {
    throw new Failure([`Cannot read ${file}: ${reason(error)}`], { cause: error });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new Failure([`Cannot read ${file}: it is not UTF-8 text`], { cause: error });
  }
}

/** The network in the text; a {@link Failure} with all problems where it is not right. */
export function networkIn(
  text: string,
  file: string,
  options?: ParseOptions,
): Extract<ParseResult, { problems?: undefined }> {
  const result = parseNetwork(text, file, options);
  if (result.problems) {
    const count = result.problems.length === 1 ? "1 problem" : `${result.problems.length} problems`;
    throw new Failure([...result.problems.map(formatProblem), `${count} in ${file}`]);
  }
  return result;
}

function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  return error instanceof Error ? error.message : String(error);
}
