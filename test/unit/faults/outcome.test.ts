import { describe, expect, test } from "vitest";
import { outcomeOf, percentile } from "../../faults/outcome.ts";

/** A datagram a millisecond from 1 s after the epoch on; those of `lost` never arrived. */
function streamed(count: number, lost: (millis: number) => boolean) {
  return {
    startedMicros: 1e6,
    sentMicros: Array.from({ length: count }, (_, index) => index * 1000),
    delayMicros: Array.from({ length: count }, (_, index) => lost(index) ? null : 5000 + index),
    duplicates: 0,
    overtaken: 0,
  };
}

describe("what a fault cost", () => {
  const at = (millis: number) => 1e6 + millis * 1000;

  test("is told from the first datagram that stays", () => {
    const outcome = outcomeOf(streamed(3000, (at) => at >= 995 && at < 1120), at(1000), at(3000));
    expect(outcome).toMatchObject({ lost: 125, recoverMillis: 120, lostBefore: 0 });
    expect(outcome.delayBeforeMicros).toBe(5475);
    expect(outcome.delayAfterMicros).toBe(7750);
  });

  test("goes on for as long as something is lost now and then", () => {
    const outcome = outcomeOf(
      streamed(3000, (at) => at > 1000 && at % 100 === 0 && at < 2001),
      ...[
        at(1000),
        at(3000),
      ] as const,
    );
    expect(outcome).toMatchObject({ lost: 10, recoverMillis: 1001 });
  });

  test("has no end where the end was not seen, and none where nothing was lost", () => {
    const never = outcomeOf(streamed(3000, (at) => at >= 1000), at(1000), at(3000));
    expect(never).toMatchObject({ lost: 2000, recoverMillis: null });
    expect(outcomeOf(streamed(3000, () => false), at(1000), at(3000))).toMatchObject({
      lost: 0,
      recoverMillis: 0,
    });
  });

  test("tells what was lost before the fault, which spoils the figure", () => {
    const early = outcomeOf(streamed(3000, (at) => at === 500), at(1000), at(3000));
    expect(early).toMatchObject({ lost: 0, lostBefore: 1 });
  });
});

describe("datagrams that are late", () => {
  const at = (millis: number) => 1e6 + millis * 1000;
  const sent = {
    ...streamed(3000, () => false),
    delayMicros: Array.from({ length: 3000 }, (_, at) => at >= 1000 && at < 1700 ? 90_000 : 10_000),
  };

  test("spoil as much as those that are lost, and are counted apart", () => {
    expect(outcomeOf(sent, at(1000), at(3000), 20_000)).toMatchObject({
      lost: 0,
      late: 700,
      recoverMillis: 700,
    });
  });

  test("do nothing where nobody asks", () => {
    expect(outcomeOf(sent, at(1000), at(3000))).toMatchObject({ late: 0, recoverMillis: 0 });
  });
});

test("a percentile is the least value that so many do not exceed", () => {
  const values = [5, 1, 3, 2, 4];
  expect([0.5, 0.99, 0.2].map((share) => percentile(values, share))).toEqual([3, 5, 1]);
  expect(percentile([], 0.5)).toBeNull();
});
