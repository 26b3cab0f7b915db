import { describe, expect, test } from "vitest";
import {
  CLEAR,
  conflict,
  formatImpairment,
  parseChanges,
  parseSetting,
  SETTINGS,
} from "../../../src/lab/impairment.ts";
import { netemArguments } from "../../../src/lab/netem.ts";

describe("settings of a link", () => {
  test("units are read", () => {
    expect(parseSetting("delay", "1.5s")).toEqual({ delayMillis: 1500 });
    expect(parseSetting("jitter", "250us")).toEqual({ jitterMillis: 0.25 });
    expect(parseSetting("loss", "0.5%")).toEqual({ lossPercent: 0.5 });
    expect(parseSetting("reorder", "30%")).toEqual({ reorderPercent: 30 });
    expect(parseSetting("rate", "2gbit")).toEqual({ rateMbit: 2000 });
    expect(parseSetting("rate", "none")).toEqual({ rateMbit: null });
    expect(parseSetting("burst", "4")).toEqual({ lossBurst: 4 });
  });

  test("every example is accepted", () => {
    for (const [key, example] of Object.entries(SETTINGS)) {
      expect(parseSetting(key, example), key).toBeTypeOf("object");
    }
  });

  test("what is wrong says what is accepted", () => {
    for (
      const [key, text] of [
        ["delay", "30"],
        ["delay", "61s"],
        ["loss", "2"],
        ["loss", "101%"],
        ["reorder", "30"],
        ["reorder", "101%"],
        ["burst", "0.5"],
        ["rate", "0mbit"],
        ["rate", "-1mbit"],
        ["speed", "1mbit"],
      ] as const
    ) {
      expect(parseSetting(key, text), `${key}=${text}`).toMatch(/accepted/);
    }
  });

  test("words of the command line add up, and every wrong one is named", () => {
    expect(parseChanges(["delay=30ms", "loss=2%", "heal"])).toEqual({
      change: { delayMillis: 30, lossPercent: 2, cut: false },
    });
    expect(parseChanges(["delya=3ms", "cuts", "cut"])).toMatchObject({
      problems: [expect.stringContaining("delya"), expect.stringContaining("cuts")],
    });
    expect(parseChanges([])).toHaveProperty("problems");
  });

  test("reordering needs a delay", () => {
    expect(conflict({ ...CLEAR, reorderPercent: 30 })).toContain("needs a delay");
    expect(conflict({ ...CLEAR, reorderPercent: 30, delayMillis: 1 })).toBeNull();
    expect(conflict({ ...CLEAR, delayMillis: 0 })).toBeNull();
  });

  test("a person can read it", () => {
    expect(formatImpairment(CLEAR)).toBe("clear");
    expect(formatImpairment({ ...CLEAR, cut: true })).toBe("cut");
    expect(
      formatImpairment({
        ...CLEAR,
        delayMillis: 20,
        jitterMillis: 2,
        reorderPercent: 30,
        lossPercent: 1,
        lossBurst: 4,
        rateMbit: 50,
      }),
    ).toBe("20 ± 2 ms, reorder 30 %, loss 1 % in bursts of 4, 50 Mbit/s");
  });
});

describe("the same for the kernel's netem", () => {
  test("nothing set delays nothing, and lifts a rate that was set before", () => {
    expect(netemArguments(CLEAR)).toEqual(["netem", "rate", "0bit", "limit", "10000"]);
  });

  test("delay, jitter, loss and rate", () => {
    const impairment = {
      ...CLEAR,
      delayMillis: 20,
      jitterMillis: 2.5,
      lossPercent: 2,
      rateMbit: 50,
    };
    // 72.5 ms of frames at 50 Mbit/s are under way or wait.
    expect(netemArguments(impairment).join(" "))
      .toBe("netem delay 20000us 2500us loss 2% rate 50000kbit limit 300");
  });

  test("reordering comes with the delay that it needs", () => {
    const argv = netemArguments({ ...CLEAR, delayMillis: 2, reorderPercent: 30 });
    expect(argv.slice(0, 5)).toEqual(["netem", "delay", "2000us", "reorder", "30%"]);
  });

  test("bursts are a two-state chain with the same share of losses", () => {
    const argv = netemArguments({ ...CLEAR, lossPercent: 10, lossBurst: 5 });
    // Into the bad state 0.1 / (5 × 0.9), out of it 1 / 5.
    expect(argv.slice(1, 5)).toEqual(["loss", "gemodel", "2.22222%", "20%"]);
  });

  test("cut loses everything, whatever else is set", () => {
    expect(netemArguments({ ...CLEAR, cut: true, lossPercent: 1, lossBurst: 9 }))
      .toEqual(["netem", "loss", "100%", "rate", "0bit", "limit", "10000"]);
  });
});
