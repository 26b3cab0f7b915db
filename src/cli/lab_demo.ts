/** `labelway lab demo`: the four-site lab, shown to somebody who sees it for the first time. */

import { findPlace, type Place, requireState } from "../lab/folder.ts";
import { down, up } from "../lab/lab.ts";
import type { EmulatorKind } from "../lab/emulator.ts";
import { type Command, Failure, type Io, OK } from "./command.ts";
import { showCut } from "./lab_demo_cut.ts";
import { showNetwork, showPaths } from "./lab_demo_network.ts";
import { showHttp } from "./lab_demo_http.ts";
import { heading } from "./lab_demo_stage.ts";
import { pause } from "../lab/process.ts";
import { showTraffic } from "./lab_demo_traffic.ts";
import { showWire } from "./lab_demo_wire.ts";
import { EMULATOR, WAIT } from "./lab_up.ts";
import { paint } from "./table.ts";

/** Probes that were sent before the other end was there leave the windows of measurement. */
const SETTLE_MILLIS = 10_000;

const DEFAULT = "config/lab/four-sites.yaml";

export const labDemo: Command = {
  name: "demo",
  summary: "Bring the four-site lab up and show what Labelway does in it",
  details: "The lab stays up for exploring; with --exit it is removed at the end. Whatever goes\n" +
    "wrong, and on Ctrl-C, it is removed at once.",
  options: {
    exit: { kind: "flag", help: "Remove the lab at the end" },
    emulator: EMULATOR,
    wait: WAIT,
  },
  positional: [],
  examples: [["lab demo --exit", "About a minute"]],
  run: async (args, io) => {
    const place = await findPlace(new URL(`../../${DEFAULT}`, import.meta.url).pathname);
    const stop = io.interrupted();
    const aborted = new Promise<never>((_, reject) =>
      stop.addEventListener("abort", () => reject(new Failure(["Interrupted"])))
    );
    // Rejected after the last race is over, it would otherwise count as nobody's.
    aborted.catch(() => {});
    try {
      await Promise.race([
        perform(place, args.text("emulator") as EmulatorKind | undefined, {
          io,
          waitMillis: (args.number("wait") ?? 30) * 1000,
          stop,
        }),
        aborted,
      ]);
    } catch (error) {
      await down(place, { keepLogs: true });
      io.err(`The lab is taken down; logs are in ${place.folder}`);
      throw error;
    }
    if (args.flag("exit")) {
      const removed = await down(place);
      io.out(`\nThe lab is gone: ${removed} namespaces.`);
    } else sayWhatNext(io);
    return OK;
  },
};

async function perform(
  place: Place,
  emulator: EmulatorKind | undefined,
  { io, waitMillis, stop }: { io: Io; waitMillis: number; stop: AbortSignal },
): Promise<void> {
  heading(io, "The network", [
    "Four sites in network namespaces; an 'internet' between them that delays, loses and limits.",
    "The cabin is behind its provider's NAT and meets the hub alone.",
  ]);
  showNetwork(place, io);
  heading(io, "Bringing it up", ["Each gateway runs the real program with its own keys."]);
  await up(place, {
    emulator,
    routers: true,
    waitMillis,
    stop,
    report: (line) => io.out(`  ${paint("✓", "good", io.color)} ${line}`),
  });
  const stage = { place, state: await requireState(place), io };
  io.out(`  ${paint("✓", "good", io.color)} Measuring every path for ${SETTLE_MILLIS / 1000} s`);
  await pause(SETTLE_MILLIS);
  heading(io, "Paths", ["What lisbon's router can do with a packet, best first, measured now."]);
  await showPaths(stage, "lisbon", "porto");
  await showPaths(stage, "lisbon", "cabin");
  heading(io, "Traffic", [
    "TCP and UDP by iperf3 between LAN hosts. Port 5202 is sent over the hub by a policy.",
  ]);
  await showTraffic(stage);
  heading(io, "On the wire", [
    "The same payload, looked for on the LAN and on the internet, and the hub's labels, all read",
    "by tcpdump and tshark, which know nothing of Labelway.",
  ]);
  await showWire(stage);
  heading(io, "An uplink is cut", [
    "A ping each 10 ms and a TCP stream go from lisbon to porto while lisbon's fibre is dug up.",
  ]);
  await showCut(stage);
  heading(io, "Over HTTP", ["Which path has lisbon's traffic to porto now, and how good is it?"]);
  await showHttp(stage);
}

function sayWhatNext(io: Io): void {
  const lab = "npx deno task labelway lab";
  heading(io, "The lab stays up", []);
  io.out([
    "  Look around, and break things:",
    `    ${lab} status ${DEFAULT}`,
    `    ${lab} exec ${DEFAULT} lisbon -- labelway paths --watch`,
    `    ${lab} exec ${DEFAULT} lisbon -- wg show`,
    `    ${lab} exec ${DEFAULT} lisbon -- curl -s http://127.0.0.1:7635/v1/status`,
    `    ${lab} exec ${DEFAULT} lisbon.office -- ping 10.2.0.10`,
    `    ${lab} impair ${DEFAULT} lisbon.fibre delay=80ms loss=5%`,
    `    ${lab} impair ${DEFAULT} lisbon.fibre cut`,
    "  Take it down:",
    `    ${lab} down ${DEFAULT}`,
  ].join("\n"));
}
