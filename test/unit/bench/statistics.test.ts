import { describe, expect, test } from "vitest";
import { difference, median, ratio, summarize } from "../../bench/statistics.ts";

describe("a summary", () => {
  test("has the middle of odd and even numbers of runs", () => {
    expect(summarize([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(summarize([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
  });

  test("leaves failed runs out, and is null without any", () => {
    expect(summarize([null, 7, null])).toEqual({ median: 7, min: 7, max: 7 });
    expect(summarize([null, null])).toBeNull();
    expect(summarize([])).toBeNull();
    expect(median([])).toBeNaN();
  });

  test("does not change the order of the runs", () => {
    const runs = [3, 1, 2];
    summarize(runs);
    expect(runs).toEqual([3, 1, 2]);
  });
});

describe("a ratio", () => {
  test("is that within each run, whatever the machine did from one to the next", () => {
    // The second run had half of the machine: a ratio of medians would not be 2.
    expect(ratio([20, 10, 21], [10, 5, 10.5])).toEqual({ median: 2, min: 2, max: 2 });
    expect(ratio([20, 10, 30], [10, 10, 10])).toEqual({ median: 2, min: 1, max: 3 });
  });

  test("needs both of a run", () => {
    expect(ratio([null, 4, 9], [1, 2, null])?.median).toBe(2);
    expect(ratio([1], [null])).toBeNull();
    expect(ratio([1, 2], [])).toBeNull();
  });

  test("to nothing at all is none", () => {
    expect(ratio([5], [0])).toBeNull();
    expect(ratio([5], [-3])).toBeNull();
  });
});

test("a difference is that within each run", () => {
  expect(difference([100, 120, null], [30, 40, 50])).toEqual([70, 80, null]);
  expect(difference([100], [])).toEqual([null]);
});
