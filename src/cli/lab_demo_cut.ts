/** The demo's failure: a cut uplink, what it costs, and the way back. */

import { emulatorOf } from "../lab/lab.ts";
import { pause } from "../lab/process.ts";
import { allPathsUp } from "../lab/ready.ts";
import { median, ping, send } from "../lab/traffic.ts";
import { showPaths } from "./lab_demo_network.ts";
import { indent, type Stage } from "./lab_demo_stage.ts";
import { hostAddress } from "./lab_demo_traffic.ts";
import { formatCount, formatShare } from "./quantity.ts";
import { paint, renderPairs } from "./table.ts";

/** ping's own shortest. */
const INTERVAL_MILLIS = 10;
const SECONDS = 12;
const BEFORE_MILLIS = 2500;
const CUT_MILLIS = 3000;
/** Of the beginning and the end of the stream, to compare round trips. */
const EDGE_REPLIES = 100;

export async function showCut(stage: Stage): Promise<void> {
  const { place, state, io } = stage;
  const from = "lisbon.office";
  const address = hostAddress(stage, "porto", 4);
  const emulator = emulatorOf(place, state);
  const say = (mark: string, text: string) => io.out(`  ${mark} ${text}\n`);

  const count = SECONDS * 1000 / INTERVAL_MILLIS;
  const echoes = ping(place, state, from, address, { count, intervalMillis: INTERVAL_MILLIS });
  const stream = send(place, state, {
    ...{ from, to: "porto.office", address, port: 5201 },
    ...{ protocol: "tcp", seconds: SECONDS - 1, mbit: 10 },
  });
  await pause(BEFORE_MILLIS);
  await emulator.change("lisbon.fibre", "both", { cut: true });
  say(paint("✂", "bad", io.color), "lisbon.fibre is cut");
  await pause(CUT_MILLIS);
  await showPaths(stage, "lisbon", "porto");
  await emulator.change("lisbon.fibre", "both", { cut: false });
  say(
    paint("✓", "good", io.color),
    "lisbon.fibre is healed; it comes up, and is trusted after a minute without a fault",
  );
  for (let tries = 0; tries < 100 && !await allPathsUp(place, "lisbon"); tries++) await pause(100);
  await showPaths(stage, "lisbon", "porto");

  const [pings, tcp] = await Promise.all([echoes, stream]);
  const rtts = pings.replies.map(({ rttMillis }) => rttMillis);
  const millis = (value: number) => `${value.toFixed(1)} ms`;
  const slowest = median(rtts.toSorted((a, b) => b - a).slice(0, EDGE_REPLIES));
  const fast = pings.longestGapMillis < 1000;
  io.out(indent(renderPairs([
    ["time to recover", { text: millis(pings.longestGapMillis), tone: fast ? "good" : "bad" }],
    [
      "pings lost",
      `${formatCount(pings.sent - pings.received)} of ${formatCount(pings.sent)}` +
      ` (${formatShare(pings.lossPercent / 100)})`,
    ],
    ["round trip before", millis(median(rtts.slice(0, EDGE_REPLIES)))],
    ["round trip while cut", `${millis(slowest)}, over lte`],
    ["round trip at the end", millis(median(rtts.slice(-EDGE_REPLIES)))],
    [
      "TCP through it all",
      `${tcp.receivedMbit.toFixed(1)} Mbit/s, ${tcp.retransmits ?? 0} segments sent again`,
    ],
  ], io)));
}
