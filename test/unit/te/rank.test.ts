import { describe, expect, test } from "vitest";
import type { CandidatePath } from "../../../src/model/path.ts";
import type { Label } from "../../../src/model/quantity.ts";
import { rankByCost } from "../../../src/te/rank.ts";

function path(key: string, fields: Partial<CandidatePath> = {}): CandidatePath {
  return {
    key,
    egress: "porto",
    hops: [],
    labels: [],
    returnLabels: [],
    cost: 10,
    mtu: 1388,
    origin: "computed",
    metered: false,
    ...fields,
  };
}

describe("by cost", () => {
  test("metered last, then cheaper, then fewer labels, then the key", () => {
    const ranked = rankByCost([
      path("metered", { metered: true, cost: 1 }),
      path("dear", { cost: 20 }),
      path("deep", { labels: [16001 as Label] }),
      path("b"),
      path("a"),
    ]);
    expect(ranked.map((one) => one.key)).toEqual(["a", "b", "deep", "dear", "metered"]);
  });
});
