import { describe, expect, test } from "vitest";
import { explain, pathInWords } from "../../../../src/te/select/explain.ts";
import { causeInWords } from "../../../../src/te/select/explain.ts";
import { judge, type Judgement } from "../../../../src/te/select/judge.ts";
import { observe, type Observed } from "../../../../src/te/select/measurement.ts";
import type { Choice } from "../../../../src/te/select/rank.ts";
import { inWords } from "../../../../src/te/select/reason.ts";
import { Selection } from "../../../../src/te/select/selection.ts";
import { winsInWords } from "../../../../src/te/select/wins.ts";
import { at, candidate, classOf, measurement, type Sample } from "./shapes.ts";

/** Second by second; undefined: nothing is measured then. */
class Watched {
  observed: Observed | undefined;
  judgement: Judgement | undefined;
  now = at(0);
  readonly slo;

  constructor(slo = classOf()) {
    this.slo = slo;
  }

  run(seconds: number, sample: Sample | undefined): this {
    for (let second = 0; second < seconds; second++) {
      this.now = at(this.now + 1_000);
      if (sample) this.observed = observe(this.observed, measurement("a", this.now, sample));
      this.judgement = judge(this.judgement, this.observed, this.slo, this.now);
    }
    return this;
  }

  get words(): string {
    const { verdict, reasons } = this.judgement!;
    return [verdict, ...reasons.map((reason) => inWords(reason, this.now))].join(": ");
  }
}

