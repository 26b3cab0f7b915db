import { expect, test } from "vitest";
import { createApp } from "../../../src/api/app.ts";
import { metricsText } from "../../../src/api/metrics.ts";
import { observe } from "../../../src/api/observation.ts";
import { FixtureRouter } from "../../fixtures/router.ts";

interface Sample {
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** The text format 0.0.4 as its specification has it, strictly: every fault throws. */
function parseMetrics(text: string): { types: Map<string, string>; samples: Sample[] } {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const types = new Map<string, string>();
  const helps = new Set<string>();
  const closed = new Set<string>();
  const series = new Set<string>();
  const samples: Sample[] = [];
  let family: string | null = null;
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (comment !== null) {
      const [, kind, name = "", rest = ""] = comment;
      if (name !== family && closed.has(name)) throw new Error(`${name} is not in one group`);
      if (family !== null && family !== name) closed.add(family);
      family = name;
      if (kind === "HELP") {
        if (helps.has(name)) throw new Error(`two HELP of ${name}`);
        helps.add(name);
      } else {
        if (types.has(name)) throw new Error(`two TYPE of ${name}`);
        if (!["counter", "gauge"].includes(rest)) throw new Error(`type ${rest}`);
        types.set(name, rest);
      }
      continue;
    }
    const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null) throw new Error(`no sample: ${line}`);
    const [, name = "", inner, number = ""] = match;
    if (name !== family || !types.has(name)) throw new Error(`${name} stands outside its family`);
    const labels: Record<string, string> = {};
    let rest = inner ?? "";
    while (rest !== "") {
      const pair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest);
      if (pair === null) throw new Error(`label: ${rest}`);
      const [whole, key = "", value = ""] = pair;
      if (key in labels) throw new Error(`label ${key} twice`);
      labels[key] = value.replaceAll(/\\(.)/g, (_, escaped) => escaped === "n" ? "\n" : escaped);
      rest = rest.slice(whole.length);
    }
    const identity = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
    if (series.has(identity)) throw new Error(`series twice: ${identity}`);
    series.add(identity);
    if (!/^-?\d+(\.\d+)?(e-?\d+)?$/.test(number)) throw new Error(`value ${number}`);
    samples.push({ name, labels, value: Number(number) });
  }
  for (const [name, type] of types) {
    if ((type === "counter") !== name.endsWith("_total")) {
      throw new Error(`name of ${type} ${name}`);
    }
    if (!helps.has(name)) throw new Error(`no HELP of ${name}`);
  }
  return { types, samples };
}

function value(samples: readonly Sample[], name: string, labels: Record<string, string> = {}) {
  const found = samples.filter((one) =>
    one.name === name && Object.entries(labels).every(([key, text]) => one.labels[key] === text)
  );
  return found.map((one) => one.value);
}

test("metrics follow the text format and tell what the router knows", async () => {
  const router = new FixtureRouter();
  router.setAdjacency("lte>hub.fibre", "down");
  const response = await createApp(router, { listen: { kind: "unix" } }).request("/metrics");
  expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const { samples } = parseMetrics(await response.text());
  expect(value(samples, "labelway_uptime_seconds")).toEqual([3725]);
  expect(value(samples, "labelway_adjacency_up", { adjacency: "fibre>hub.fibre" })).toEqual([1]);
  expect(value(samples, "labelway_adjacency_up", { adjacency: "lte>hub.fibre" })).toEqual([0]);
  expect(value(samples, "labelway_adjacency_rtt_seconds", { adjacency: "fibre>hub.fibre" }))
    .toEqual([0.01]);
  // Nothing was measured: no sample rather than a zero.
  expect(value(samples, "labelway_adjacency_rtt_seconds", { adjacency: "lte>hub.fibre" }))
    .toEqual([]);
  expect(value(samples, "labelway_path_up", { path: "lte>hub.fibre" })).toEqual([0]);
  expect(value(samples, "labelway_dropped_packets_total", { reason: "policy-drop" })).toEqual([7]);
  expect(value(samples, "labelway_dropped_packets_total", { reason: "unknown-label" })).toEqual([
    0,
  ]);
  expect(value(samples, "labelway_label_packets_total", { label: "28001" })).toEqual([100]);
  expect(value(samples, "labelway_thread_packets_total", { direction: "underlay" })).toEqual([
    40,
    60,
  ]);
  expect(value(samples, "labelway_thread_bytes_total", { thread: "lw-ingress" })).toEqual([500]);
});

test("names with quotes, backslashes and line ends stay within their label", () => {
  const router = new FixtureRouter();
  const name = 'a"b\\c\nd';
  router.change({ network: { ...router.current().network, name } });
  const { samples } = parseMetrics(metricsText(observe(router), [], []));
  expect(samples.find((one) => one.name === "labelway_info")?.labels.network).toBe(name);
});

test("the parser of this test refuses what is not the format", () => {
  for (
    const text of [
      "a 1",
      "a 1\n",
      "# HELP a x\n# TYPE a gauge\na 1\na 1\n",
      "# HELP a x\n# TYPE a counter\na 1\n",
      '# HELP a x\n# TYPE a gauge\na{b="c" 1\n',
      "# HELP a x\n# TYPE a gauge\na NaNo\n",
    ]
  ) expect(() => parseMetrics(text)).toThrow();
});
