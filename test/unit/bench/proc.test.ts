import { expect, test } from "vitest";
import { cpuBetween, parseBusySeconds, parseMemory, parseProcessSeconds } from "../../bench/cpu.ts";

test("a busy machine is all but idle, waiting and stolen time", () => {
  const text = "cpu  100 20 300 9999 888 40 50 777 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
  expect(parseBusySeconds(text)).toBe(5.1);
});

test("a process's time stands behind its name, whatever that is", () => {
  const before = Array.from({ length: 10 }, () => "0").join(" ");
  expect(parseProcessSeconds(`42 (a ) R (b) S ${before} 150 250 9 9 20 0 1`)).toBe(4);
});

test("memory in bytes", () => {
  expect(parseMemory("Name:\tx\nVmHWM:\t    2000 kB\nVmRSS:\t    1000 kB\n"))
    .toEqual({ now: 1_024_000, peak: 2_048_000 });
});

test("the machine's idle load is no cost of what was measured", () => {
  const before = { machineSeconds: 10, processSeconds: 1, atMillis: 0 };
  const after = { machineSeconds: 18, processSeconds: 5, atMillis: 5000 };
  expect(cpuBetween(before, after, 0.2)).toEqual({ machineSeconds: 7, processSeconds: 4 });
  expect(cpuBetween(before, after, 2).machineSeconds, "never less than its own").toBe(4);
});
