import { expect, test } from "vitest";
import { parseThreads } from "../../../src/io/native/threads.ts";

test("numbers of threads as the environment gives them", () => {
  expect(parseThreads("2,3")).toEqual({ ingress: 2, underlay: 3 });
  expect(parseThreads(" 64,1\n")).toEqual({ ingress: 64, underlay: 1 });
});

test("the engine chooses where nothing is asked for", () => {
  expect(parseThreads(undefined)).toBeNull();
  expect(parseThreads("")).toBeNull();
});

test.each(["2", "0,1", "1,0", "65,1", "2;2", "2, 2", "-1,2", "2,2,2", "1.5,2", "a,b", "0x2,2"])(
  "%j is refused with what is accepted",
  (text) => {
    expect(() => parseThreads(text)).toThrow(
      `Cannot read LABELWAY_THREADS=${JSON.stringify(text)}: the numbers of ingress and of ` +
        "underlay threads are meant, each from 1 to 64, e.g. LABELWAY_THREADS=2,2",
    );
  },
);
