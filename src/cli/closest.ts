import { closestString } from "deno-std/text/closest_string.js";
import { levenshteinDistance } from "deno-std/text/levenshtein_distance.js";

/** The word that was probably meant; undefined where none is near enough to be worth a guess. */
export function closest(given: string, possible: readonly string[]): string | undefined {
  if (possible.length === 0) return undefined;
  const word = closestString(given, possible);
  const near = levenshteinDistance(given.toLowerCase(), word.toLowerCase()) <=
    Math.max(1, Math.floor(Math.max(given.length, word.length) / 3));
  return near || (given.length > 1 && word.startsWith(given)) ? word : undefined;
}
