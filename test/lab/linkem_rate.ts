/**
 * `deno task lab:rate`: what the lab's link emulator carries when it only forwards, between two
 * namespaces of its own. Ends with status 1 below the rate that it has to reach.
 *
 *     deno task lab:rate [SECONDS]
 */

import { runOrThrow } from "../../src/io/command.ts";
import { linkemPath } from "../../src/lab/linkem.ts";
import { type FlowResult, parseIperf } from "../../src/lab/traffic.ts";

const LEAST_MBIT = 1_000;
const ROOT = new URL("../..", import.meta.url).pathname;
const NEAR = `lwr-${Deno.pid}-a`;
const FAR = `lwr-${Deno.pid}-b`;
const PORT = "5201";

const seconds = Deno.args[0] ?? "5";
if (!/^[1-9]\d*$/.test(seconds)) {
  console.error(`lab:rate: ${seconds} is not accepted: give whole seconds for each measurement`);
  Deno.exit(2);
}
const folder = await Deno.makeTempDir({ prefix: "labelway-rate-" });
let emulator: Deno.ChildProcess | null = null;
let enough = false;
try {
  emulator = await connect();
  const tcp = await measure();
  console.log(`TCP   ${mbit(tcp.receivedMbit)}, ${tcp.retransmits} segments sent again`);
  // Beyond what a queue loses, UDP shows how many packets of which size it carries.
  for (const bytes of [1472, 500]) {
    const udp = await measure("-u", "-b", "0", "-l", String(bytes));
    const perSecond = Math.round(udp.receivedMbit * 1e6 / 8 / bytes / 1000);
    console.log(
      `UDP   ${mbit(udp.receivedMbit)} in datagrams of ${bytes} bytes: ` +
        `${perSecond},000 packets/s arrive of all that the sender can send`,
    );
  }
  enough = tcp.receivedMbit >= LEAST_MBIT;
  if (!enough) console.error(`TCP is below ${LEAST_MBIT} Mbit/s`);
} finally {
  emulator?.kill("SIGKILL");
  await emulator?.status;
  for (const name of [NEAR, FAR]) await runOrThrow(["ip", "netns", "delete", name]).catch(() => {});
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(enough ? 0 : 1);

/** One link without any impairment, with an address at each end. */
async function connect(): Promise<Deno.ChildProcess> {
  for (const name of [NEAR, FAR]) await runOrThrow(["ip", "netns", "add", name]);
  const end = (name: string) => ({ namespace: `/run/netns/${name}`, device: "link" });
  const file = `${folder}/linkem.json`;
  const links = [{ name: "link", site: end(NEAR), internet: end(FAR) }];
  await Deno.writeTextFile(
    file,
    JSON.stringify({ socket: `${folder}/linkem.sock`, seed: 1, links }),
  );
  const child = new Deno.Command(linkemPath(ROOT), { args: [file], stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  const { done } = await reader.read();
  if (done) throw new Error("The link emulator does not start");
  reader.releaseLock();
  for (const [name, address] of [[NEAR, "10.0.0.1/24"], [FAR, "10.0.0.2/24"]] as const) {
    await runOrThrow(["ip", "-n", name, "address", "add", address, "dev", "link"]);
    await runOrThrow(["ip", "-n", name, "link", "set", "dev", "link", "up"]);
  }
  return child;
}

async function measure(...more: string[]): Promise<FlowResult> {
  const inside = (name: string) => ["netns", "exec", name, "iperf3"];
  const server = new Deno.Command("ip", {
    args: [...inside(FAR), "-s", "-1", "-p", PORT, "--forceflush"],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = server.stdout.getReader();
  await reader.read();
  const argv = ["ip", ...inside(NEAR), "-J", "-c", "10.0.0.2", "-p", PORT, "-t", seconds, ...more];
  const result = parseIperf(await runOrThrow(argv));
  await reader.cancel();
  await server.status;
  if (typeof result === "string") throw new Error(result);
  return result;
}

function mbit(rate: number): string {
  return `${(rate / 1000).toFixed(2)} Gbit/s`;
}
