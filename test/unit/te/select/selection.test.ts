import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Instant } from "../../../../src/model/quantity.ts";
import { type Beside, isProven } from "../../../../src/te/select/blame.ts";
import { decide, type Decision, type Move, patienceOf } from "../../../../src/te/select/decide.ts";
import { judge, type Judgement } from "../../../../src/te/select/judge.ts";
import {
  observe,
  type Observed,
  type PathMeasurement,
} from "../../../../src/te/select/measurement.ts";
import { type Choice, compareRanks, rankOf } from "../../../../src/te/select/rank.ts";
import { Selection } from "../../../../src/te/select/selection.ts";
import {
  at,
  candidate,
  choices,
  classOf,
  measurement,
  PATHS,
  type Sample,
  script,
  steps,
  WAYS,
} from "./shapes.ts";

/** Judges and decides everything at each instant, one choice beside the other. */
class Exhaustive {
  readonly #choices: readonly Choice[];
  readonly #observed = new Map<string, Observed>();
  readonly #judgements = new Map<string, Judgement>();
  readonly decisions = new Map<string, Decision>();

  constructor(list: readonly Choice[], now: Instant) {
    this.#choices = list;
    this.step([], now);
  }

  step(measured: readonly PathMeasurement[], now: Instant): void {
    for (const one of measured) {
      this.#observed.set(one.path, observe(this.#observed.get(one.path), one));
    }
    for (const choice of this.#choices) {
      for (const { path } of choice.candidates) {
        const key = `${choice.key} ${path}`;
        const before = this.#judgements.get(key);
        this.#judgements.set(key, judge(before, this.#observed.get(path), choice.class, now));
      }
      const before = this.decisions.get(choice.key);
      const judgementOf = (path: string) => this.#judgements.get(`${choice.key} ${path}`)!;
      const other = this.decisions.get(choice.apart?.from ?? "")?.order[0];
      const beside: Beside = {
        ways: WAYS,
        isProven: (path, allowed) => isProven(this.#observed.get(path)?.looks ?? [], allowed),
      };
      this.decisions.set(choice.key, decide(before, choice, judgementOf, now, other, beside));
    }
  }
}

/** Hands the same events to each; time alone is told when the selection asks for it. */
function play(
  list: readonly Choice[],
  events: ReturnType<typeof script>,
  each: (selection: Selection, now: Instant, exhaustive: Exhaustive, moves: Move[]) => void,
): Selection {
  const selection = new Selection(list, at(100_000), undefined, WAYS);
  const exhaustive = new Exhaustive(list, at(100_000));
  for (const { now, measured } of events) {
    for (let due = selection.nextTimeout(); due !== null && due < now;) {
      const moves = selection.advance(due).flatMap((change) => change.moves);
      exhaustive.step([], due);
      each(selection, due, exhaustive, moves);
      const next = selection.nextTimeout();
      if (next !== null) expect(next).toBeGreaterThan(due);
      due = next;
    }
    const moves = selection.measure(measured, now).flatMap((change) => change.moves);
    exhaustive.step(measured, now);
    each(selection, now, exhaustive, moves);
  }
  return selection;
}

const bare = ({ moves: _, ...rest }: Decision) => rest;

describe("all choices at once", { timeout: 30_000 }, () => {
  test("computes only what is touched, and finds what computing everything finds", () => {
    fc.assert(
      fc.property(choices, steps, (list, events) => {
        play(list, script(events), (selection, _now, exhaustive) => {
          for (const { key } of list) {
            expect(bare(selection.decision(key)!)).toEqual(bare(exhaustive.decisions.get(key)!));
          }
        });
      }),
      { numRuns: 400 },
    );
  });

  test("nothing changes between two measurements but at the instant that was told", () => {
    fc.assert(
      fc.property(choices, steps, fc.integer({ min: 1, max: 999 }), (list, events, part) => {
        play(list, script(events), (selection, now, exhaustive) => {
          const due = selection.nextTimeout();
          const between = due === null
            ? now + 1e9
            : now + Math.floor((due - now - 1) * part / 1_000);
          if (between <= now) return;
          const before = list.map(({ key }) => bare(exhaustive.decisions.get(key)!));
          exhaustive.step([], at(between));
          expect(list.map(({ key }) => bare(exhaustive.decisions.get(key)!))).toEqual(before);
        });
      }),
      { numRuns: 150 },
    );
  });

  test("never puts a dead path before a live one, nor keeps flows on one", () => {
    fc.assert(
      fc.property(choices, steps, (list, events) => {
        play(list, script(events), (selection) => {
          for (const { key } of list) {
            const { order, kept, equals } = selection.decision(key)!;
            const dead = order.map((path) => selection.judgement(key, path)!.verdict === "dead");
            expect(dead).toEqual(dead.toSorted((a, b) => Number(a) - Number(b)));
            const all = dead.every(Boolean);
            for (const path of [...equals, ...kept.map((one) => one.path)]) {
              if (!all) expect(selection.judgement(key, path)!.verdict).not.toBe("dead");
            }
          }
        });
      }),
      { numRuns: 200 },
    );
  });

  test("each change of the lead is a move with its cause, and no move is without a change", () => {
    fc.assert(
      fc.property(choices, steps, (list, events) => {
        const leads = new Map<string, string>();
        const selection = new Selection(list, at(100_000));
        for (const { key } of list) leads.set(key, selection.decision(key)!.order[0]!);
        for (const { now, measured } of script(events)) {
          const moved = new Map(
            selection.measure(measured, now)
              .flatMap((one) => one.keys.map((key) => [key, one.moves] as const)),
          );
          for (const { key } of list) {
            const lead = selection.decision(key)!.order[0]!;
            const moves = (moved.get(key) ?? []).filter((move) => move.flows !== "existing");
            const expected = lead === leads.get(key) ? [] : [[leads.get(key), lead]];
            expect(moves.map((move) => [move.from, move.to])).toEqual(expected);
            for (const { cause } of moves) {
              if (cause.kind === "failed") expect(cause.reasons.length).toBeGreaterThan(0);
            }
            leads.set(key, lead);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test("the order of choices, candidates and measurements makes no difference", () => {
    fc.assert(
      fc.property(choices, steps, (list, events) => {
        const turned = list.toReversed().map((choice) => ({
          ...choice,
          candidates: choice.candidates.toReversed(),
        }));
        const played = script(events);
        const one = play(list, played, () => {});
        const reversed = played.map(({ now, measured }) => ({
          now,
          measured: measured.toReversed(),
        }));
        const other = play(turned, reversed, () => {});
        for (const { key } of list) expect(one.decision(key)).toEqual(other.decision(key));
      }),
      { numRuns: 100 },
    );
  });

  test("without a past the order is a plain sort", () => {
    fc.assert(fc.property(choices, steps, (list, events) => {
      const observed = new Map<string, Observed>();
      for (const { measured } of script(events)) {
        for (const one of measured) observed.set(one.path, observe(undefined, one));
      }
      for (const choice of list) {
        const judgementOf = (path: string) =>
          judge(undefined, observed.get(path), choice.class, at(200_000));
        const sorted = choice.candidates
          .map((one) => rankOf(one, judgementOf(one.path), choice))
          .sort(compareRanks);
        expect(decide(undefined, choice, judgementOf, at(200_000)).order)
          .toEqual(sorted.map((rank) => rank.candidate.path));
      }
    }));
  });

  test("existing flows stay on a path only while nothing is wrong with it that a better one ends", () => {
    fc.assert(
      fc.property(choices, steps, (list, events) => {
        play(list, script(events), (selection) => {
          for (const choice of list) {
            const { key, candidates } = choice;
            const { order, kept } = selection.decision(key)!;
            const rank = (path: string) =>
              rankOf(
                candidates.find((one) => one.path === path)!,
                selection.judgement(key, path)!,
                choice,
                selection.pathToAvoid(key),
              );
            for (const { path } of kept) {
              const [lead, former] = [rank(order[0]!), rank(path)];
              if (compareRanks(lead, former) < 0) expect(patienceOf(lead, former)).not.toBe("none");
            }
          }
        });
      }),
      { numRuns: 150 },
    );
  });

  test("choices that differ by their key alone have one decision, unless their past differs", () => {
    fc.assert(
      fc.property(choices, steps, steps, (list, first, then) => {
        const twin = list.map((choice) => ({ ...choice, key: `twin ${choice.key}` }));
        const [one, other] = [
          play(list, script(first), () => {}),
          new Selection(twin, at(100_000)),
        ];
        const now = script(first).at(-1)?.now ?? at(100_000);
        const both = new Selection([...list, ...twin], now, one);
        expect(other.decision(twin[0]!.key)!.kept).toEqual([]);
        for (const { now: later, measured } of script(then)) {
          const after = at(later + now - 100_000);
          both.measure(measured.map((sample) => ({ ...sample, at: after })), after);
        }
        for (const { key } of list) {
          const [own, twins] = [both.decision(key)!, both.decision(`twin ${key}`)!];
          expect(both.choice(`twin ${key}`)!.key).toBe(`twin ${key}`);
          expect(own.order.toSorted()).toEqual(twins.order.toSorted());
        }
        const fresh = new Selection([...list, ...twin], at(100_000));
        for (const { now: later, measured } of script(then)) fresh.measure(measured, later);
        for (const { key, apart } of list) {
          if (!apart) expect(fresh.decision(key)).toBe(fresh.decision(`twin ${key}`));
        }
      }),
      { numRuns: 60 },
    );
  });

  test.each(
    [
      ["the preferred one waits until it is good", { preference: 1 }, "32000: b → a"],
      ["the last resort is left after the minimum stay", { resort: "last" }, "29000: b → a"],
    ] as const,
  )("of two that come back, %s, and is not taken again", (_, second, back) => {
    const choice: Choice = {
      key: "voice > porto",
      class: classOf({}, { returnWindowMillis: 10_000, minimumStayMillis: 8_000 }),
      candidates: [candidate("a"), candidate("b", second)],
      balance: false,
    };
    const selection = new Selection([choice], at(0));
    const moves: string[] = [];
    for (let millis = 500; millis <= 60_000; millis += 500) {
      // The preferred one is back a second later than the other.
      const sample = (back: number): Sample => {
        const live = millis >= 20_000 && millis < back ? "down" : "up";
        const changed = millis < 20_000 ? 0 : live === "down" ? 20_000 : back;
        return { live, liveSince: changed, downs: Number(millis >= 20_000) };
      };
      const measured = [
        measurement("a", millis, sample(22_000)),
        measurement("b", millis, sample(21_000)),
      ];
      for (const { moves: more } of selection.measure(measured, at(millis))) {
        moves.push(
          ...more.filter(({ flows }) => flows !== "existing")
            .map(({ from, to }) => `${millis}: ${from} → ${to}`),
        );
      }
    }
    expect(moves).toEqual(["21000: a → b", back]);
  });

  test("a reload goes on where it was, and mistakes are refused by name", () => {
    const choice: Choice = {
      key: "voice > porto",
      class: classOf({ objective: "latency" }),
      candidates: [candidate("a"), candidate("b")],
      balance: false,
    };
    const before = new Selection([choice], at(0));
    const both = (millis: number) => [
      measurement("a", millis, { rtt: 30_000 }),
      measurement("b", millis, { rtt: 20_000, lost: 10 }),
    ];
    for (let millis = 1_000; millis <= 5_000; millis += 1_000) {
      before.measure(both(millis), at(millis));
    }
    const third = candidate("c");
    const after = new Selection(
      [{ ...choice, candidates: [...choice.candidates, third] }],
      at(5_500),
      before,
    );
    expect(after.decision(choice.key)!.order).toEqual(["a", "b", "c"]);
    expect(after.judgement(choice.key, "b")!.verdict).toBe("breaks");
    expect(() => new Selection([choice, choice], at(0))).toThrow('two choices "voice > porto"');
    const circle = [["a", "b"], ["b", "c"], ["c", "b"]].map(([key, from]) => ({
      ...choice,
      key: key!,
      apart: { from: from!, shared: new Map() },
    }));
    expect(() => new Selection(circle, at(0))).toThrow('choice "a" keeps away in a circle');
    expect(() => new Selection([{ ...choice, candidates: [third, third] }], at(0)))
      .toThrow('"voice > porto" has a path twice');
    expect(PATHS).toContain(third.path);
  });
});
