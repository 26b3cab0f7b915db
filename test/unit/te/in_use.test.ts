import { expect, test } from "vitest";
import type { Snapshot, Table, Verdict } from "../../../src/model/boundary.ts";
import { pathInUse, standings } from "../../../src/te/in_use.ts";

const VERDICT: Verdict = { paths: { order: [0, 1], equal: 1, keep: [] } };

/** Two paths of one list each, over one adjacency; up or not, suspect or not. */
function inUse(...lists: readonly { up: boolean; suspect: boolean }[]) {
  const keys = lists.map((_, index) => `list ${index}`);
  const table = {
    adjacencies: [{ key: "a>b.c" }],
    lists: keys.map((key) => ({ key, adjacency: 0, labels: [16] })),
    paths: keys.map((key, index) => ({ key, egress: 2, lists: [index] })),
  } as unknown as Table;
  const snapshot = {
    adjacencies: [{ key: "a>b.c", quality: { state: "up" } }],
    lists: lists.map(({ up, suspect }, index) => ({
      key: keys[index],
      quality: { state: up ? "up" : "down" },
      suspect,
    })),
  } as unknown as Snapshot;
  return pathInUse(VERDICT, standings(table, snapshot));
}

test("a suspect path is in use where no other is up, as in the engine", () => {
  const [up, suspect, down] = [
    { up: true, suspect: false },
    { up: true, suspect: true },
    { up: false, suspect: false },
  ];
  expect(inUse(up, up)).toBe(0);
  expect(inUse(suspect, up)).toBe(1);
  expect(inUse(suspect, suspect)).toBe(0);
  expect(inUse(suspect, down)).toBe(0);
  expect(inUse(down, suspect)).toBe(1);
  expect(inUse(down, { up: false, suspect: true })).toBe(null);
});
