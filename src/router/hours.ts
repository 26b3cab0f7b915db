/** Which policies hold at this time of day, and when that changes. Pure: `now` is handed in. */

import type { Network } from "../model/network.ts";
import type { Instant } from "../model/quantity.ts";
import { holdsAt, isTrueClock, nextChange } from "../match/time.ts";

export interface Hours {
  /** When this was so. */
  readonly at: Instant;
  /** Policies whose time it is not. */
  readonly absent: ReadonlySet<string>;
  /** When another look is due; null: no policy asks for a time. */
  readonly next: Instant | null;
  /** For people: what is wrong with the clock. */
  readonly warnings: readonly string[];
}

export function hoursAt({ policies }: Network, now: Instant): Hours {
  const timed = policies.filter((policy) => policy.match.time !== undefined);
  const absent = timed.filter(({ match }) => !holdsAt(match.time!, now));
  const changes = timed.map(({ match }) => nextChange(match.time!, now))
    .filter((change) => change !== null);
  return {
    at: now,
    absent: new Set(absent.map(({ name }) => name)),
    next: changes.length === 0 ? null : Math.min(...changes) as Instant,
    warnings: timed.length === 0 || isTrueClock(now) ? [] : [
      `the clock shows ${new Date(now).toISOString()}, which is before this program was written; ` +
      `policies with a time do not hold until it is set: ${
        timed.map(({ name }) => name).join(", ")
      }`,
    ],
  };
}

/** Nothing can have changed since: the next change is ahead, and the clock was not set back. */
export function isCurrent({ at, next }: Hours, now: Instant): boolean {
  return at <= now && (next === null || now < next);
}

/** A line for each policy that comes or goes. */
export function describeHours(before: Hours, after: Hours): string[] {
  return [
    ...[...before.absent].filter((name) => !after.absent.has(name))
      .map((name) => `policy ${name} holds from now on, by the time of day`),
    ...[...after.absent].filter((name) => !before.absent.has(name))
      .map((name) => `policy ${name} does not hold any more, by the time of day`),
  ];
}
