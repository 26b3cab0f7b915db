import { expect, test } from "vitest";
import { weightsOf } from "../../../src/te/rates.ts";

const paths = ["a", "b", "c"].map((key) => ({ key, hops: [] }));
const weights = (rates: (number | null)[]) => {
  const left = [...rates];
  return [...weightsOf(paths, () => left.shift()!).values()];
};

test("flows are shared as the rates are to each other, equally where one is not known", () => {
  expect(weights([1e9, 5e8, 1e6])).toEqual([255, 128, 1]);
  expect(weights([1e8, 1e8, 1e8])).toEqual([255, 255, 255]);
  expect(weights([1e9, null, 1e6])).toEqual([1, 1, 1]);
  expect(weights([0, 0, 0])).toEqual([1, 1, 1]);
});
