import { expect, test } from "vitest";
import { measuredFamilies } from "../../../src/api/measured_metrics.ts";
import { createApp } from "../../../src/api/app.ts";
import { observe } from "../../../src/api/observation.ts";
import type { Measurements } from "../../../src/api/schema.ts";
import { renderMeasurements } from "../../../src/cli/measurements.ts";
import { FixtureRouter, quality } from "../../fixtures/router.ts";
import { windowOf } from "../../fixtures/looks.ts";
import { FakeIo } from "../cli/fake_io.ts";

const router = new FixtureRouter();
const app = createApp(router, { listen: { kind: "unix" } });

async function ask(query: string): Promise<{ status: number; value: Measurements }> {
  const response = await app.request(`/v1/measurements${query}`);
  return { status: response.status, value: await response.json() };
}

test("every window of every path, with losses each way", async () => {
  const { value } = await ask("?site=porto");
  expect(value.paths.map(({ key }) => key)).toContain("fibre>hub.fibre,fibre>porto.fibre");
  const direct = value.paths.find(({ key }) => key === "fibre>porto.fibre")!;
  expect(direct.windows.map(({ spanMillis }) => spanMillis))
    .toEqual([1_000, 10_000, 60_000, 900_000, 86_400_000]);
  expect(direct.windows[2]).toMatchObject({
    sent: 600,
    answered: 594,
    loss: 0.01,
    lossForward: 0.01,
    lossBackward: 0,
    rttMicros: { p50: 12_000, p95: 13_000, p99: 14_000 },
    jitterMicros: 250,
  });
  expect(direct.classes).toMatchObject([{ class: 0, sent: 600 }]);
});

test("of a policy only those that it ranks, and nothing of what is not there", async () => {
  const { value } = await ask("?site=porto&policy=inspected");
  expect(value.paths.map(({ key }) => key)).toEqual([
    "fibre>hub.fibre,fibre>porto.fibre",
    "lte>hub.fibre,fibre>porto.fibre",
  ]);
  expect((await ask("?policy=nobody")).status).toBe(400);
});

test("a table for people", () => {
  const dead = quality("down", null);
  const window = windowOf(1_000, dead);
  const value: Measurements = {
    site: "lisbon",
    paths: [{
      key: "a>b.c",
      egress: "b",
      mtuBytes: 1312,
      windows: [{
        ...{ spanMillis: 1_000, sent: window.sent, answered: 0, loss: 1 },
        ...{ lossForward: null, lossBackward: null, late: 0 },
        ...{ reorderedForward: 0, reorderedBackward: 0, copiesForward: 0, copiesBackward: 0 },
        ...{ rttMicros: null, jitterMicros: null },
      }],
      classes: [],
    }],
  };
  expect(`\n${renderMeasurements(value, new FakeIo())}\n`).toMatchInlineSnapshot(`
    "
    PATH    MTU  OVER  P50  P95  P99  JITTER  LOSS ↑  LOSS ↓  OVERTAKEN ↑  OVERTAKEN ↓  PROBES
    a>b.c  1312  1 s     –    –    –       –       –       –            0            0      10
    "
  `);
  expect(renderMeasurements({ site: "lisbon", paths: [] }, new FakeIo())).toContain("No path");
});

test("Prometheus sees a bounded number of paths, those in use among them", () => {
  const observation = observe(router);
  const many = Array.from({ length: 300 }, (_, index) => `a-${String(index).padStart(3, "0")}`);
  const candidates = [
    ...observation.state.candidates,
    ...many.map((key) => ({ ...observation.state.candidates[0]!, key })),
  ];
  const state = { ...observation.state, candidates };
  const measured = [
    ...many.map((key) => ({
      key,
      windows: [windowOf(1_000, quality("up", 1_000))],
      classes: [],
      mtu: 1380,
    })),
    ...router.measured(),
  ];
  const families = measuredFamilies({ ...observation, state }, measured);
  const jitter = families.find(({ name }) => name === "labelway_measured_jitter_seconds")!;
  const paths = new Set(jitter.samples.map(([labels]) => labels.path));
  expect(paths.size).toBe(100);
  expect(paths).toContain("fibre>porto.fibre");
  const left = families.find(({ name }) => name === "labelway_measured_paths_left_out")!;
  expect(left.samples).toEqual([[{}, measured.length - 100]]);
  const mtu = families.find(({ name }) => name === "labelway_measured_mtu_bytes")!;
  expect(mtu.samples).toContainEqual([{ path: "a-000", site: "hub" }, 1380]);
  for (const [labels] of jitter.samples) expect(labels.window).toMatch(/^(1s|10s|1m|15m|24h)$/);
});