describe("a path against a class", () => {
  test("loss is left at once, and returned from after a minute without", () => {
    const path = new Watched().run(20, {});
    expect(path.words).toBe("meets");
    expect(path.run(2, { lost: 5 }).words)
      .toBe("breaks: loss forward 5 % in 2 s > 1 % allowed");
    // The bad seconds stay in the leave window for a while, and count for nothing beside good ones.
    path.run(20, {});
    expect(path.words)
      .toMatch(/^recovering: broke its SLO by loss; good again \d+ s from now if it stays so$/);
    expect(path.run(35, {}).judgement!.verdict).toBe("recovering");
    expect(path.run(12, {}).words).toBe("meets");
  });

  test("tells when it will be good again, and keeps to it", () => {
    const path = new Watched().run(5, {}).run(3, { lost: 5 }).run(15, {});
    const reason = path.judgement!.reasons[0]!;
    if (reason.kind !== "recovering" || reason.at === null) throw new Error(path.words);
    const millis = reason.at - path.now;
    expect(path.run(Math.ceil(millis / 1_000) - 1, {}).judgement!.verdict).toBe("recovering");
    expect(path.run(1, {}).judgement!.verdict).toBe("meets");
  });

  test("at a rate too low for proof, the return takes longer than the return window", () => {
    const path = new Watched().run(20, { sent: 10 }).run(4, { sent: 10, lost: 1 });
    expect(path.judgement!.verdict).toBe("breaks");
    expect(path.run(70, { sent: 10 }).judgement!.verdict).toBe("recovering");
    expect(path.judgement!.undecided).toBe(true);
    expect(path.run(110, { sent: 10 }).judgement!.verdict).toBe("meets");
  });

  test("answers that begin to be lost condemn nothing, and are worth a closer look for 2 s", () => {
    const path = new Watched().run(20, {}).run(1, { back: 3 });
    expect(path.words).toBe("meets");
    expect(path.judgement!.undecided).toBe(true);
    path.run(2, { sent: 500, back: 15 });
    for (let second = 0; second < 60; second++) {
      expect(path.run(1, { back: 3 }).words).toBe("meets");
      expect(path.judgement!.undecided).toBe(false);
    }
    // One look that does not tell directions does not make lost answers into lost packets.
    expect(path.run(1, { lost: 1, directed: false }).words).toBe("meets");
    path.run(10, { back: 3 });
    // Where the way there loses as well, it is not left waiting for that.
    expect(path.run(2, { lost: 5, back: 3 }).judgement!.verdict).toBe("breaks");
  });

  test("latency: one late look moves nothing, two do; the return needs the margin", () => {
    const path = new Watched().run(10, {}).run(1, { rtt: 100_000 });
    expect(path.words).toBe("meets");
    expect(path.run(1, { rtt: 100_000 }).words)
      .toBe("breaks: latency 100 ms in 2 s > 60 ms allowed");
    expect(path.run(200, { rtt: 57_000 }).words)
      .toBe("breaks: broke its SLO by latency; its figures are not good enough yet to return");
    expect(path.run(1, { rtt: 53_000 }).judgement!.verdict).toBe("meets");
  });

  test("jitter and bandwidth have their say", () => {
    expect(new Watched().run(2, { jitter: 12_000 }).words)
      .toBe("breaks: jitter 12 ms in 2 s > 10 ms allowed");
    const wide = classOf({ slo: { bandwidthBitsPerSecond: 10e6 } });
    expect(new Watched(wide).run(1, { bandwidth: 2e6 }).words)
      .toBe("breaks: bandwidth 2 Mbit/s < 10 Mbit/s needed");
    expect(new Watched(wide).run(1, {}).words)
      .toBe("unknown: bandwidth not known, 10 Mbit/s needed");
  });

  test("what is missing or old is neither good nor bad", () => {
    expect(new Watched().run(1, undefined).words).toBe("unknown: not measured yet");
    expect(new Watched().run(1, { live: "unknown" }).words).toBe(
      "unknown: it has not answered yet",
    );
    expect(new Watched().run(1, { sent: 0 }).words).toBe("unknown: not measured yet");
    expect(new Watched().run(5, { rtt: null }).words).toBe("unknown: no latency measured");
    const path = new Watched().run(10, {});
    expect(path.judgement!.next).toBe(path.now + 3_001);
    expect(path.run(3, undefined).words).toBe("meets");
    expect(path.run(9, undefined).words).toBe("unknown: last measured 12 s ago");
    expect(path.judgement!.figure).toBe(null);
    expect(path.run(1, {}).words).toBe("meets");
  });

  test("a gap is not the good time that a return needs", () => {
    const path = new Watched().run(10, {}).run(3, { lost: 5 }).run(90, undefined);
    expect(path.judgement!.verdict).toBe("unknown");
    expect(path.run(30, {}).judgement!.verdict).toBe("recovering");
    expect(path.run(32, {}).judgement!.verdict).toBe("meets");
  });

  test("what is lost on the way back condemns nothing, and holds up no return", () => {
    expect(new Watched().run(60, { back: 20 }).words).toBe("meets");
    const path = new Watched().run(20, {}).run(2, { lost: 5, back: 20 });
    expect(path.words).toBe("breaks: loss forward 5 % in 2 s > 1 % allowed");
    const both = new Watched().run(20, {}).run(2, { lost: 3, back: 4 });
    expect(both.words).toBe("breaks: loss forward 3 % (and 4.1 % back) in 2 s > 1 % allowed");
    expect(path.run(70, { back: 20 }).words).toBe("meets");
    const unknown = new Watched().run(3, { back: 5, directed: false });
    expect(unknown.words)
      .toBe("breaks: loss in the round trip (directions unknown) 5 % in 3 s > 1 % allowed");
    // Nothing comes back: the probes say so, and that is death.
    const dead = new Watched().run(20, {}).run(1, { live: "down", liveSince: 20_500, back: 100 });
    expect(dead.judgement!.verdict).toBe("dead");
  });

  test("a path of least loss is one of least loss there", () => {
    const slo = classOf({ objective: "loss" });
    const figure = (sample: Sample) => new Watched(slo).run(3, sample).judgement!.figure;
    expect(figure({ back: 7 })).toBe(0);
    expect(figure({ lost: 2, back: 7 })).toBeCloseTo(0.02);
    expect(figure({ back: 7, directed: false })).toBeCloseTo(0.07);
  });

  test("without directions the round trip is judged, and said to be", () => {
    expect(new Watched().run(3, { lost: 5, directed: false }).words)
      .toBe("breaks: loss in the round trip (directions unknown) 5 % in 3 s > 1 % allowed");
  });

  test("dead is dead even when it is old news; alive again is slow to count", () => {
    const path = new Watched().run(5, {});
    path.run(1, { live: "down", liveSince: 5_500, downs: 1, lost: 100 });
    expect(path.words).toBe("dead: dead for 0.5 s");
    expect(path.run(10, undefined).words).toBe("dead: dead for 11 s");
    path.run(1, { downs: 1, liveSince: 16_500 });
    expect(path.words).toBe("unknown: not measured yet");
    path.run(1, { downs: 1, liveSince: 16_500 });
    expect(path.words).toBe("recovering: was dead; good again 59 s from now if it stays so");
    expect(path.run(57, { downs: 1, liveSince: 16_500 }).judgement!.verdict).toBe("recovering");
    expect(path.run(2, { downs: 1, liveSince: 16_500 }).judgement!.verdict).toBe("meets");
  });

  test("what was lost while it was dead is not counted once more when it lives", () => {
    const path = new Watched().run(5, {});
    path.run(9, { live: "down", liveSince: 5_500, downs: 1, lost: 100 });
    path.run(2, { downs: 1, liveSince: 14_000 });
    expect(path.words).toBe("recovering: was dead; good again 58 s from now if it stays so");
  });

  test("deaths between two measurements count, and suppress", () => {
    const path = new Watched().run(5, {}).run(1, { downs: 3, liveSince: 5_900 });
    path.run(1, { downs: 3, liveSince: 5_900 });
    expect(path.words).toMatch(
      /^suppressed: suppressed: penalty 2997, reusable in 1199 s: was dead; good again 59 s/,
    );
    // Counters that began anew are no deaths.
    expect(new Watched().run(5, { downs: 9 }).run(1, { downs: 0 }).words).toBe("meets");
    // What a path went through before it was known is not held against it.
    expect(new Watched().run(1, { downs: 9 }).words).toBe("meets");
  });
});

