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
/** Longest that a path may take to be taken, or left: the window it is judged by, and the hold. */
const PATIENCE_MILLIS = 60_000;

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
    "The whole policy is `objective: latency`. Both ways have the same cost a hop in the file.",
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

  heading(io, "Geneva's way to turin gets slow", [
    "70 ms more in each direction, as when a provider's link is full. Nothing is down.",
  ]);
  const emulator = emulatorOf(place, state);
  await emulator.change(LINK, "both", { delayMillis: 73.5 });
  say(paint("✂", "bad", io.color), `${LINK} takes 73.5 ms each way`);
  const left = await waitForPath(stage, (hops) => hops === 1);
  say(paint("✓", "good", io.color), `on the direct way after ${seconds(left)}`);
  await showPing(stage);
  await showCommand(stage, "lyon", EXPLAIN);

  heading(io, "And well again", []);
  await emulator.change(LINK, "both", { delayMillis: 3.5 });
  say(paint("✓", "good", io.color), `${LINK} takes 3.5 ms each way`);
  const back = await waitForPath(stage, (hops) => hops === 2);
  say(paint("✓", "good", io.color), `through geneva again after ${seconds(back)}`);
  await showPing(stage);
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
