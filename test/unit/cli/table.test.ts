import { describe, expect, test } from "vitest";
import { colorAllowed } from "../../../src/cli/io.ts";
import * as quantity from "../../../src/cli/quantity.ts";
import { renderPairs, renderTable } from "../../../src/cli/table.ts";

const PIPE = { columns: () => Infinity, color: false };

describe("tables", () => {
  const columns = [{ title: "NAME" }, { title: "SIZE", right: true }, {
    title: "NOTE",
    shrinks: true,
  }];

  test("columns are aligned by what the eye sees, numbers to the right", () => {
    const rows = [["São", "9", "x"], ["東京", "1234", "日本"], ["e\u0301", "10", "👩‍👩‍👧 y"]];
    expect(renderTable(columns, rows, PIPE).split("\n")).toEqual([
      "NAME  SIZE  NOTE",
      "São      9  x",
      "東京  1234  日本",
      "e\u0301       10  👩‍👩‍👧 y",
    ]);
  });

  test("the last column that may is folded to the width of the terminal", () => {
    const rows = [["a", "1", "a rather long note that does not fit"]];
    const lines = renderTable(columns, rows, { columns: () => 30, color: false }).split("\n");
    expect(lines).toEqual([
      "NAME  SIZE  NOTE",
      "a        1  a rather long note",
      "              that does not",
      "              fit",
    ]);
    expect(renderTable(columns, rows, PIPE)).toContain("does not fit");
  });

  test("a folded text is whole, broken after commas and within words that are too long", () => {
    const io = { columns: () => 27, color: false };
    const narrow = [{ title: "PATH", shrinks: true }, { title: "N" }];
    const folded = renderTable(narrow, [["fibre>hub.fibre,fibre>portoportoportoporto", "1"]], io);
    expect(folded.split("\n")).toEqual([
      "PATH                      N",
      "fibre>hub.fibre,          1",
      "  fibre>portoportoportop",
      "  orto",
    ]);
  });

  test("columns that have no room at all stand below their row, by name", () => {
    const io = { columns: () => 24, color: false };
    const many = ["UPLINK", "STATE", "SENT", "GENERATION"].map((title) => ({ title }));
    expect(renderTable(many, [["fibre", "up", "12 MiB", "0123456789"]], io).split("\n")).toEqual([
      "UPLINK  STATE  SENT",
      "fibre   up     12 MiB",
      "    generation",
      "      0123456789",
    ]);
  });

  test("color is for words of meaning alone, and only where it is allowed", () => {
    const rows = [[{ text: "up", tone: "good" as const }, "1", "x"]];
    expect(renderTable(columns, rows, { ...PIPE, color: true })).toContain("\x1b[32mup\x1b[0m    ");
    expect(renderTable(columns, rows, PIPE)).not.toContain("\x1b");
  });

  test("a name cannot send control sequences to the terminal", () => {
    expect(renderTable([{ title: "N" }], [["\x1b[2Jx\n"]], PIPE)).toBe("N\n�[2Jx�");
    expect(renderPairs([["a", "\x1b]0;title\x07"]], PIPE)).not.toContain("\x1b");
  });

  test("pairs stand in two columns", () => {
    expect(renderPairs([["a", "1"], ["long", "2"]], PIPE)).toBe("a     1\nlong  2");
  });
});

test("NO_COLOR and a dumb terminal turn colors off", () => {
  const environment = (values: Record<string, string>) => (name: string) => values[name];
  expect(colorAllowed(environment({ TERM: "xterm" }))).toBe(true);
  expect(colorAllowed(environment({ TERM: "xterm", NO_COLOR: "1" }))).toBe(false);
  expect(colorAllowed(environment({ TERM: "xterm", NO_COLOR: "" }))).toBe(true);
  expect(colorAllowed(environment({ TERM: "dumb" }))).toBe(false);
});

test("quantities have the unit that fits", () => {
  const { formatMicros, formatBytes, formatBitRate, formatShare, formatSpan, formatCount } =
    quantity;
  expect([null, 0, 999, 1000, 1234, 12_345, 123_456, 1_234_567].map(formatMicros))
    .toEqual(["–", "0 µs", "999 µs", "1 ms", "1.23 ms", "12.3 ms", "123 ms", "1.23 s"]);
  expect([0, 1023, 1024, 1536, 1024 ** 2 - 1, 5 * 1024 ** 3].map(formatBytes))
    .toEqual(["0 B", "1023 B", "1 KiB", "1.5 KiB", "1 MiB", "5 GiB"]);
  expect([0, 3_400_000, 999_999_999].map(formatBitRate))
    .toEqual(["0 bit/s", "3.4 Mbit/s", "1 Gbit/s"]);
  expect([0, 0.0001, 0.001, 0.015, 1].map(formatShare))
    .toEqual(["0 %", "<0.1 %", "0.1 %", "1.5 %", "100 %"]);
  expect([0, 999, 1000, 65_000, 3_600_000, 3_605_000, 90_061_000].map(formatSpan))
    .toEqual(["0 ms", "999 ms", "1 s", "1 min 5 s", "1 h", "1 h", "1 d 1 h"]);
  expect(formatCount(1234567)).toBe("1\u202f234\u202f567");
});
