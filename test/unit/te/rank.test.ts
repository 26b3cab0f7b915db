import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CandidatePath } from "../../../src/model/path.ts";
import type { Instant, Label } from "../../../src/model/quantity.ts";
import { rankByCost, rankByLatency, type RoundTrips, type Standing } from "../../../src/te/rank.ts";

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

const at = (millis: number) => millis as Instant;
const trips = (values: Record<string, number>): RoundTrips => new Map(Object.entries(values));

/** Feeds measurements one after another, 1 s apart, and tells the order after each. */
function run(paths: CandidatePath[], measured: Record<string, number>[]): string[] {
  let standing: Standing | undefined;
  return measured.map((values, second) => {
    standing = rankByLatency(paths, trips(values), standing, at(second * 1_000));
    return standing.order.join(" ");
  });
}

const [a, b, c] = [path("a"), path("b"), path("c")];

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

describe("by latency", () => {
  test("begins with what is measured, unknown after known, metered last", () => {
    const cheap = path("cheap", { metered: true });
    const first = rankByLatency(
      [cheap, a, b, c],
      trips({ b: 30_000, c: 20_000, cheap: 1_000 }),
      undefined,
      at(0),
    );
    expect(first).toEqual({ order: ["c", "b", "a", "cheap"], pending: [] });
  });

  test("moves after 5 s of being better by more than 2 ms and a tenth, not before", () => {
    const start = { a: 30_000, b: 40_000 };
    const better = { a: 30_000, b: 26_000 };
    expect(run([a, b], [start, better, better, better, better, better, better])).toEqual([
      ...Array(6).fill("a b"),
      "b a",
    ]);
  });

  test("stays while the gain is within the larger of the two margins", () => {
    const repeat = (values: Record<string, number>) => Array(10).fill(values);
    // 2 ms of 5 ms are 40 %, yet not more than 2 ms.
    expect(run([a, b], [{ a: 5_000, b: 9_000 }, ...repeat({ a: 5_000, b: 3_000 })]).at(-1))
      .toBe("a b");
    // 4 ms of 100 ms are less than a tenth.
    expect(run([a, b], [{ a: 100_000, b: 110_000 }, ...repeat({ a: 100_000, b: 96_000 })]).at(-1))
      .toBe("a b");
  });

  test("starts counting anew when the gain breaks off", () => {
    const [start, better, worse] = [{ a: 30, b: 40 }, { a: 30, b: 10 }, { a: 30, b: 29 }]
      .map(({ a, b }) => ({ a: a * 1_000, b: b * 1_000 }));
    const four = Array(4).fill(better);
    expect(run([a, b], [start!, ...four, worse!, ...four, better!]).at(-1)).toBe("a b");
    expect(run([a, b], [start!, ...four, worse!, ...four, better!, better!]).at(-1)).toBe("b a");
  });

  test("ranks the ones behind the first with the same patience", () => {
    const start = { a: 10_000, b: 20_000, c: 30_000 };
    const later = { a: 10_000, b: 20_000, c: 15_000 };
    const orders = run([a, b, c], [start, ...Array(6).fill(later)]);
    expect(orders.slice(0, 6)).toEqual(Array(6).fill("a b c"));
    expect(orders[6]).toBe("a c b");
  });

  test("lets a lost measurement move a path back, after the same time", () => {
    const lost = Array(6).fill({ b: 40_000 });
    expect(run([a, b], [{ a: 30_000, b: 40_000 }, ...lost]).at(-1)).toBe("b a");
  });

  test("puts a new path where it belongs, and forgets one that is gone", () => {
    const before = rankByLatency([a, b], trips({ a: 10_000, b: 30_000 }), undefined, at(0));
    const now = trips({ a: 10_000, b: 30_000, c: 20_000 });
    expect(rankByLatency([a, b, c], now, before, at(1)).order).toEqual(["a", "c", "b"]);
    expect(rankByLatency([b, c], now, before, at(1)).order).toEqual(["c", "b"]);
  });

  test("always holds each path once, and noise within the margin never moves any", () => {
    const keys = ["a", "b", "c", "d"];
    const base = { a: 20_000, b: 21_000, c: 22_000, d: 60_000 };
    const noise = fc.array(
      fc.record(
        Object.fromEntries(keys.map((key) => [key, fc.integer({ min: -500, max: 0 })])),
      ),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(noise, fc.boolean(), (steps, lossy) => {
        const paths = keys.map((key) => path(key));
        let standing = rankByLatency(paths, trips(base), undefined, at(0));
        steps.forEach((step, index) => {
          const values = new Map(
            Object.entries(base).map(([key, value]) => [key, value + step[key]!] as const)
              .filter(([key]) => !lossy || step[key]! > -400 || key === "a"),
          );
          standing = rankByLatency(paths, values, standing, at((index + 1) * 3_000));
          expect(standing.order.toSorted()).toEqual(keys);
          if (!lossy) expect(standing.order).toEqual(keys);
        });
      }),
    );
  });
});
