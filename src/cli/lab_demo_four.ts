/** The demo of four sites: paths, traffic, what is on the wire, a cut uplink, the HTTP interface. */

import { pause } from "../lab/process.ts";
import { showCut } from "./lab_demo_cut.ts";
import { showHttp } from "./lab_demo_http.ts";
import { showNetwork, showPaths } from "./lab_demo_network.ts";
import { heading, type Play, type Stage } from "./lab_demo_stage.ts";
import { showTraffic } from "./lab_demo_traffic.ts";
import { showWire } from "./lab_demo_wire.ts";
import { paint } from "./table.ts";

/** Probes that were sent before the other end was there leave the windows of measurement. */
const SETTLE_MILLIS = 10_000;

export const fourSites: Play = {
  network: [
    "Four sites in network namespaces; an 'internet' between them that delays, loses and limits.",
    "The cabin is behind its provider's NAT and meets the hub alone.",
  ],
  showNetwork,
  perform,
  tryThis: [
    ["exec", "lisbon -- labelway paths --watch"],
    ["exec", "lisbon -- wg show"],
    ["exec", "lisbon -- curl -s http://127.0.0.1:7635/v1/status"],
    ["exec", "lisbon.office -- ping 10.2.0.10"],
    ["impair", "lisbon.fibre delay=80ms loss=5%"],
    ["impair", "lisbon.fibre cut"],
  ],
};

async function perform(stage: Stage): Promise<void> {
  const { io } = stage;
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
