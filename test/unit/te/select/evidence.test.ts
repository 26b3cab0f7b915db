import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NO_PENALTY, penalise, penaltyNow, settle } from "../../../../src/te/select/damping.ts";
import {
  evidenceAbove,
  evidenceBelow,
  strongestExcess,
} from "../../../../src/te/select/evidence.ts";
import type { Look } from "../../../../src/te/select/measurement.ts";
import { at } from "./shapes.ts";

const allowances = fc.double({ min: 0.001, max: 0.5, noNaN: true });

/** Logarithm of the probability of just these probes being lost, at the share. */
function likelihood(lost: number, sent: number, share: number): number {
  let sum = 0;
  for (let probe = 0; probe < sent; probe++) sum += Math.log(probe < lost ? share : 1 - share);
  return sum;
}

function look(second: number, forward: number, backward = 0, sent = 100): Look {
  return {
    at: at(second * 1_000),
    spanMillis: 1_000,
    forward: { lost: forward, sent },
    backward: { lost: backward, sent },
    directed: true,
    entry: null,
    rttMicros: 20_000,
    jitterMicros: 100,
  };
}

describe("evidence that a path loses too much", () => {
  test("is the best likelihood of any higher share over that of the allowed one", () => {
    const tallies = fc.integer({ min: 1, max: 200 }).chain((sent) =>
      fc.record({ sent: fc.constant(sent), lost: fc.integer({ min: 0, max: sent }) })
    );
    fc.assert(
      fc.property(tallies, allowances, ({ lost, sent }, allowed) => {
        let best = likelihood(lost, sent, allowed);
        for (let share = allowed; share < 1; share += 0.002) {
          best = Math.max(best, likelihood(lost, sent, share));
        }
        const exhaustive = best - likelihood(lost, sent, allowed);
        // The grid of shares is coarse, so it falls short by a little and is never beyond.
        expect(evidenceAbove({ lost, sent }, allowed)).toBeGreaterThan(exhaustive - 1e-6);
        expect(evidenceAbove({ lost, sent }, allowed)).toBeLessThan(exhaustive * 1.05 + 0.3);
      }),
      { numRuns: 50 },
    );
  });

  test("grows with each loss, and is nothing at what is allowed or below", () => {
    fc.assert(fc.property(allowances, fc.integer({ min: 2, max: 1_000 }), (allowed, sent) => {
      let before = 0;
      for (let lost = 0; lost <= sent; lost += Math.ceil(sent / 50)) {
        const evidence = evidenceAbove({ lost, sent }, allowed);
        expect(evidence).toBeGreaterThanOrEqual(before);
        if (lost <= allowed * sent) expect(evidence).toBe(0);
        before = evidence;
      }
    }));
  });

  test("an SLO of no loss does not fall to a single probe, one of all loss to nothing", () => {
    expect(evidenceAbove({ lost: 1, sent: 300 }, 0)).toBeLessThan(3);
    expect(evidenceAbove({ lost: 300, sent: 300 }, 1)).toBe(0);
  });

  test("needs two looks: a burst in one of them is not enough", () => {
    const quiet = [1, 2, 3, 4].map((second) => look(second, 0));
    expect(strongestExcess([...quiet, look(5, 8)], 0.01, 10_000)).toMatchObject({ breaks: false });
    expect(strongestExcess([...quiet, look(5, 4), look(6, 4)], 0.01, 10_000)).toEqual({
      lost: 8,
      sent: 200,
      spanMillis: 2_000,
      direction: "forward",
      back: null,
      evidence: expect.closeTo(5.18, 2),
      breaks: true,
    });
  });

  test("a short stretch needs more than a long one: there are more of them to be wrong", () => {
    const breaks = (looks: Look[]) => strongestExcess(looks, 0.01, 10_000)?.breaks;
    // 4 of 200 in 2 s, 20 of 1,000 in 10 s: 2 % both, with a logarithm of 0.77 and 3.9.
    expect(breaks([look(1, 2), look(2, 2)])).toBe(false);
    expect(breaks(Array.from({ length: 10 }, (_, second) => look(second + 1, 2)))).toBe(true);
    // As much evidence, 3.9, in 2 s: 7 of 200.
    expect(evidenceAbove({ lost: 7, sent: 200 }, 0.01)).toBeGreaterThan(3.7);
    expect(breaks([look(1, 3), look(2, 4)])).toBe(false);
    expect(breaks([look(1, 4), look(2, 4)])).toBe(true);
  });

  test("looks no farther back than the window", () => {
    const looks = [look(1, 9), look(2, 9), look(3, 0), look(4, 0), look(5, 3), look(6, 5)];
    expect(strongestExcess(looks, 0.01, 4_000)).toMatchObject({ direction: "forward", lost: 8 });
    expect(strongestExcess(looks.slice(0, 5), 0.01, 2_000)).toMatchObject({ lost: 3 });
    expect(strongestExcess(looks.slice(0, 4), 0.01, 2_000)).toBe(null);
    expect(strongestExcess([], 0.01, 2_000)).toBe(null);
  });

  test("the way back bears witness if it was good until then, for as much as the way there shows", () => {
    const good = [1, 2, 3, 4].map((second) => look(second, 0));
    // 6 of 200 in 2 s: 2.6 of the 4.1 that it takes.
    const there = [look(5, 3), look(6, 3)];
    const both = [look(5, 3, 3), look(6, 3, 3)];
    const found = (looks: Look[]) => strongestExcess(looks, 0.01, 10_000);
    expect(found([...good, ...there])).toMatchObject({ breaks: false, back: null });
    expect(found([...good, ...both])).toMatchObject({
      breaks: true,
      lost: 6,
      sent: 200,
      back: { lost: 6, sent: 200 },
      evidence: expect.closeTo(5.26, 2),
    });
    // Lost all the time, or not known to have been good: no witness.
    const before = [1, 2, 3, 4].map((second) => look(second, 0, 3));
    expect(found([...before, ...both])).toMatchObject({ breaks: false, back: null });
    expect(found(both)).toMatchObject({ breaks: false, back: null });
    // A hundred good answers are not known to be good; nor is one cut that hit both ways a share.
    expect(found([look(4, 0), ...both])).toMatchObject({ breaks: false, back: null });
    expect(found([...good, look(5, 3, 6), look(6, 3, 0)])).toMatchObject({
      breaks: false,
      back: null,
    });
    // Enough by itself: nobody else is called.
    expect(found([...good, look(5, 5, 3), look(6, 5, 3)])).toMatchObject({
      breaks: true,
      back: null,
    });
    // However much is lost on the way back, half has to be shown by the way there.
    const little = [look(5, 2, 40), look(6, 2, 40)];
    expect(found([...good, ...little])).toMatchObject({
      breaks: false,
      evidence: expect.closeTo(2 * evidenceAbove({ lost: 4, sent: 200 }, 0.01), 6),
    });
    expect(found([...good, look(5, 0, 40), look(6, 0, 40)])).toBe(null);
    // A look without directions tells of the way there, and of nothing twice.
    const mixed = [...good, { ...look(5, 3, 3), directed: false }, look(6, 3)];
    expect(found(mixed)).toMatchObject({ breaks: false, lost: 6, back: null });
    // Of round trips, the two directions are one and the same figure.
    const late = [...good, look(5, 3, 3), { ...look(6, 3, 3), directed: false }];
    expect(found(late)).toMatchObject({ direction: "round-trip", breaks: false, back: null });
    const either = [...good, look(5, 3, 3), look(6, 3, 3)].map((one) => ({
      ...one,
      directed: false,
    }));
    expect(found(either)).toMatchObject({ breaks: false, back: null });
  });

  test("counts the way there alone, and the round trip where that is all that is known", () => {
    const back = [look(1, 0, 9), look(2, 0, 9), look(3, 0, 9)];
    expect(strongestExcess(back, 0.01, 4_000)).toBe(null);
    // As `observe` keeps it: both directions are the round trip.
    const either = [look(1, 9, 9), look(2, 9, 9)].map((one) => ({ ...one, directed: false }));
    expect(strongestExcess(either, 0.01, 4_000)).toMatchObject({
      direction: "round-trip",
      lost: 18,
      sent: 200,
      breaks: true,
    });
  });
});

