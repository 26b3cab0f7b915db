/** Captures by tcpdump, and what they hold, packet by packet. */

import { internetChecksum } from "./packets.ts";

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const ETHERNET_BYTES = 14;
/** Link type of a capture at a TUN: LINKTYPE_RAW. */
const RAW = 101;
const [TCP, UDP] = [6, 17];
const [HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS] = [0, 43, 44, 60];
const EXTENSIONS = [HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS];

export interface Captured {
  /** IP packets, oldest first. */
  readonly packets: readonly Uint8Array[];
}

/** Starts to capture in a namespace; the answer ends it and reads what was seen. */
export async function startCapture(
  namespace: string,
  device: string,
  file: string,
): Promise<() => Promise<Captured>> {
  // -Z root: tcpdump would give up its rights and then not be able to write the file.
  const child = new Deno.Command("ip", {
    args: [
      ...["netns", "exec", namespace, "tcpdump", "-n", "-U", "-Z", "root", "-i", device],
      ...["-s", "0", "-B", "65536", "-w", file, "ip", "or", "ip6"],
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let said = "";
  let listening = () => {};
  const started = new Promise<void>((resolve) => listening = resolve);
  const heard = (async () => {
    for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) {
      said += piece;
      if (said.includes("listening on")) listening();
    }
    listening();
  })();
  await started;
  return async () => {
    child.kill("SIGINT");
    await child.status;
    await heard;
    // A capture with holes would be compared with one without.
    if (!/^0 packets dropped by kernel$/m.test(said)) {
      throw new Error(`tcpdump at ${device}: ${said}`);
    }
    return { packets: readCapture(await Deno.readFile(file)) };
  };
}

/** What pcap(5) calls a savefile, of Ethernet or bare IP, written on this machine. */
function readCapture(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const skipped = view.getUint32(20, true) === RAW ? 0 : ETHERNET_BYTES;
  const packets: Uint8Array[] = [];
  for (let at = FILE_HEADER_BYTES; at < bytes.length;) {
    const length = view.getUint32(at + 8, true);
    at += RECORD_HEADER_BYTES;
    packets.push(bytes.subarray(at + skipped, at + length));
    at += length;
  }
  return packets;
}

/** How many packets were larger than a frame of the LAN, without those behind extension headers. */
export function superPackets(
  { packets }: Captured,
  from: (packet: Uint8Array) => boolean,
): { tcp: number; udp: number } {
  const large = packets.filter((packet) => packet.length > 1500 && from(packet));
  const protocols = large.map((packet) => packet[packet[0]! >> 4 === 4 ? 9 : 6]);
  return {
    tcp: protocols.filter((protocol) => protocol === TCP).length,
    udp: protocols.filter((protocol) => protocol === UDP).length,
  };
}

/**
 * Packets from one LAN to the other by flow, each in the order in which it was seen, as text.
 * Fragments, and what has no ports, are one flow a pair of hosts and protocol.
 */
export function flows(
  { packets }: Captured,
  from: (packet: Uint8Array) => boolean,
  change = (packet: Uint8Array) => packet,
): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const packet of packets.filter(from)) {
    const key = flowOf(packet);
    const flow = found.get(key) ?? [];
    found.set(key, flow);
    flow.push(change(packet).toHex());
  }
  return found;
}

function flowOf(packet: Uint8Array): string {
  const four = packet[0]! >> 4 === 4;
  const addresses = packet.subarray(four ? 12 : 8, four ? 20 : 40).toHex();
  let protocol = packet[four ? 9 : 6]!;
  let at = four ? (packet[0]! & 15) * 4 : 40;
  let whole = !four || ((packet[6]! & 0x3f) | packet[7]!) === 0;
  while (!four && EXTENSIONS.includes(protocol)) {
    whole &&= protocol !== FRAGMENT;
    protocol = packet[at]!;
    at += 8 + packet[at + 1]! * 8;
  }
  const ports = whole && [TCP, UDP].includes(protocol) ? packet.subarray(at, at + 4).toHex() : "";
  return `${addresses} ${protocol} ${ports}`;
}

/** As it is after so many routers: a smaller TTL or hop limit, and IPv4's header checksum with it. */
export function routed(packet: Uint8Array, routers: number): Uint8Array {
  const after = packet.slice();
  if (packet[0]! >> 4 === 6) {
    after[7] = packet[7]! - routers;
    return after;
  }
  after[8] = packet[8]! - routers;
  after.set([0, 0], 10);
  const sum = internetChecksum(after.subarray(0, (after[0]! & 15) * 4));
  after.set([sum >> 8, sum & 255], 10);
  return after;
}

/** Out of one LAN to the other, each known by the start of its addresses. */
export function between(
  from: readonly Uint8Array[],
  to: readonly Uint8Array[],
): (packet: Uint8Array) => boolean {
  const starts = (packet: Uint8Array, prefixes: readonly Uint8Array[], at: number) =>
    prefixes.some((prefix) => prefix.every((byte, index) => packet[at + index] === byte));
  return (packet) =>
    packet[0]! >> 4 === 4
      ? starts(packet, from.slice(0, 1), 12) && starts(packet, to.slice(0, 1), 16)
      : starts(packet, from.slice(1), 8) && starts(packet, to.slice(1), 24);
}
