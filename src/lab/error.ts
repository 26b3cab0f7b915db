/** What stops the lab: each line says what, where, and what would be accepted. */
export class LabError extends Error {
  override readonly name = "LabError";

  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}
