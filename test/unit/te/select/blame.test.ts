import { describe, expect, test } from "vitest";
import { placeOf } from "../../../../src/te/select/blame.ts";
import type { Look } from "../../../../src/te/select/measurement.ts";
import { Selection } from "../../../../src/te/select/selection.ts";
import { standingsOf } from "../../../../src/te/select/standing.ts";
import { at, candidate, classOf, measurement, type Sample } from "./shapes.ts";

/** `short` and `decoy` end by the same adjacency; `short` and `other` begin by the same. */
const WAYS = (path: string): readonly string[] =>
  ({
    short: ["a>b", "b>z"],
    decoy: ["a>c", "c>b", "b>z"],
    other: ["a>b", "b>c", "c>z"],
  })[path] ?? [];

const KEY = "calls > z";
const CHOICE = {
  key: KEY,
  class: classOf({ objective: "latency", slo: { loss: 0.01 } }),
  balance: false,
  candidates: ["short", "decoy", "other"].map((path) => candidate(path)),
};
/** Rarely probed, each as good as it gets; the decoy is a hair quicker than the other. */
const STANDBY: Record<string, Sample> = {
  decoy: { sent: 10, rtt: 26_000 },
  other: { sent: 10, rtt: 26_100 },
};
const ENTRY = { lost: 0, sent: 1_000 };

const LOOK: Look = {
  at: at(1_000),
  spanMillis: 1_000,
  forward: { lost: 4, sent: 100 },
  backward: { lost: 0, sent: 100 },
  directed: true,
  entry: null,
  rttMicros: 20_000,
  jitterMicros: 100,
};

interface Course {
  readonly selection: Selection;
  now: number;
}

function begin(): Course {
  const course = { selection: new Selection([CHOICE], at(0), undefined, WAYS), now: 0 };
  go(course, 30, { short: { rtt: 13_000, entry: ENTRY }, ...STANDBY });
  expect(lead(course)).toBe("short");
  return course;
}

function go(course: Course, seconds: number, samples: Record<string, Sample>): void {
  for (let second = 0; second < seconds; second++) {
    course.now += 1_000;
    const measured = Object.entries(samples)
      .map(([path, sample]) => measurement(path, course.now, sample));
    course.selection.measure(measured, at(course.now));
  }
}

const lead = ({ selection }: Course) => selection.decision(KEY)!.order[0];