describe("in words", () => {
  const slo = classOf({ objective: "latency" });
  const choice: Choice = {
    key: "voice > porto",
    class: slo,
    candidates: ["a", "b", "c", "d"].map((path) =>
      candidate(path, { resort: path === "d" ? "last" : "always" })
    ),
    balance: false,
  };

  function told(samples: Record<string, Sample>[]): { lines: string[]; selection: Selection } {
    const selection = new Selection([choice], at(0));
    let now = at(0);
    for (const sample of samples) {
      now = at(now + 1_000);
      const measured = Object.entries(sample).map(([path, one]) => measurement(path, now, one));
      selection.measure(measured, now);
    }
    const judgementOf = (path: string) => selection.judgement(choice.key, path)!;
    const { paths } = explain(choice, selection.decision(choice.key)!, judgementOf, now);
    return { lines: paths.map((one) => `${one.path} ${pathInWords(one, slo, now)}`), selection };
  }

  test("each path says why it is not the one in use", () => {
    const before = { a: { rtt: 50_000 }, b: { rtt: 51_000 }, c: {}, d: { rtt: 5_000 } };
    const now = { a: { rtt: 50_000 }, b: { rtt: 48_000 }, c: { lost: 5 }, d: { rtt: 5_000 } };
    const first = Array(3).fill({ ...before, c: { rtt: 52_000 } });
    expect(told([...first, ...Array(3).fill(now)]).lines).toEqual([
      "a in use: meets its SLO",
      "b better by 4 %, needs 10 % for 5 s",
      "c rejected: loss forward 5 % in 3 s > 1 % allowed",
      "d only for when others fail (metered)",
    ]);
  });

  test("a preferred one that comes back says when it is good, and blames no other", () => {
    const candidates = [candidate("a"), candidate("b", { preference: 1 })];
    const two = { ...choice, class: classOf({}, { minimumStayMillis: 8_000 }), candidates };
    const selection = new Selection([two], at(0));
    for (let second = 1; second <= 40; second++) {
      const since = (back: number): Sample => ({
        live: second >= 20 && second < back ? "down" : "up",
        liveSince: second < 20 ? 0 : second < back ? 20_000 : back * 1_000,
        downs: Number(second >= 20),
      });
      const measured = [
        measurement("a", second * 1_000, since(22)),
        measurement("b", second * 1_000, since(21)),
      ];
      selection.measure(measured, at(second * 1_000));
    }
    const now = at(40_000);
    const judgementOf = (path: string) => selection.judgement(two.key, path)!;
    const { paths } = explain(two, selection.decision(two.key)!, judgementOf, now);
    const [lead, other] = [paths[0]!, paths[1]!];
    expect([lead.path, other.path]).toEqual(["b", "a"]);
    expect(winsInWords(other, lead, two.class, now)).toBe(
      "it stays so for 42 s, or those before it fail",
    );
  });

  test("a better one waits, takes new flows, then the existing ones", () => {
    const usual = { a: { rtt: 20_000 }, b: { rtt: 30_000 } };
    const turned = { a: { rtt: 50_000 }, b: { rtt: 30_000 } };
    const waiting = told([...Array(10).fill(usual), ...Array(5).fill(turned)]);
    expect(waiting.lines[1]).toBe("b better, takes over in 15 s if it stays so");
    const taken = told([...Array(10).fill(usual), ...Array(23).fill(turned)]);
    expect(taken.lines.slice(0, 2)).toEqual([
      "b in use: meets its SLO",
      "a latency 50 ms, of the best 30 ms; flows that are on it stay",
    ]);
    const cause = taken.selection.decision(choice.key)!;
    expect(cause.kept).toEqual([{ path: "a", worseSince: 30_000 }]);
    const done = told([...Array(10).fill(usual), ...Array(40).fill(turned)]);
    expect(done.lines[1]).toBe("a latency 50 ms, of the best 30 ms");
    expect(causeInWords({ kind: "better", byShare: 0.4 }, at(0))).toBe("better by 40 %");
  });
});
