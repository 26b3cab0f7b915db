/**
 * Sends random customer packets as they are, by a packet socket: wrong checksums, fragments and
 * options are nothing that an ordinary socket sends.
 *
 *     inject.ts bulk|any DEVICE GATEWAY-MAC SOURCE4 DESTINATION4 SOURCE6 DESTINATION6 SEED COUNT
 */

import ipaddr from "ipaddr.js";
import { customerPackets, type Kind, seeded } from "./packets.ts";

const [AF_PACKET, SOCK_RAW] = [17, 3];
/** So many at once, so that super-packets and trains come about; then a pause, so that none is lost. */
const BURST = 64;
const PAUSE_MILLIS = 4;

const [kind = "any", device = "", mac = "", ...rest] = Deno.args;
const [source4, destination4, source6, destination6] = rest.slice(0, 4)
  .map((text) => Uint8Array.from(ipaddr.parse(text).toByteArray()));
const [seed, count] = rest.slice(4).map(Number);

const libc = Deno.dlopen("libc.so.6", {
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
});
const index = libc.symbols.if_nametoindex(new TextEncoder().encode(`${device}\0`));
const socket = libc.symbols.socket(AF_PACKET, SOCK_RAW, 0);
if (index === 0 || socket < 0) throw new Error(`Cannot send on ${device}`);
/** struct sockaddr_ll: the device is all that a raw frame needs. */
const address = new Uint8Array(20);
new DataView(address.buffer).setUint16(0, AF_PACKET, true);
new DataView(address.buffer).setInt32(4, index, true);

const ends = {
  source4: source4!,
  destination4: destination4!,
  source6: source6!,
  destination6: destination6!,
};
const ethernet = Uint8Array.from([
  ...mac.split(":").map((byte) => parseInt(byte, 16)),
  ...[2, 0, 0, 0, 0, 1],
]);
const packets = customerPackets(kind as Kind, seeded(seed!), ends, count!);
for (const [sent, packet] of packets.entries()) {
  if (sent % BURST === BURST - 1) await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLIS));
  const type = packet[0]! >> 4 === 4 ? [0x08, 0x00] : [0x86, 0xdd];
  const frame = Uint8Array.from([...ethernet, ...type, ...packet]);
  const length = BigInt(frame.length);
  const done = libc.symbols.sendto(socket, frame, length, 0, address, address.length);
  if (BigInt(done) !== length) throw new Error(`Cannot send ${frame.length} bytes on ${device}`);
}
console.log(packets.length);
