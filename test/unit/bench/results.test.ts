import { describe, expect, test } from "vitest";
import { UsageError } from "../../../src/cli/command.ts";
import { bench, chosen } from "../../bench/command.ts";
import { toJson } from "../../bench/json.ts";
import type { Sample } from "../../bench/measure/sample.ts";
import { PEER_NAMES, type PeerName } from "../../bench/peers/peer.ts";
import { renderPlot } from "../../bench/plot.ts";
import { figure, renderGroup, renderSummary } from "../../bench/report.ts";
import { evaluate, type Figures } from "../../bench/results.ts";
import { expectedSeconds, peersOf } from "../../bench/run.ts";
import { groupsFor, type Scenario, SCENARIOS } from "../../bench/scenarios.ts";

const PIPE = { columns: () => Infinity, color: false };

const RATE: Scenario = { name: "rate", unit: "Gbit/s", better: "higher", what: "a <rate>" };
const ADDED: Scenario = { ...RATE, name: "rtt", unit: "µs", better: "lower", overVeth: true };

function samples(scenario: Scenario, runs: Partial<Record<PeerName, (number | null)[]>>) {
  return new Map(PEER_NAMES.flatMap((peer) => {
    const values = runs[peer];
    if (values === undefined) return [];
    return [[
      peer,
      values.map((value): Sample | null =>
        value === null ? null : {
          values: { [scenario.name]: value },
          cpu: { machine: value * 2, processes: value, idleLoad: 0 },
          peakMemory: 1e6,
        }
      ),
    ]];
  }));
}

function evaluated(...parts: Parameters<typeof evaluate>): Figures {
  const figures = evaluate(...parts);
  if (figures === null) throw new Error("no figures");
  return figures;
}

const rates = () =>
  evaluated(
    RATE,
    samples(RATE, { veth: [15, 16], labelway: [4, 6], "wireguard-go": [2, 4], tinc: [null, null] }),
    PEER_NAMES,
  );

describe("results", () => {
  test("are compared run by run; a peer without figures is left out", () => {
    const { peers } = rates();
    expect(peers.map(({ peer }) => peer)).toEqual(["veth", "labelway", "wireguard-go"]);
    expect(peers[2]?.ratio).toEqual({ median: 1.75, min: 1.5, max: 2 });
    expect(peers[1]?.ratio).toBeNull();
    expect(evaluate(RATE, new Map(), PEER_NAMES)).toBeNull();
  });

  test("over the veth, the veth is a base and no peer", () => {
    const runs = samples(ADDED, { veth: [30, 40], labelway: [50, 70], "wireguard-go": [130, 100] });
    const { peers, base } = evaluated(ADDED, runs, PEER_NAMES);
    expect(peers.map(({ peer, runs }) => [peer, runs])).toEqual([
      ["labelway", [20, 30]],
      ["wireguard-go", [100, 60]],
    ]);
    expect(peers[1]?.ratio?.median).toBeCloseTo(0.35);
    expect(base?.median).toBe(35);
    expect(peers[0]?.cpu, "no cost of a rate").toBeNull();
  });

  test("a scenario of Labelway alone has its ratio to another scenario", () => {
    const deep: Scenario = { ...RATE, name: "labels-2", against: "labels-1" };
    const figures = evaluated(deep, samples(deep, { labelway: [9, 8] }), PEER_NAMES, [10, 10]);
    expect(figures.peers[0]?.ratio?.median).toBeCloseTo(0.85);
    expect(toJson(figures, new Map()).ratio).toEqual({ "labels-1": expect.closeTo(0.85) });
  });

  test("as JSON: everything by peer", () => {
    expect(toJson(rates(), new Map([["labelway", "0.1.0"]]))).toEqual({
      scenario: "rate",
      unit: "Gbit/s",
      better: "higher",
      median: { veth: 15.5, labelway: 5, "wireguard-go": 3 },
      min: { veth: 15, labelway: 4, "wireguard-go": 2 },
      max: { veth: 16, labelway: 6, "wireguard-go": 4 },
      ratio: { veth: expect.closeTo(0.3208, 3), "wireguard-go": 1.75 },
      runs: { veth: [15, 16], labelway: [4, 6], "wireguard-go": [2, 4] },
      cpuSecondsPerGb: {
        veth: { machine: 31, processes: 15.5, idleLoad: 0 },
        labelway: { machine: 10, processes: 5, idleLoad: 0 },
        "wireguard-go": { machine: 6, processes: 3, idleLoad: 0 },
      },
      peakMemoryBytes: { veth: 1e6, labelway: 1e6, "wireguard-go": 1e6 },
      peers: { labelway: "0.1.0" },
    });
  });

  test("as a table and a summary", () => {
    const table = renderGroup([rates()], PIPE);
    expect(table).toMatch(/^rate: a <rate>, higher is better\n/);
    expect(table).toMatch(/wireguard-go +3\.00 +2\.00 +4\.00 +1\.75 ×/);
    expect(renderSummary([rates()], PIPE)).toMatch(/rate +Gbit\/s .* 3\.00 \(1\.75 ×\)/);
  });

  test("as a plot: bars to one scale, the veth in the title, text escaped", () => {
    const svg = renderPlot([rates(), { ...rates(), scenario: { ...RATE, name: "a<b & c" } }]);
    expect(svg).toContain("a&lt;b &amp; c");
    expect(svg).not.toContain("a<b");
    expect(svg).toContain("bare veth 15.5");
    expect(svg).toContain("prefers-color-scheme: dark");
    const bars = [...svg.matchAll(/class="(ours|bar)" .*?width="([\d.]+)"/g)];
    expect(bars.map((bar) => bar[1])).toEqual(["ours", "bar", "ours", "bar"]);
    expect(Number(bars[0]?.[2]) / Number(bars[1]?.[2])).toBeCloseTo(5 / 3, 1);
    for (const element of ["svg", "g", "text", "style"]) {
      const opened = svg.match(new RegExp(`<${element}[ >]`, "g"))?.length;
      expect(svg.match(new RegExp(`</${element}>`, "g"))?.length, element).toBe(opened);
    }
  });

  test("of Labelway alone are no panel", () => {
    const figures = evaluated(RATE, samples(RATE, { labelway: [1] }), PEER_NAMES);
    expect(renderPlot([figures])).not.toContain("<g ");
  });
});

