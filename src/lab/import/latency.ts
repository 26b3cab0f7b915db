/** A matrix of measured round trips: a row a machine, in seconds, 0 for itself and what is missing. */

import { LabError } from "../error.ts";

/** `[from][to]` in µs; null: not known. */
export type LatencyMatrix = readonly (readonly (number | null)[])[];

/** Blanks or commas between values. Throws {@link LabError} with every problem. */
export function parseLatencyMatrix(text: string, file: string): LatencyMatrix {
  const rows = text.split("\n").map((line, index) => ({ line: index + 1, text: line.trim() }))
    .filter(({ text }) => text !== "" && !text.startsWith("#"));
  const problems: string[] = [];
  if (rows.length === 0) problems.push(`${file}: it is empty; accepted is a row for each machine`);
  const matrix = rows.map(({ line, text }) => {
    const words = text.split(/[\s,]+/);
    if (words.length !== rows.length) {
      problems.push(
        `${file}:${line}: ${words.length} values; accepted are ${rows.length}, as many as rows`,
      );
    }
    return words.map((word, column) => {
      const seconds = Number(word);
      if (Number.isFinite(seconds) && seconds >= 0) {
        return seconds === 0 ? null : Math.round(seconds * 1e6);
      }
      problems.push(
        `${file}:${line}: value ${column + 1} is ${word}; accepted are seconds, e.g. 0.12`,
      );
      return null;
    });
  });
  if (problems.length > 0) throw new LabError(problems);
  return matrix;
}
