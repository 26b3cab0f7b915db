/**
 * What the engine does with the equal paths of a decision, as a specification: weighted rendezvous
 * (Thaler and Ravishankar 1998), where a member's score depends on nothing but itself and the flow.
 * The engine's own hash and its tests are in `native/forward/src/flow.rs`.
 */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide } from "../../../../src/te/select/decide.ts";
import { judge } from "../../../../src/te/select/judge.ts";
import { observe, type Observed } from "../../../../src/te/select/measurement.ts";
import type { Choice } from "../../../../src/te/select/rank.ts";
import { Selection } from "../../../../src/te/select/selection.ts";
import { at, candidate, classOf, measurement, type Sample } from "./shapes.ts";

interface Member {
  readonly path: string;
  readonly weight: number;
}

/** The member with the highest score has the flow. */
function place(flow: number, members: readonly Member[]): string | undefined {
  let best: { path: string; score: number } | undefined;
  for (const { path, weight } of members) {
    const score = -weight / Math.log((hash(flow, path) + 0.5) / 2 ** 32);
    if (best === undefined || score > best.score) best = { path, score };
  }
  return best?.path;
}

/** FNV-1a over the path, then spread (the finaliser of MurmurHash3). */
function hash(flow: number, path: string): number {
  let state = 0x811c9dc5 ^ flow;
  for (const char of path) state = Math.imul(state ^ char.charCodeAt(0), 0x01000193);
  state = Math.imul(state ^ state >>> 16, 0x85ebca6b);
  state = Math.imul(state ^ state >>> 13, 0xc2b2ae35);
  return (state ^ state >>> 16) >>> 0;
}

const members = fc.uniqueArray(
  fc.record({
    path: fc.string({ minLength: 1, maxLength: 12 }),
    weight: fc.integer({ min: 1, max: 255 }),
  }),
  { minLength: 2, maxLength: 8, selector: (member) => member.path },
);

describe("sharing among equal paths", () => {
  test("when one of them goes, its flows move and no others", () => {
    fc.assert(fc.property(members, fc.nat(7), fc.array(fc.nat()), (all, index, flows) => {
      const gone = all[index % all.length]!;
      const rest = all.filter((member) => member !== gone);
      for (const flow of flows) {
        const before = place(flow, all)!;
        if (before === gone.path) expect(rest.map(({ path }) => path)).toContain(place(flow, rest));
        else expect(place(flow, rest)).toBe(before);
      }
    }));
  });

  test("when one comes, flows move to it only; the order of the members makes no difference", () => {
    fc.assert(fc.property(members, fc.array(fc.nat()), (all, flows) => {
      const [come, ...former] = all;
      for (const flow of flows) {
        const before = place(flow, former);
        expect([before, come!.path]).toContain(place(flow, all));
        expect(place(flow, all.toReversed())).toBe(place(flow, all));
      }
    }));
  });

  test("each has its share by weight", () => {
    const all = [{ path: "a", weight: 1 }, { path: "b", weight: 3 }, { path: "c", weight: 6 }];
    const hits = new Map<string, number>();
    for (let flow = 0; flow < 20_000; flow++) {
      const path = place(flow * 7_919, all)!;
      hits.set(path, (hits.get(path) ?? 0) + 1);
    }
    for (const [path, expected] of [["a", 2_000], ["b", 6_000], ["c", 12_000]] as const) {
      // Six standard deviations at most.
      expect(Math.abs(hits.get(path)! - expected)).toBeLessThan(6 * Math.sqrt(expected));
    }
  });
});

describe("who is equal", () => {
  const choice = (fields: Partial<Choice> = {}): Choice => ({
    key: "bulk > porto",
    class: classOf({ objective: "latency" }),
    candidates: ["a", "b", "c"].map((path) => candidate(path)),
    balance: true,
    ...fields,
  });

  /** Seconds 1, 2, … each with its round trips of a, b and c in ms. */
  function equalsAfter(rows: readonly (readonly number[])[], one = choice()): string[] {
    const selection = new Selection([one], at(0));
    const told: string[] = [];
    rows.forEach((row, second) => {
      const now = at((second + 1) * 1_000);
      const measured = row.map((rtt, index) =>
        measurement("abc"[index]!, now, { rtt: rtt * 1_000 })
      );
      selection.measure(measured, now);
      told.push(selection.decision(one.key)!.equals.join(" "));
    });
    return told;
  }

  test("those within half of the margin join, and leave beyond the whole of it", () => {
    const rows = [[50, 54, 70], [50, 52, 70], [50, 54, 70], [50, 56, 70], [50, 54, 70]];
    expect(equalsAfter(rows)).toEqual(["a", "a b", "a b", "a", "a"]);
    expect(equalsAfter(rows, choice({ balance: false }))).toEqual(Array(5).fill("a"));
  });

  test("one that falls behind keeps its flows for the hold time, one that dies does not", () => {
    const selection = new Selection([choice()], at(0));
    const step = (second: number, b: Sample) => {
      const now = at(second * 1_000);
      const rtt = 50_000;
      selection.measure(
        [measurement("a", now, { rtt }), measurement("b", now, { rtt, ...b })],
        now,
      );
      const { kept, equals } = selection.decision("bulk > porto")!;
      return [equals.join(" "), kept.map((one) => one.path).join(" ")];
    };
    expect(step(1, {})).toEqual(["a b", ""]);
    expect(step(2, { rtt: 60_000 })).toEqual(["a", "b"]);
    expect(step(6, { rtt: 60_000 })).toEqual(["a", "b"]);
    expect(step(7, { rtt: 60_000 })).toEqual(["a", ""]);
    expect(step(8, {})).toEqual(["a b", ""]);
    expect(step(9, { live: "down", downs: 1, liveSince: 8_900 })).toEqual(["a", ""]);
  });

  test("one order for all flows begins with where the existing ones are", () => {
    const one = choice({ balance: false });
    const observed = new Map<string, Observed>();
    const judgementOf = (path: string) =>
      judge(undefined, observed.get(path), one.class, at(40_000));
    const tell = (path: string, rtt: number) =>
      observed.set(path, observe(undefined, measurement(path, 40_000, { rtt })));
    ["a", "b", "c"].forEach((path) => tell(path, 50_000));
    const before = decide(undefined, one, judgementOf, at(0));
    tell("b", 30_000);
    const after = decide(before, one, judgementOf, at(40_000));
    expect([after.order, after.kept.map(({ path }) => path)]).toEqual([["b", "a", "c"], ["a"]]);
  });
});