describe("when a path is left for its loss, what shares the cause is taken last", () => {
  test("behind the first adjacency, which was good: not by the adjacency that both end with", () => {
    const course = begin();
    go(course, 4, { short: { rtt: 13_000, lost: 4, entry: ENTRY }, ...STANDBY });
    expect(lead(course)).toBe("other");
  });

  test("without a word of the first adjacency, either may be it: the figures decide", () => {
    const course = begin();
    go(course, 4, { short: { rtt: 13_000, lost: 4 }, ...STANDBY });
    expect(lead(course)).toBe("decoy");
  });

  test("the first adjacency itself loses: the one that both end with is not at fault", () => {
    const course = begin();
    const entry = { lost: 40, sent: 1_000 };
    go(course, 4, { short: { rtt: 13_000, lost: 4, entry }, ...STANDBY });
    expect(lead(course)).toBe("decoy");
  });

  test("explain says so, and what would end it", () => {
    const course = begin();
    go(course, 4, { short: { rtt: 13_000, lost: 4, entry: ENTRY }, ...STANDBY });
    const standings = standingsOf(course.selection, KEY, () => null, at(course.now))!;
    expect(standings.find(({ key }) => key === "decoy")).toMatchObject({
      verdict: "meets",
      why: expect.stringMatching(
        /^it shares what may be wrong with the path that was left for its loss, for \d+ s more/,
      ),
      wins: expect.stringMatching(/^it is good and the best in \d+ s, or those before it fail$/),
    });
  });

  test("who is blamed and would lead is probed closely, and takes over when it has stayed good", () => {
    const course = begin();
    const bad = { rtt: 13_000, lost: 4, entry: ENTRY };
    const slow = { sent: 10, rtt: 60_000 };
    go(course, 4, { short: bad, decoy: STANDBY.decoy!, other: slow });
    expect(lead(course)).toBe("other");
    const undecided = () => course.selection.undecided().find(({ path }) => path === "decoy");
    expect(undecided()).toMatchObject({ returns: true });
    const { until } = course.selection.decision(KEY)!.blame!;
    const seconds = (until - course.now) / 1_000;
    go(course, seconds - 1, { short: bad, decoy: STANDBY.decoy!, other: slow });
    expect(lead(course)).toBe("other");
    go(course, 10, { short: bad, decoy: STANDBY.decoy!, other: slow });
    expect(lead(course)).toBe("decoy");
    expect(undecided()).toBeUndefined();
  });

  test("who has proved good by its own probes meanwhile is not blamed", () => {
    const course = begin();
    const decoy = { sent: 200, rtt: 26_000 };
    go(course, 10, { short: { rtt: 13_000, entry: ENTRY }, decoy, other: STANDBY.other! });
    go(course, 4, { short: { rtt: 13_000, lost: 4, entry: ENTRY }, decoy, other: STANDBY.other! });
    expect(lead(course)).toBe("decoy");
  });

  test("a second path that is left does not make forget the first", () => {
    const course = begin();
    const bad = { lost: 4, entry: ENTRY };
    go(course, 4, { short: bad, ...STANDBY });
    expect(lead(course)).toBe("other");
    go(course, 4, { short: bad, decoy: STANDBY.decoy!, other: { rtt: 26_100, ...bad } });
    // Nothing else is left.
    expect(lead(course)).toBe("decoy");
    expect(course.selection.decision(KEY)!.blame!.paths).toContain("decoy");
  });

  test("what a policy prefers, and what is a last resort, stay so", () => {
    const choice = {
      ...CHOICE,
      candidates: [candidate("short"), candidate("decoy"), candidate("other", { preference: 1 })],
    };
    const selection = new Selection([choice], at(0), undefined, WAYS);
    const course = { selection, now: 0 };
    go(course, 30, { short: { rtt: 13_000, entry: ENTRY }, ...STANDBY });
    go(course, 4, { short: { rtt: 13_000, lost: 4, entry: ENTRY }, ...STANDBY });
    expect(lead(course)).toBe("decoy");
  });

  test("it is taken meanwhile when nothing else is good", () => {
    const course = begin();
    const bad = { rtt: 13_000, lost: 4, entry: ENTRY };
    go(course, 4, { short: bad, ...STANDBY });
    go(course, 1, { short: bad, decoy: STANDBY.decoy!, other: { live: "down", downs: 1 } });
    expect(lead(course)).toBe("decoy");
  });

  test("a path that is suppressed and recovers is in nobody's way", () => {
    const course = begin();
    for (let time = 0; time < 6; time++) {
      const downs = time + 1;
      const liveSince = course.now + 1_000;
      go(course, 1, { short: { live: "down", downs, liveSince }, ...STANDBY });
      go(course, 4, { short: { lost: 4, downs, liveSince: course.now, entry: ENTRY }, ...STANDBY });
    }
    go(course, 3_600, { short: { rtt: 13_000, downs: 6, entry: ENTRY }, ...STANDBY });
    expect(lead(course)).toBe("short");
    expect(course.selection.decision(KEY)!.blame).toBeNull();
  });

  test("it ends with the fault", () => {
    const course = begin();
    go(course, 4, { short: { rtt: 13_000, lost: 4, entry: ENTRY }, ...STANDBY });
    go(course, 120, { short: { rtt: 13_000, entry: ENTRY }, ...STANDBY });
    expect(lead(course)).toBe("short");
    const standings = standingsOf(course.selection, KEY, () => null, at(course.now))!;
    expect(standings.map(({ why }) => why).join()).not.toContain("shares");
  });
});

describe("where a path loses its packets, by its first adjacency", () => {
  const place = (lost: number, entry: { lost: number; sent: number } | null, share = 0.04) =>
    placeOf([{ ...LOOK, forward: { lost, sent: 100 }, entry }], at(0), share, 0.01);

  test("is known by a hundred packets where much is lost", () => {
    expect(place(4, { lost: 0, sent: 100 })).toBe("behind");
    expect(place(4, { lost: 4, sent: 100 })).toBe("entry");
    // One in a hundred is what the SLO allows, and neither.
    expect(place(4, { lost: 1, sent: 100 })).toBe("anywhere");
    expect(place(4, { lost: 0, sent: 50 })).toBe("anywhere");
    expect(place(4, null)).toBe("anywhere");
  });

  test("takes more where less is lost, and none of what was before", () => {
    expect(place(2, { lost: 0, sent: 100 }, 0.02)).toBe("anywhere");
    expect(place(2, { lost: 0, sent: 200 }, 0.02)).toBe("behind");
    const before = { ...LOOK, at: at(-1_000), entry: { lost: 0, sent: 1_000 } };
    expect(placeOf([before, { ...LOOK, entry: null }], at(0), 0.04, 0.01)).toBe("anywhere");
  });

  test("all that is sent may be lost", () => {
    expect(place(100, { lost: 100, sent: 100 }, 1)).toBe("entry");
    expect(place(100, { lost: 0, sent: 3 }, 1)).toBe("behind");
  });
});
