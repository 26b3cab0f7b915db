/**
 * One TCP connection: `tcp.ts serve` takes it and prints how much came and its hash; `tcp.ts send
 * HOST BYTES` sends so many bytes that do not repeat, and prints the same of them.
 */

import { createHash } from "node:crypto";

const PORT = 5001;
const [mode, hostname, bytes] = Deno.args;
const hash = createHash("sha256");
let total = 0;

if (mode === "serve") {
  const listener = Deno.listen({ hostname: "::", port: PORT });
  console.log("listening");
  const connection = await listener.accept();
  for await (const chunk of connection.readable) {
    hash.update(chunk);
    total += chunk.length;
  }
} else {
  const connection = await Deno.connect({ hostname: hostname!, port: PORT });
  const chunk = new Uint8Array(60_000);
  while (total < Number(bytes)) {
    crypto.getRandomValues(chunk);
    const part = chunk.subarray(0, Math.min(chunk.length, Number(bytes) - total));
    hash.update(part);
    for (let sent = 0; sent < part.length;) sent += await connection.write(part.subarray(sent));
    total += part.length;
  }
  connection.close();
}
console.log(`${total} ${hash.digest("hex")}`);
