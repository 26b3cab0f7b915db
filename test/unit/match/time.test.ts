import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EARLIEST_TRUE, formatWindow, holdsAt, nextChange } from "../../../src/match/time.ts";
import type { TimeWindow } from "../../../src/model/network.ts";
import type { Instant } from "../../../src/model/quantity.ts";

const MINUTE = 60_000;
const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7];
const at = (text: string) => Date.parse(text) as Instant;
const lisbon = (hours: [number, number][], days = EVERY_DAY): TimeWindow => ({
  zone: "Europe/Lisbon",
  days,
  hours,
});

describe("hours on the wall", () => {
  const office = lisbon([[8 * 60, 18 * 60]], [1, 2, 3, 4, 5]);

  test.each([
    // 2026-06-01 is a Monday; Lisbon is an hour ahead of UTC in summer.
    ["2026-06-01T06:59:59.999Z", false],
    ["2026-06-01T07:00:00Z", true],
    ["2026-06-01T16:59:59Z", true],
    ["2026-06-01T17:00:00Z", false],
    // Winter: UTC.
    ["2026-12-01T07:30:00Z", false],
    ["2026-12-01T08:00:00Z", true],
    // Saturday.
    ["2026-06-06T10:00:00Z", false],
  ])("%s: %s", (instant, holds) => expect(holdsAt(office, at(instant))).toBe(holds));

  test("past midnight they belong to the day on which they begin", () => {
    const friday = lisbon([[22 * 60, 6 * 60]], [5]);
    expect(holdsAt(friday, at("2026-12-04T21:59:00Z"))).toBe(false);
    expect(holdsAt(friday, at("2026-12-04T22:00:00Z"))).toBe(true);
    expect(holdsAt(friday, at("2026-12-05T05:59:00Z"))).toBe(true);
    expect(holdsAt(friday, at("2026-12-05T06:00:00Z"))).toBe(false);
    expect(holdsAt(friday, at("2026-12-04T05:00:00Z"))).toBe(false);
  });

  test("the hour that is left out in spring does not come; what it cuts is cut", () => {
    // 2026-03-29, 01:00 UTC: from 01:00 to 02:00 in Lisbon.
    const inside = lisbon([[60 + 15, 60 + 45]]);
    const before = at("2026-03-28T02:00:00Z");
    expect(nextChange(inside, before)).toBe(at("2026-03-30T00:15:00Z"));
    const over = lisbon([[60 + 30, 2 * 60 + 30]]);
    expect(nextChange(over, at("2026-03-28T03:00:00Z"))).toBe(at("2026-03-29T01:00:00Z"));
    expect(nextChange(over, at("2026-03-29T01:00:00Z"))).toBe(at("2026-03-29T01:30:00Z"));
  });

  test("the hour that comes twice in autumn counts twice", () => {
    // 2026-10-25, 01:00 UTC: from 02:00 back to 01:00 in Lisbon.
    const late = lisbon([[60 + 30, 2 * 60]]);
    const turns: string[] = [];
    let now = at("2026-10-24T12:00:00Z");
    for (let count = 0; count < 4; count++) {
      now = nextChange(late, now)!;
      turns.push(new Date(now).toISOString());
    }
    expect(turns).toEqual([
      "2026-10-25T00:30:00.000Z",
      "2026-10-25T01:00:00.000Z",
      "2026-10-25T01:30:00.000Z",
      "2026-10-25T02:00:00.000Z",
    ]);
  });

  test("a clock that cannot be right lets nothing hold, until it is set", () => {
    expect(holdsAt(lisbon([[0, 1440]]), at("1970-01-01T12:00:00Z"))).toBe(false);
    expect(nextChange(lisbon([[0, 1440]]), at("1970-01-01T12:00:00Z"))).toBe(EARLIEST_TRUE);
    expect(nextChange(office, at("1970-01-01T12:00:00Z"))).toBe(at("2026-01-01T08:00:00Z"));
    expect(nextChange(lisbon([[0, 1440]]), at("2026-05-01T12:00:00Z"))).toBe(null);
  });

  test("the next change is the first minute of another answer, in any zone", () => {
    const zone = fc.constantFrom(
      "UTC",
      "Europe/Lisbon",
      "America/New_York",
      "Asia/Kathmandu",
      "Australia/Lord_Howe",
      "America/Sao_Paulo",
    );
    const minute = fc.integer({ min: 0, max: 1439 });
    const range = fc.tuple(minute, fc.integer({ min: 1, max: 1440 }))
      .filter(([start, end]) => start !== end);
    const window = fc.record({
      zone,
      days: fc.subarray(EVERY_DAY, { minLength: 1 }),
      hours: fc.array(range, { minLength: 1, maxLength: 2 }),
    });
    // Around both changes of the year in the zones, and anywhere.
    const start = fc.oneof(
      fc.integer({ min: at("2026-03-07T00:00:00Z"), max: at("2026-04-06T00:00:00Z") }),
      fc.integer({ min: at("2026-10-02T00:00:00Z"), max: at("2026-11-02T00:00:00Z") }),
    );
    fc.assert(
      fc.property(window, start, (asked, from) => {
        const now = from as Instant;
        const holds = holdsAt(asked, now);
        const found = nextChange(asked, now);
        // Two days minute by minute: what is further away is known not to be nearer.
        const first = Math.floor(now / MINUTE) * MINUTE + MINUTE;
        let expected: number | null = null;
        for (let time = first; time < now + 48 * 60 * MINUTE; time += MINUTE) {
          if (holdsAt(asked, time as Instant) === holds) continue;
          expected = time;
          break;
        }
        if (expected !== null) expect(found).toBe(expected);
        else expect(found === null || found >= now + 47 * 60 * MINUTE).toBe(true);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  test("in words", () => {
    expect(formatWindow(office)).toBe("mon-fri 08:00-18:00 in Europe/Lisbon");
    expect(formatWindow(lisbon([[0, 1440]]))).toBe("always in Europe/Lisbon");
    expect(formatWindow(lisbon([[1320, 360]], [1, 6, 7]))).toBe(
      "mon, sat, sun 22:00-06:00 in Europe/Lisbon",
    );
  });
});
