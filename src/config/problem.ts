/** One thing that is wrong in the operator's file, or questionable in the case of a warning. */
export interface Problem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** What is wrong, what is accepted here. */
  readonly message: string;
  /** `key`: a public key is missing or wrong; `labelway keygen` mends it. */
  readonly kind: "syntax" | "schema" | "check" | "key";
}

export function formatProblem(problem: Problem): string {
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.message}`;
}

/** By position; what stands at one position by text, so that the order never varies. */
export function compareProblems(a: Problem, b: Problem): number {
  return comparePositions(a, b) || (a.message < b.message ? -1 : a.message > b.message ? 1 : 0);
}

type Position = Pick<Problem, "line" | "column">;

export function comparePositions(a: Position, b: Position): number {
  return a.line - b.line || a.column - b.column;
}
