/** Single values of policies, classes and applications: text → value, or what is accepted. */

import { DAY_NAMES } from "../match/time.ts";
import type { Place } from "../model/network.ts";
import { isName, parsePrefix, Unaccepted } from "./scalar.ts";

/** `150ms` → microseconds, whole: of paths, so from a microsecond to ten seconds. */
export function parseLatency(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?(us|µs|ms|s)$/.exec(text) ?? [];
  const micros = Math.round(Number(number) * (unit === "s" ? 1e6 : unit === "ms" ? 1e3 : 1));
  if (!(micros >= 1 && micros <= 10e6)) {
    throw new Unaccepted("a time with its unit (us, ms, s), from 1us to 10s, e.g. 150ms");
  }
  return micros;
}

/** `1%` → 0.01; `most` in per cent. */
export function parseShare(text: string, most: number): number {
  const [, number] = /^(\d+(?:\.\d+)?) ?%$/.exec(text) ?? [];
  const percent = Number(number);
  if (!(percent >= 0 && percent <= most)) {
    throw new Unaccepted(`a share in per cent with its sign, from 0% to ${most}%, e.g. 1% or 0.5%`);
  }
  return percent / 100;
}

const SPAN_MILLIS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };

/** `90s` → milliseconds, whole; the limits in milliseconds, and as a person reads them. */
export function parseSpan(
  text: string,
  least: readonly [millis: number, text: string],
  most: readonly [millis: number, text: string],
): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?(ms|s|min|h)$/.exec(text) ?? [];
  const millis = Number(number) * (SPAN_MILLIS[unit ?? ""] ?? NaN);
  if (!(Number.isInteger(millis) && millis >= least[0] && millis <= most[0])) {
    throw new Unaccepted(
      `a time with its unit (ms, s, min, h), from ${least[1]} to ${most[1]}, e.g. 10s`,
    );
  }
  return millis;
}

/** A prefix or the name of a site, which has none of a prefix's signs. */
export function parsePlace(text: string): Place {
  if (isName(text)) return { site: text };
  try {
    return { prefix: parsePrefix(text) };
  } catch (error) {
    if (!(error instanceof Unaccepted) || /[./:]/.test(text)) throw error;
    throw new Unaccepted("a prefix, e.g. 10.1.0.0/24, or the name of a site");
  }
}

/** `mon-fri` → 1, 2, 3, 4, 5; `sat-mon` goes over the end of the week. */
export function parseDays(text: string): number[] {
  const [first, last] = text.toLowerCase().split("-").map((word) =>
    (DAY_NAMES as readonly string[]).indexOf(word.trim())
  );
  const ends = text.split("-").length;
  if (first === undefined || ends > 2 || first < 0 || (last !== undefined && last < 0)) {
    throw new Unaccepted(`a day or a range of days: ${DAY_NAMES.join(", ")}, mon-fri`);
  }
  const count = ((last ?? first) - first + 7) % 7 + 1;
  return Array.from({ length: count }, (_, index) => (first + index) % 7 + 1);
}

/** `08:00-18:00` → minutes of the day; `22:00-06:00` goes past midnight. */
export function parseHours(text: string): [start: number, end: number] {
  const [, h, m, toH, toM] = /^(\d{1,2}):(\d\d) ?- ?(\d{1,2}):(\d\d)$/.exec(text) ?? [];
  const [start, end] = [minutes(h, m), minutes(toH, toM)];
  if (start === undefined || end === undefined || start === 1440 || start === end) {
    throw new Unaccepted(
      "hours as HH:MM-HH:MM, from 00:00 to 24:00, e.g. 08:00-18:00, or 22:00-06:00 past midnight",
    );
  }
  return [start, end];
}

function minutes(hour: string | undefined, minute: string | undefined): number | undefined {
  const value = Number(hour) * 60 + Number(minute);
  return Number(minute) < 60 && value <= 1440 ? value : undefined;
}

export function parseZone(text: string): string {
  const accepted = "a time zone by its IANA name, e.g. Europe/Lisbon, America/Sao_Paulo or UTC";
  // An offset would be no time zone: it knows no daylight saving time.
  if (!/^[A-Za-z]/.test(text)) throw new Unaccepted(accepted);
  try {
    return new Intl.DateTimeFormat("en", { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    throw new Unaccepted(accepted);
  }
}
