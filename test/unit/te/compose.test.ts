import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Figures } from "../../../src/model/figures.ts";
import { compose } from "../../../src/te/compose.ts";

const KNOWN: Figures = {
  rttMicros: 10_000,
  jitterMicros: 300,
  lossForward: 0.1,
  lossBackward: 0,
  mtuBytes: 1400,
  bandwidthBitsPerSecond: 1e8,
};

describe("figures of a path from those of its hops", () => {
  test("add up, multiply, or are the narrowest", () => {
    const other = { ...KNOWN, jitterMicros: 400, lossForward: 0.5, mtuBytes: 1300 };
    const path = compose([KNOWN, other]);
    expect(path).toMatchObject({ rttMicros: 20_000, mtuBytes: 1300, bandwidthBitsPerSecond: 1e8 });
    expect(path.jitterMicros).toBeCloseTo(500);
    expect(path.lossForward).toBeCloseTo(0.55);
    expect(path.lossBackward).toBe(0);
  });

  test("are unknown where a hop is, but for what only limits", () => {
    const dark = { ...KNOWN, rttMicros: null, lossBackward: null, mtuBytes: null };
    expect(compose([KNOWN, dark])).toMatchObject({
      rttMicros: null,
      lossBackward: null,
      lossForward: expect.closeTo(0.19),
      mtuBytes: 1400,
    });
  });

  test("do not depend on the order of the hops, and one hop is itself", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const hop = fc.record({
      rttMicros: fc.option(fc.nat(1e6)),
      jitterMicros: fc.option(fc.nat(1e5)),
      lossForward: fc.option(share),
      lossBackward: fc.option(share),
      mtuBytes: fc.option(fc.integer({ min: 1280, max: 9000 })),
      bandwidthBitsPerSecond: fc.option(fc.nat(1e9)),
    });
    fc.assert(fc.property(fc.array(hop, { maxLength: 6 }), (hops) => {
      const [there, back] = [compose(hops), compose([...hops].reverse())];
      for (const key of Object.keys(KNOWN) as (keyof Figures)[]) {
        if (there[key] === null) expect(back[key]).toBeNull();
        else expect(back[key]).toBeCloseTo(there[key], 6);
      }
      for (const one of hops) expect(compose([one])).toEqual(one);
    }));
  });
});
