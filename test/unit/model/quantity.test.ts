import { expect, test } from "vitest";
import { countOf } from "../../../src/model/quantity.ts";

test("one of a thing is no plural", () => {
  expect([0, 1, 2].map((count) => countOf(count, "path"))).toEqual([
    "0 paths",
    "1 path",
    "2 paths",
  ]);
  expect([1, 6].map((count) => countOf(count, "adjacency", "adjacencies"))).toEqual([
    "1 adjacency",
    "6 adjacencies",
  ]);
});
