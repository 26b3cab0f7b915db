/** What goes in at one LAN comes out at the other: captures of both, compared byte by byte. */

import { afterAll, beforeAll, expect, test } from "vitest";
import ipaddr from "ipaddr.js";
import {
  between,
  type Captured,
  flows,
  routed,
  startCapture,
  superPackets,
} from "./engine/captures.ts";
import type { Kind } from "./engine/packets.ts";
import { ip, must } from "./engine/namespaces.ts";
import {
  allUp,
  apply,
  build,
  NAMES,
  type Network,
  ping,
  start,
  tcp,
  until,
} from "./engine/network.ts";
import { hop, lan4, lan6, TUN } from "./engine/tables.ts";

/** Room for a LAN's 1,500 bytes and all that is put around them: nothing is fragmented or clamped. */
const UNDERLAY_MTU = 1700;
/**
 * Who lowers the TTL of a packet: the system of the first gateway, which forwards it into the TUN,
 * the overlay where it goes in and where it comes out (RFC 3443, pipe), and the system of the
 * last gateway. A transit gateway does not.
 */
const ROUTERS = 4;
const PACKETS = 6000;
const BULK_BYTES = 10_000_000;

let network: Network;
let folder: string;

beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "labelway-captures-" });
  network = await build();
  const middle = network.net.name("net");
  for (const name of NAMES) {
    await ip(`
      -n ${middle} link set to-${name} mtu ${UNDERLAY_MTU}
      -n ${network.namespace(name)} link set wan mtu ${UNDERLAY_MTU}`);
  }
  await Promise.all(["a", "b"].map((name) => framesAsTheyAre(name as "a" | "b")));
  await Promise.all(NAMES.map((name) => start(network, name, { underlayMtu: UNDERLAY_MTU })));
  await Promise.all(NAMES.map((name) => allUp(network, name)));
  // A system that still asks for a neighbour's link address drops all but a few packets to it.
  for (const version of [4, 6] as const) {
    await until(() => ping(network, 3, 0.05, version), ({ received }) => received === 3);
  }
}, 60_000);

afterAll(async () => {
  await network?.net.remove();
  await Deno.remove(folder, { recursive: true });
}, 30_000);

/** On the LAN's link a frame is a packet with its checksum. */
async function framesAsTheyAre(name: "a" | "b"): Promise<void> {
  const host = ["ip", "netns", "exec", network.host(name)];
  const gateway = ["ip", "netns", "exec", network.namespace(name)];
  const cut = ["tx", "off", "tso", "off", "gso", "off", "tx-udp-segmentation", "off"];
  await must(...host, "ethtool", "-K", "eth0", ...cut, "gro", "off");
  await must(...gateway, "ethtool", "-K", "lan", ...cut);
  await gather(name, true);
  // A window that no queue on the way overflows of: whatever is lost would be a difference.
  await must(...host, "sysctl", "-qw", "net.ipv4.tcp_wmem=4096 65536 262144");
}

/**
 * Whether a gateway's system puts together what it receives from the LAN. Without a timer it would
 * have one frame at a time to look at.
 */
async function gather(name: "a" | "b", wanted: boolean): Promise<void> {
  const gateway = ["ip", "netns", "exec", network.namespace(name)];
  const to = wanted ? "on" : "off";
  await must(...gateway, "ethtool", "-K", "lan", "gro", to, "rx-udp-gro-forwarding", to);
  const timer = `echo ${wanted ? 300_000 : 0} > /sys/class/net/lan/gro_flush_timeout`;
  await must(...gateway, "sh", "-c", timer);
}

const bytes = (address: string) => Uint8Array.from(ipaddr.parse(address).toByteArray());
const prefixes = (
  name: "a" | "b",
) => [bytes(`${lan4(name)}.0`).slice(0, 3), bytes(`${lan6(name)}:`).slice(0, 8)];

for (const way of ["direct", "through-h"] as const) {
  test(`captures of both LANs are equal but for TTL, ${way}`, async () => {
    const options = { ways: [way], underlayMtu: UNDERLAY_MTU };
    await Promise.all([apply(network, "a", options), apply(network, "b", options)]);
    const crossed = await crossingH();
    const [atA, atB, intoTun, outOfTun] = await captured(async () => {
      // Whatever a LAN may send, packet by packet: the last gateway finds what belongs together.
      await gather("a", false);
      await inject("any", way === "direct" ? 1 : 2);
      // And in super-packets from the first one on.
      await gather("a", true);
      await inject("bulk", way === "direct" ? 3 : 4);
      await tcp(network, BULK_BYTES, 4);
      await tcp(network, BULK_BYTES, 6, { from: "b" });
    });
    for (const [from, near, far] of [["a", atA, atB], ["b", atB, atA]] as const) {
      const passes = between(prefixes(from), prefixes(from === "a" ? "b" : "a"));
      const sent = flows(near, passes, (packet) => routed(packet, ROUTERS));
      const came = flows(far, passes);
      expect([...came.keys()].sort()).toEqual([...sent.keys()].sort());
      for (const [flow, packets] of sent) same(flow, packets, came.get(flow)!);
    }
    for (const seen of [intoTun, outOfTun]) {
      const { tcp, udp } = superPackets(seen, between(prefixes("a"), prefixes("b")));
      expect(tcp).toBeGreaterThan(100);
      expect(udp).toBeGreaterThan(100);
    }
    const least = 2 * PACKETS + BULK_BYTES / 1500;
    expect(await crossingH() - crossed > least, "crossed h").toBe(way === "through-h");
  }, 120_000);
}

/** Packets from a to b that the gateway between them has switched. */
async function crossingH(): Promise<number> {
  const labels = await network.gateways.h.ask({ do: "labels" });
  return labels.find(({ label }: { label: number }) => label === hop("b")).packets;
}

/** Captures at both hosts and at both ends of the overlay while something happens. */
async function captured(
  happens: () => Promise<void>,
): Promise<[Captured, Captured, Captured, Captured]> {
  const places = [
    [network.host("a"), "eth0"],
    [network.host("b"), "eth0"],
    [network.namespace("a"), TUN],
    [network.namespace("b"), TUN],
  ] as const;
  const stops = await Promise.all(
    places.map(([place, device], index) => startCapture(place, device, `${folder}/${index}.pcap`)),
  );
  await happens();
  // What is on its way still has to arrive, and to reach the file.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return await Promise.all(stops.map((stop) => stop())) as [Captured, Captured, Captured, Captured];
}

async function inject(kind: Kind, seed: number): Promise<void> {
  const shown = await must("ip", "-n", network.namespace("a"), "-o", "link", "show", "lan");
  const mac = /link\/ether (\S+)/.exec(shown)![1]!;
  const addresses = [`${lan4("a")}.2`, `${lan4("b")}.2`, `${lan6("a")}:2`, `${lan6("b")}:2`];
  const program = new URL("engine/inject.ts", import.meta.url).pathname;
  const deno = [Deno.execPath(), "run", "-A", "--quiet", program, kind, "eth0", mac, ...addresses];
  const argv = ["ip", "netns", "exec", network.host("a"), ...deno, `${seed}`, `${PACKETS}`];
  expect(Number(await must(...argv))).toBeGreaterThanOrEqual(PACKETS);
}

/** The first difference, and whether packets are missing or too many. */
function same(flow: string, sent: readonly string[], came: readonly string[]): void {
  const at = sent.findIndex((packet, index) => packet !== came[index]);
  const place = `${flow}: ${came.length} of ${sent.length} came, the first other is ${at}`;
  expect(came[at], place).toBe(sent[at]);
  expect(came.length, place).toBe(sent.length);
}
