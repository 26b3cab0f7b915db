/** What failed is tried again, first soon, then with doubling pauses. */
const FIRST_RETRY_MILLIS = 1_000;
const LONGEST_RETRY_MILLIS = 15_000;

/** What of the last round failed, and when it is tried again. */
export class Retry {
  #failures: readonly string[] = [];
  #rounds = 0;

  get failures(): readonly string[] {
    return this.#failures;
  }

  /** @returns the pause before the next try, milliseconds; null: nothing failed */
  after(failures: readonly string[]): number | null {
    this.#failures = failures;
    this.#rounds = failures.length > 0 ? this.#rounds + 1 : 0;
    if (failures.length === 0) return null;
    return Math.min(FIRST_RETRY_MILLIS * 2 ** (this.#rounds - 1), LONGEST_RETRY_MILLIS);
  }

  /** No long pause after the next failure. */
  soon(): void {
    this.#rounds = 0;
  }
}