test("proof against loss: clean probes add, lost ones take away about a hundred times as much", () => {
  expect(evidenceBelow({ lost: 0, sent: 1_600 }, 0.01)).toBeGreaterThan(12);
  expect(evidenceBelow({ lost: 1, sent: 1 }, 0.01)).toBeCloseTo(-Math.log(4));
  // At the threshold it shrinks.
  expect(evidenceBelow({ lost: 10, sent: 1_000 }, 0.01)).toBeLessThan(0);
});

describe("damping", () => {
  const damping = {
    penalty: 1_000,
    suppress: 2_000,
    reuse: 750,
    halfLifeMillis: 60_000,
    maximumMillis: 200_000,
  };

  test("halves by half-life, suppresses at the threshold, ends at reuse", () => {
    const one = penalise(NO_PENALTY, damping, 1, at(0));
    expect(one).toEqual({ value: 1_000, at: 0, until: null });
    expect(penaltyNow(one, damping, at(60_000))).toBe(500);
    const three = penalise(penalise(one, damping, 1, at(0)), damping, 1, at(0));
    // 3000 → 750: two half-lives.
    expect(three).toEqual({ value: 3_000, at: 0, until: 120_000 });
    expect(settle(three, damping, at(119_999))).toBe(three);
    expect(settle(three, damping, at(120_000))).toEqual({ value: 750, at: 120_000, until: null });
  });

  test("is never longer than the longest time after the last failure", () => {
    const many = penalise(NO_PENALTY, damping, 1_000, at(5_000));
    expect(many.until).toBe(205_000);
    expect(settle(many, damping, at(205_000)).value).toBe(750);
  });

  test("decays as if told every second", () => {
    fc.assert(fc.property(
      fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 10 }),
      (waits) => {
        let [now, lazy, value, suppressed, last] = [0, NO_PENALTY, 0, false, 0];
        for (const wait of waits) {
          for (let second = 0; second < wait; second++) {
            now += 1_000;
            value *= 2 ** (-1_000 / damping.halfLifeMillis);
            const over = value <= damping.reuse || now - last >= damping.maximumMillis;
            if (suppressed && over) [suppressed, value] = [false, Math.min(value, damping.reuse)];
          }
          lazy = settle(lazy, damping, at(now));
          expect(lazy.until !== null).toBe(suppressed);
          value += damping.penalty;
          suppressed ||= value >= damping.suppress;
          last = now;
          lazy = penalise(lazy, damping, 1, at(now));
          expect(lazy.until !== null).toBe(suppressed);
        }
      },
    ));
  });
});
