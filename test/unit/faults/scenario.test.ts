import { describe, expect, test } from "vitest";
import { parseTopology } from "../../../src/lab/topology.ts";
import { linkNames } from "../../../src/lab/layout.ts";
import { Failure } from "../../../src/cli/command.ts";
import { figuresOf, isReached, readScenarios } from "../../faults/command.ts";
import { parseAction, parseScenario } from "../../faults/scenario.ts";

const PROMISED = [
  "bandwidth-collapse",
  "below-threshold",
  "blackhole",
  "blackhole-quick",
  "brown-out",
  "brown-out-bursty",
  "flapping",
  "jitter",
  "label-loop",
  "latency-step",
  "local-link-down",
  "one-way-loss",
  "one-way-loss-back",
  "peer-restart",
  "second-link-down",
  "threshold",
  "transit-link-dead",
  "transit-link-down",
  "transit-link-lost",
  "transit-lost",
  "two-failures",
];

describe("the faults that there are", () => {
  test("act on what their lab has, and undo what they do", async () => {
    for (const { fault, lab, traffic, ...scenario } of await readScenarios()) {
      const topology = parseTopology(await Deno.readTextFile(lab), lab);
      const sites = topology.sites.map(({ name }) => name);
      const hosts = topology.sites.flatMap(({ name, hosts }) =>
        hosts.map(({ segment }) => `${name}.${segment}`)
      );
      expect(hosts, fault).toEqual(expect.arrayContaining([traffic.from, traffic.to]));
      for (const action of [...scenario.do, ...scenario.undo]) {
        if (action.kind === "wait") expect(action.millis, fault).toBeLessThan(scenario.watchMillis);
        else if (action.kind === "impair") {
          expect(linkNames(topology), fault).toContain(action.link);
        } else expect(sites, fault).toContain(action.site);
      }
      const kills = scenario.do.filter(({ kind }) => kind === "kill").length;
      const ends = (kind: string, list: typeof scenario.do) =>
        list.flatMap((one) => one.kind === kind && "site" in one ? [one.site] : []).sort();
      expect(ends("restore", scenario.undo), fault).toEqual(ends("misread", scenario.do));
      const starts = [...scenario.do, ...scenario.undo].filter(({ kind }) => kind === "start");
      expect(starts.length, fault).toBe(kills);
    }
  });

  test("are named as their files are", async () => {
    const names = (await readScenarios()).map(({ fault }) => fault);
    expect(names).toEqual(expect.arrayContaining(["blackhole", "local-link-down", "brown-out"]));
    expect(new Set(names).size).toBe(names.length);
  });
});

test("every fault that was promised has a file", async () => {
  const names = (await readScenarios()).map(({ fault }) => fault);
  expect(names).toEqual(expect.arrayContaining(PROMISED));
});

describe("an action", () => {
  test("is read from words", () => {
    expect(parseAction("impair a.isp~b.isp up cut loss=2%")).toEqual({
      kind: "impair",
      link: "a.isp~b.isp",
      direction: "up",
      change: { cut: true, lossPercent: 2 },
    });
    expect(parseAction("device lyon.fibre down")).toMatchObject({ device: "fibre", up: false });
    expect(parseAction("kill lyon")).toEqual({ kind: "kill", site: "lyon" });
    expect(parseAction("misread a b.isp=5 c.isp=6")).toEqual({
      kind: "misread",
      site: "a",
      costs: { "b.isp": 5, "c.isp": 6 },
    });
    expect(parseAction("wait 500ms")).toEqual({ kind: "wait", millis: 500 });
  });

  test.each([
    ["burn lyon", "accepted are impair LINK"],
    ["kill", "accepted are impair LINK"],
    ["wait 5", "accepted are impair LINK"],
    ["misread lyon", "accepted are impair LINK"],
    ["misread lyon fibre=5", "accepted are impair LINK"],
    ["device lyon down", "accepted are impair LINK"],
    ["impair a.isp los=2%", "los is unknown"],
    ["impair a.isp", "Nothing to change"],
  ])("%s is refused", (text, part) => {
    expect(parseAction(text)).toContain(part);
  });
});

test("a file with mistakes tells all of them", () => {
  const text = "fault: x\nwhat: y\nlab: l\ntraffic: { from: a, to: b, port: 0 }\n" +
    "do: [burn a]\nundo: []\nwatch: 2\n";
  try {
    parseScenario(text, "f.yaml");
    expect.unreachable();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error.lines.length).toBe(3);
    expect(error.lines.join("\n")).toMatch(/traffic.port[\s\S]*do.0: burn a[\s\S]*watch/);
  }
});

test("what is counted on its way round comes with how much of it is promised, and the other way", () => {
  const text = (more: string) =>
    "fault: x\nwhat: y\nlab: l\ntraffic: { from: a, to: b, port: 1 }\n" +
    `do: [kill a]\nundo: [start a]\nwatch: 2min\n${more}`;
  const passed = "passed: { site: a, label: node SID b }\n";
  const scenario = parseScenario(text(`${passed}reach: { passed: 9 }\nrepeats: 2\n`), "f.yaml");
  expect(scenario).toMatchObject({
    passed: { site: "a", label: "node SID b" },
    reach: { millis: null, moves: null, passed: 9 },
    repeats: 2,
    watchMillis: 120_000,
  });
  expect(() => parseScenario(text(passed), "f.yaml")).toThrow(Failure);
  expect(() => parseScenario(text("reach: { passed: 9 }\n"), "f.yaml")).toThrow(Failure);
});

test("a fault whose packets did not go round as promised fails", () => {
  const one = (passed: number) => {
    const scenario = parseScenario(
      "fault: x\nwhat: y\nlab: l\ntraffic: { from: a, to: b, port: 1 }\ndo: [kill a]\n" +
        "undo: [start a]\nwatch: 2s\npassed: { site: a, label: node SID b }\n" +
        "reach: { passed: 9 }\n",
      "f.yaml",
    );
    const outcome = {
      lost: 0,
      late: 0,
      recoverMillis: 0,
      lostBefore: 0,
      delayBeforeMicros: 0,
      delayAfterMicros: 0,
      duplicates: 0,
      moves: 0,
      dropped: null,
      moved: { from: [], to: [] },
    };
    return isReached(figuresOf(scenario, [{ ...outcome, passed: 20 }, { ...outcome, passed }]));
  };
  expect([one(8), one(9)]).toEqual([false, true]);
});