test("three digits are enough", () => {
  expect([15.51, 123_456, 0.2345, 187.4, 1234, NaN].map(figure))
    .toEqual(["15.5", "123 456", "0.234", "187", "1 234", "–"]);
});

describe("the command line", () => {
  test("takes names in any form, in the order of the benchmark", () => {
    const peers = chosen("peer", ["tinc,labelway", " veth"], PEER_NAMES);
    expect(peers).toEqual(["veth", "labelway", "tinc"]);
    expect(chosen("peer", [], PEER_NAMES)).toEqual(PEER_NAMES);
  });

  test("refuses every unknown name at once, with suggestions", () => {
    const names = SCENARIOS.map(({ name }) => name);
    const attempt = () => chosen("scenario", ["tcp-dirct,rtt-idel"], names);
    expect(attempt).toThrow(UsageError);
    expect(attempt).toThrow(/tcp-dirct.*did you mean tcp-direct\?\n.*did you mean rtt-idle\?/);
  });

  test("has the scenarios and options that docs and scripts name", () => {
    expect(Object.keys(bench.options)).toEqual(["only", "peers", "runs", "json", "plot", "list"]);
    const names = SCENARIOS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of ["tcp-direct", "tcp-transit", "udp-100", "rtt-idle", "memory"]) {
      expect(names).toContain(name);
    }
  });
});

describe("the plan", () => {
  test("measures no more than what the scenarios need", () => {
    const [group, ...more] = groupsFor(["memory"]);
    expect(more).toEqual([]);
    expect(group?.[0]?.scenarios.map(({ name }) => name)).toEqual(["memory"]);
    expect(groupsFor(["rtt-idle", "tcp-direct"])).toHaveLength(2);
  });

  test("and what they are compared with", () => {
    const names = groupsFor(["labels-4"]).flat().flatMap(({ scenarios }) => scenarios)
      .map(({ name }) => name);
    expect(names).toEqual(["labels-1", "labels-4"]);
    const [plan] = groupsFor(["rtt-idle"]).flat();
    expect(peersOf(plan!, ["labelway"])).toEqual(["veth", "labelway"]);
    const [alone] = groupsFor(["labels-1"]).flat();
    expect(peersOf(alone!, PEER_NAMES)).toEqual(["labelway"]);
    expect(peersOf(alone!, ["tinc"])).toEqual([]);
  });

  test("knows how long it takes", () => {
    const groups = groupsFor(["tcp-direct"]);
    const once = expectedSeconds(groups, ["labelway"], 1);
    expect(expectedSeconds(groups, ["labelway", "tinc"], 5)).toBe(10 * once);
  });
});
