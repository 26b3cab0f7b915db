import type { Instant } from "../model/quantity.ts";

/**
 * What is done every so often is due when its time has come, or when it lies further ahead than it
 * was ever put: then the clock was set back, and nothing would happen until it has caught up.
 */
export function isDue(time: number | null, everyMillis: number, now: Instant): boolean {
  return time !== null && (now >= time || time - now > everyMillis);
}

export function earliest(times: readonly (number | null)[]): Instant | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known) as Instant;
}

/** Something that is done every so often, once it was begun. */
export class Every {
  readonly #millis: number;
  #next: number | null = null;

  constructor(millis: number) {
    this.#millis = millis;
  }

  /** null: it was not begun. */
  get next(): number | null {
    return this.#next;
  }

  begin(now: Instant): void {
    this.#next = now + this.#millis;
  }

  /** @returns whether its time has come; then the next is so long from now */
  take(now: Instant): boolean {
    if (!isDue(this.#next, this.#millis, now)) return false;
    this.begin(now);
    return true;
  }
}
