/**
 * Sends a datagram from an address and port to a reflector, and prints the answer in hexadecimal, or
 * an empty line where none comes.
 *
 *     stamp_peer.ts ADDRESS PORT REFLECTOR HEX
 */

import { createSocket } from "node:dgram";

const REFLECTOR_PORT = 862;
/** An answer takes well under a millisecond; a loaded machine may let it wait. */
const WAIT_MILLIS = 1000;

const [address = "", port = "", reflector = "", hex = ""] = Deno.args;
const socket = createSocket("udp4");
await new Promise<void>((resolve) => socket.bind(Number(port), address, resolve));
const answer = new Promise<string>((resolve) => {
  socket.on("message", (message: Uint8Array) => resolve(Uint8Array.from(message).toHex()));
  setTimeout(() => resolve(""), WAIT_MILLIS);
});
socket.send(Uint8Array.fromHex(hex), REFLECTOR_PORT, reflector);
console.log(await answer);
socket.close();
Deno.exit(0);
