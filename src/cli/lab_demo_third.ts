/** The demo of three sites where the direct way is the slow one. */

import { LabError } from "../lab/error.ts";
import { ask } from "../lab/gateway.ts";
import { formatImpairment } from "../lab/impairment.ts";
import type { Place } from "../lab/folder.ts";
import { emulatorOf } from "../lab/lab.ts";
import { pairName } from "../lab/layout.ts";
import { pause } from "../lab/process.ts";
import { ping } from "../lab/traffic.ts";
import { now } from "../io/clock.ts";
import type { Io } from "./command.ts";
import { showCommand, showPaths } from "./lab_demo_network.ts";
import { heading, indent, type Play, type Stage } from "./lab_demo_stage.ts";
import { paint, renderPairs, renderTable } from "./table.ts";

const FROM = "10.1.0.10";
const TO = "10.2.0.10";
const LINK = "geneva.isp~turin.isp";
const EXPLAIN = ["policy", "explain", "--src", FROM, "--dst", TO, "--dport", "443"];
const PINGS = { count: 50, intervalMillis: 20 };
/** Longest that a path may take to be taken, or left: it has to be good for a minute, then the hold. */
const PATIENCE_MILLIS = 120_000;

export const betterThroughAThird: Play = {
  network: [
    "Three sites. Between lyon and turin the internet takes 100 ms there and back; through geneva",
    "it would take 13 ms, and no routing protocol of the internet minds.",
  ],
  showNetwork,
  perform,
  tryThis: [
    ["exec", "lyon -- labelway paths --watch"],
    ["exec", `lyon -- labelway ${EXPLAIN.join(" ")}`],
    ["exec", `lyon.office -- ping ${TO}`],
    ["impair", `${LINK} loss=6%`],
    ["impair", `${LINK} delay=70ms`],
    ["impair", `${LINK} cut`],
  ],
};

function showNetwork({ topology }: Place, io: Io): void {
  const columns = [{ title: "BETWEEN" }, { title: "THERE" }, { title: "BACK" }];
  const rows = topology.between.map(({ ends, up, down }) => [
    pairName(ends),
    formatImpairment(up),
    formatImpairment(down),
  ]);
  io.out(indent(renderTable(columns, rows, io)));
}

async function perform(stage: Stage): Promise<void> {
  const { place, state, io } = stage;
  const say = (mark: string, text: string) => io.out(`  ${mark} ${text}\n`);
  heading(io, "Measured, not configured", [
    "The whole policy is `class: interactive`: the shortest round trip that loses less than 1 %.",
    "Both ways have the same cost a hop in the file.",
  ]);
  await waitForPath(stage, (hops) => hops === 2);
  await showPaths(stage, "lyon", "turin");

  heading(io, "Traffic on a stack of two labels", [
    "50 pings from office to office, and what geneva's router has switched meanwhile.",
  ]);
  const before = await switchedAtGeneva(stage);
  await showPing(stage);
  const after = await switchedAtGeneva(stage);
  io.out(indent(renderTable(
    [{ title: "LABEL AT GENEVA", right: true }, { title: "MEANING" }, {
      title: "PACKETS MORE",
      right: true,
    }],
    after.map(({ label, meaning, packets }, index) => [
      String(label),
      meaning,
      String(packets - (before[index]?.packets ?? 0)),
    ]),
    io,
  )));
  io.out("");
  await showCommand(stage, "lyon", EXPLAIN);

  heading(io, "Geneva's way to turin browns out", [
    "It loses 6 % of the packets in each direction, as when a provider's link is full. Nothing is",
    "down, and it still is the quickest.",
  ]);
  const emulator = emulatorOf(place, state);
  await emulator.change(LINK, "both", { lossPercent: 6 });
  say(paint("✂", "bad", io.color), `${LINK} loses 6 % each way`);
  const left = await waitForPath(stage, (hops) => hops === 1);
  say(paint("✓", "good", io.color), `on the direct way after ${seconds(left)}`);
  await showPing(stage);
  await showCommand(stage, "lyon", EXPLAIN);

  heading(io, "And well again", [
    "A path that was bad is trusted after a minute without a sign of it, and 1,600 probes that say",
    "so: nothing goes to and fro.",
  ]);
  await emulator.change(LINK, "both", { lossPercent: 0 });
  say(paint("✓", "good", io.color), `${LINK} loses nothing`);
  const back = await waitForPath(stage, (hops) => hops === 2);
  say(paint("✓", "good", io.color), `through geneva again after ${seconds(back)}, for new flows`);
  const followed = await waitForFlows(stage);
  say(paint("✓", "good", io.color), `and ${seconds(followed)} later for those that were there`);
  await showPing(stage);
  await showCommand(stage, "lyon", EXPLAIN);
}

async function showPing({ place, state, io }: Stage): Promise<void> {
  const { rttMillis, lossPercent } = await ping(place, state, "lyon.office", TO, PINGS);
  io.out(`${
    indent(renderPairs([
      ["round trip, median of 50", rttMillis === null ? "none" : `${rttMillis.median} ms`],
      ["lost", `${lossPercent} %`],
    ], io))
  }\n`);
}

/** Answers after how many milliseconds the policy's path has as many hops as wanted. */
async function waitForPath(
  { place }: Stage,
  wanted: (hops: number) => boolean,
): Promise<number> {
  const start = now();
  while (now() - start < PATIENCE_MILLIS) {
    const answer = await ask<{
      paths: readonly {
        hops: readonly unknown[];
        uses: readonly { policy: string | null; inUse: boolean }[];
      }[];
    }>(place, "lyon", "/v1/paths?site=turin");
    const path = answer?.paths.find(({ uses }) =>
      uses.some(({ policy, inUse }) => policy === "quickest" && inUse)
    );
    if (path !== undefined && wanted(path.hops.length)) return now() - start;
    await pause(100);
  }
  throw new LabError([
    `lyon's traffic to turin has not changed its path within ${PATIENCE_MILLIS / 1000} s`,
  ]);
}

/** Answers after how many milliseconds no flow stays on a path that new ones do not take. */
async function waitForFlows({ place }: Stage): Promise<number> {
  const start = now();
  const question = new URLSearchParams({ src: FROM, dst: TO, dport: "443" });
  while (now() - start < PATIENCE_MILLIS) {
    const answer = await ask<{ paths: readonly { kept: boolean }[] }>(
      place,
      "lyon",
      `/v1/policies/explain?${question}`,
    );
    if (answer !== null && !answer.paths.some(({ kept }) => kept)) return now() - start;
    await pause(100);
  }
  throw new LabError([`lyon's flows to turin have not moved within ${PATIENCE_MILLIS / 1000} s`]);
}

interface LabelHits {
  readonly label: number;
  readonly meaning: string;
  readonly packets: number;
}

/** The labels by which geneva sends on, to lyon and to turin. */
async function switchedAtGeneva({ place }: Stage): Promise<readonly LabelHits[]> {
  const answer = await ask<{ labels: readonly (LabelHits & { action: string })[] }>(
    place,
    "geneva",
    "/v1/labels",
  );
  return (answer?.labels ?? []).filter(({ action, meaning }) =>
    action === "forward" && meaning.startsWith("adjacency")
  );
}

function seconds(millis: number): string {
  return `${(millis / 1000).toFixed(1)} s`;
}
