import type { Instant } from "../model/quantity.ts";

/**
 * The clock on the wall without its steps back: when it is set back, this one stands still for that
 * moment and then goes on, so that "for 60 s" does not wait until the wall has caught up.
 */
export class SteadyClock {
  #last = -Infinity;
  /** Ahead of the wall by so much. */
  #ahead = 0;

  /** Never below what it answered before. */
  at(wall: Instant): Instant {
    this.#ahead = Math.max(this.#ahead, this.#last - wall);
    if (this.#last === -Infinity) this.#ahead = 0;
    this.#last = wall + this.#ahead;
    return this.#last as Instant;
  }

  /** When the wall will show it, if nobody sets it. */
  wallAt(steady: Instant): Instant {
    return steady - this.#ahead as Instant;
  }
}
