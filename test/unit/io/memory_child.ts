/** Looks at the system as a running router does, without the pauses; prints how its memory grew. */

import { fingerprint, readHost } from "../../../src/io/netlink.ts";
import { SystemWireguard } from "../../../src/io/wireguard/system.ts";

const WARM_UP = 60;
const LOOKS = 300;

for (let count = 0; count < WARM_UP; count++) await look();
const before = ownMemory();
for (let count = 0; count < LOOKS; count++) await look();
console.log(JSON.stringify({ looks: LOOKS, grownBytes: ownMemory() - before }));

async function look(): Promise<void> {
  await fingerprint();
  await Promise.all([readHost([]), new SystemWireguard().show("lw-0-absent")]);
}

/** What the process has in memory that comes from no file: proc_pid_status(5). */
function ownMemory(): number {
  const [, kibibytes] = /^RssAnon:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"))!;
  return Number(kibibytes) * 1024;
}
