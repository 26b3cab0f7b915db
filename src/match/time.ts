/** Hours of the day in a time zone, changes of daylight saving time included. */

import type { TimeWindow } from "../model/network.ts";
import type { Instant } from "../model/quantity.ts";

/**
 * No true clock shows a time before this program was written. A gateway without a battery for its
 * clock begins in 1970 or where it stopped, until it has reached a time server.
 */
export const EARLIEST_TRUE = Date.UTC(2026, 0, 1) as Instant;

/**
 * Days that are looked at for the next change: a week and the day before it show every pattern of
 * weekdays, and a zone that crosses the date line can leave out one day (Samoa, December 2011).
 */
const DAYS_AHEAD = 16;
const DAY_MINUTES = 24 * 60;

export function isTrueClock(now: Instant): boolean {
  return now >= EARLIEST_TRUE;
}

/**
 * By what a clock on the wall shows: an hour that comes twice counts twice, one that is left out
 * does not come. False while the clock cannot be right.
 */
export function holdsAt(window: TimeWindow, now: Instant): boolean {
  if (!isTrueClock(now)) return false;
  const wall = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(window.zone);
  const minute = wall.hour * 60 + wall.minute;
  const today = window.days.includes(wall.dayOfWeek);
  const yesterday = window.days.includes(wall.toPlainDate().subtract({ days: 1 }).dayOfWeek);
  return window.hours.some(([start, end]) =>
    start < end
      ? today && start <= minute && minute < end
      : today && start <= minute || yesterday && minute < end
  );
}

/** When `holdsAt` will next say something else; null: not within the days that are looked at. */
export function nextChange(window: TimeWindow, now: Instant): Instant | null {
  if (!isTrueClock(now)) {
    return holdsAt(window, EARLIEST_TRUE) ? EARLIEST_TRUE : nextChange(window, EARLIEST_TRUE);
  }
  const holds = holdsAt(window, now);
  return turns(window, now).find((instant) => holdsAt(window, instant) !== holds) ?? null;
}

/** Every instant after now at which the answer may change, ascending. */
function turns(window: TimeWindow, now: Instant): Instant[] {
  const wall = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(window.zone);
  const found = new Set<number>();
  for (let day = -1; day < DAYS_AHEAD; day++) {
    const date = wall.toPlainDate().add({ days: day });
    for (const minute of window.hours.flat()) {
      const time = { hour: Math.floor(minute % DAY_MINUTES / 60), minute: minute % 60 };
      const plain = (minute === DAY_MINUTES ? date.add({ days: 1 }) : date).toPlainDateTime(time);
      // The same hour twice, when clocks are put back.
      for (const disambiguation of ["earlier", "later"] as const) {
        found.add(plain.toZonedDateTime(window.zone, { disambiguation }).epochMilliseconds);
      }
    }
  }
  const last = wall.add({ days: DAYS_AHEAD }).epochMilliseconds;
  // When clocks are put forward or back, the hour on the wall jumps without passing what lies between.
  let transition = wall.getTimeZoneTransition("next");
  while (transition && transition.epochMilliseconds <= last) {
    found.add(transition.epochMilliseconds);
    transition = transition.getTimeZoneTransition("next");
  }
  return [...found].filter((instant) => instant > now).sort((a, b) => a - b) as Instant[];
}

/** `mon, tue; 08:00-18:00 in Europe/Lisbon` */
export function formatWindow({ zone, days, hours }: TimeWindow): string {
  const named = days.length === 7 ? [] : [runs(days).map(formatRun).join(", ")];
  const whole = hours.length === 1 && hours[0]![0] === 0 && hours[0]![1] === DAY_MINUTES;
  const times = whole
    ? []
    : [hours.map(([start, end]) => `${clock(start)}-${clock(end)}`).join(", ")];
  return `${[...named, ...times].join(" ") || "always"} in ${zone}`;
}

export const DAY_NAMES = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

function formatRun(run: readonly number[]): string {
  const [first, last] = [run[0]!, run.at(-1)!].map((day) => DAY_NAMES[day - 1]!);
  return run.length === 1 ? first! : run.length === 2 ? `${first}, ${last}` : `${first}-${last}`;
}

function runs(days: readonly number[]): number[][] {
  const result: number[][] = [];
  for (const day of days) {
    if (result.at(-1)?.at(-1) === day - 1) result.at(-1)!.push(day);
    else result.push([day]);
  }
  return result;
}

function clock(minutes: number): string {
  const text = (value: number) => String(value).padStart(2, "0");
  return `${text(Math.floor(minutes / 60))}:${text(minutes % 60)}`;
}
