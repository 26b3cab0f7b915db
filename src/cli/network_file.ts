/** The operator's file for a command: the network in it, or everything that is wrong with it. */

import { formatProblem, parseNetwork, type ParseOptions, type ParseResult } from "../config/mod.ts";
import { countOf } from "../model/quantity.ts";
import { Failure, type Positional } from "./command.ts";

export const FILE: Positional = { name: "FILE", help: "The network's file, config/minimal.yaml" };

/** The network in the text; a {@link Failure} with all problems where it is not right. */
export function networkIn(
  text: string,
  file: string,
  options?: ParseOptions,
): Extract<ParseResult, { problems?: undefined }> {
  const result = parseNetwork(text, file, options);
  if (result.problems) {
    const count = countOf(result.problems.length, "problem");
    throw new Failure([...result.problems.map(formatProblem), `${count} in ${file}`]);
  }
  return result;
}
