import { describe, expect, test } from "vitest";
import type { Figures } from "../../../src/model/figures.ts";
import { expectedOf, hopName } from "../../../src/te/expected.ts";

const end = (text: string) => {
  const [site, uplink] = text.split(".");
  return { site: site!, uplink: uplink! };
};
const hop = (from: string, to: string) => ({ from: end(from), to: end(to), cost: 1, mtu: 1500 });
const figures = (rttMicros: number, lossForward: number, lossBackward: number): Figures => ({
  rttMicros,
  jitterMicros: 0,
  lossForward,
  lossBackward,
  mtuBytes: 1392,
  bandwidthBitsPerSecond: null,
});

describe("what a path is expected to measure", () => {
  const first = hop("lisbon.fibre", "hub.fibre");
  const second = hop("hub.fibre", "porto.lte");
  const path = { hops: [first, second] };

  test("is composed of what the sites on it told", () => {
    const known = new Map([
      [hopName(first), figures(4_000, 0, 0)],
      ["hub.fibre>porto.lte", figures(9_000, 0.1, 0.2)],
    ]);
    expect(expectedOf(path, known)).toMatchObject({
      rttMicros: 13_000,
      lossForward: 0.1,
      lossBackward: 0.2,
    });
  });

  test("takes the far end's word, turned round, where the near end has told nothing", () => {
    const known = new Map([
      ["lisbon.fibre>hub.fibre", figures(4_000, 0, 0)],
      ["porto.lte>hub.fibre", figures(9_000, 0.1, 0.2)],
    ]);
    expect(expectedOf(path, known)).toMatchObject({ lossForward: 0.2, lossBackward: 0.1 });
  });

  test("is unknown where nobody told of a hop", () => {
    expect(expectedOf(path, new Map([[hopName(first), figures(4_000, 0, 0)]]))).toMatchObject({
      rttMicros: null,
      lossForward: null,
    });
  });
});
