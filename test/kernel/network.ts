/**
 * Runs inside the guest: one network of two gateways with the kernel's WireGuard and a transit site
 * with the embedded one, driven by the same commands as a person would use. Behaviour only; the
 * guest is too slow for figures.
 */

const TREE = new URL("../..", import.meta.url).pathname;
const TOPOLOGY = `${TREE}test/kernel/three-gateways.yaml`;
const HOST = {
  lisbon: "10.1.0.10",
  porto: "10.2.0.10",
  porto6: "2001:db8:1:2::10",
  securePorto: "10.2.8.10",
};
/** Of its fibre, in the tunnels: see ARCHITECTURE.md. */
const PORTO_INSIDE = "100.96.0.16";
/** The segment's VRF, made by the operator; Labelway reads its table from it. */
const VRF = { name: "vrf-secure", table: 77 };
/** Service label of segment 1 and lisbon's own adjacency SID space: see ARCHITECTURE.md. */
const SERVICE_LABEL = 28001;

Deno.env.set("LABELWAY_LAB", "/mnt/lab");
let passed = 0;
const failures: string[] = [];

try {
  await test("the lab comes up on the kernel's WireGuard", async () => {
    await labelway(["lab", "up", TOPOLOGY, "--wait", "300"]);
    const links = JSON.parse(
      await node("lisbon", ["ip", "-d", "-j", "link", "show", "type", "wireguard"]),
    );
    equal(links.map((link: { ifname: string }) => link.ifname).sort(), ["lw-0-fibre", "lw-1-lte"]);
    const hub = JSON.parse(
      await node("hub", ["ip", "-d", "-j", "link", "show", "type", "wireguard"]),
    );
    equal(hub, []);
    matches(await node("hub", ["wg", "show", "interfaces"]), /lw-0-fibre/);
  });

  await test("hosts reach each other, IPv4 and IPv6", async () => {
    await node("lisbon.office", ["ping", "-c", "3", "-W", "5", HOST.porto]);
    await node("lisbon.office", ["ping", "-c", "3", "-W", "5", HOST.porto6]);
  });

  await test("TCP crosses the embedded transit site on labels, as tshark reads them", async () => {
    const pcap = "/mnt/lab/lisbon.pcap";
    const capture = start("lisbon", [
      "tcpdump",
      "-i",
      "lw-0-fibre",
      "-U",
      "--immediate-mode",
      "-w",
      pcap,
      "udp",
      "port",
      "6635",
    ]);
    await until("tcpdump listens", async () => await exists(pcap));
    const server = start("porto.office", ["iperf3", "-s", "-1", "-p", "5202"]);
    await until(
      "iperf3 listens",
      async () => (await node("porto.office", ["ss", "-Htln", "sport", "=", ":5202"])).length > 0,
    );
    const report = JSON.parse(
      await node("lisbon.office", ["iperf3", "-J", "-c", HOST.porto, "-p", "5202", "-n", "200K"]),
    );
    // What is under way when the client ends is not counted as received.
    holds(report.end.sum_received.bytes > 50_000, `${report.end.sum_received.bytes} bytes arrived`);
    await server.status;
    // What the slow guest's tcpdump has not read yet is lost when it ends.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    capture.kill("SIGINT");
    await capture.status;
    const decoded = await run([
      "tshark",
      "-r",
      pcap,
      "-d",
      "udp.port==6635,mpls",
      "-Y",
      "mpls && tcp.dstport == 5202",
      "-T",
      "fields",
      "-e",
      "mpls.label",
      "-e",
      "mpls.bottom",
    ]); // deno-fmt-ignore-line
    const [labels = "", bottom = ""] = (decoded.split("\n")[0] ?? "").split("\t");
    const stack = labels.split(",").map(Number);
    if (stack.length !== 2) {
      const seen = await run(["tshark", "-n", "-r", pcap, "-d", "udp.port==6635,mpls"]);
      throw new Error(`no packet with two labels: ${seen.split("\n").slice(0, 20).join("\n")}`);
    }
    equal(stack[1], SERVICE_LABEL);
    matches(bottom, /^(0,1|False,True)$/);
    const counted = JSON.parse(
      await node("hub", ["/mnt/lab/kernel/bin/labelway", "labels", "--json"]),
    );
    holds(JSON.stringify(counted).includes(String(stack[0])), "the hub's table has the top label");
  });

  await test("what is larger than the tunnel is answered or cut up, by kernel WireGuard too", async () => {
    const refused = await node("lisbon.office", [
      ...["ping", "-c", "2", "-W", "5", "-M", "do", "-s", "1450", HOST.porto],
    ]).catch((error: Error) => error.message);
    matches(refused, /frag needed|message too long/i);
    await node("lisbon.office", ["ping", "-c", "2", "-W", "5", "-s", "3000", HOST.porto]);
  });

  await test("a neighbour's datagram that no buffer holds is dropped, counted, and forgotten", async () => {
    // Through the tunnel itself, to where the switch listens for labels.
    const send = `const { createSocket } = await import("node:dgram");
      const socket = createSocket("udp4");
      socket.send(new Uint8Array(60_000), 6635, "${PORTO_INSIDE}", () => socket.close());`;
    await node("lisbon", [Deno.execPath(), "eval", send]);
    await until("it is counted", async () => await dropped("porto", "oversized") > 0);
    await node("lisbon.office", ["ping", "-c", "2", "-W", "5", HOST.porto]);
  });

  await test("a segment moves into a VRF by a reload, and is apart from the main table", async () => {
    await node("lisbon.secure", ["ping", "-c", "2", "-W", "5", HOST.securePorto]);
    for (const site of ["lisbon", "porto"]) await makeVrf(site);
    for (const site of ["lisbon", "porto", "hub"]) {
      const file = `/mnt/lab/kernel/${site}/network.yaml`;
      const before = await Deno.readTextFile(file);
      const after = before.replace(
        "secure: { number: 2 }",
        `secure: { number: 2, vrf: ${VRF.name} }`,
      );
      holds(after !== before, "the file has the segment");
      await Deno.writeTextFile(file, after);
      await node(site, ["/mnt/lab/kernel/bin/labelway", "reload"]);
    }
    await until(
      "the segment passes in its VRF",
      async () => await succeeds("lisbon.secure", ["ping", "-c", "2", "-W", "2", HOST.securePorto]),
    );
    const links = JSON.parse(
      await node("lisbon", ["ip", "-j", "link", "show", "master", VRF.name]),
    );
    holds(
      links.some((link: { ifname: string }) => link.ifname === "lws2-secure"),
      "the segment's device belongs to the VRF",
    );
    matches(
      await node("lisbon", ["ip", "route", "show", "table", `${VRF.table}`]),
      /10\.2\.8\.0\/24 dev lws2-secure/,
    );
    const main = await node("lisbon", ["ip", "route", "show", "table", "main"]);
    holds(!main.includes("10.2.8."), `the main table knows nothing of it: ${main}`);
    for (
      const [from, to] of [["lisbon.office", HOST.securePorto], ["lisbon.secure", HOST.porto]]
    ) {
      holds(
        !await succeeds(from!, ["ping", "-c", "2", "-W", "2", to!]),
        `nothing passes from ${from} to ${to}`,
      );
    }
    // The other segment goes on in the main table.
    await node("lisbon.office", ["ping", "-c", "2", "-W", "5", HOST.porto]);
  });

  await test("a router that was killed adopts the interfaces: no new handshake", async () => {
    const before = await handshakes("lisbon");
    await killRouter("lisbon");
    await labelway(["lab", "restart", TOPOLOGY, "lisbon", "--wait", "300"]);
    const after = await handshakes("lisbon");
    equal([...after.keys()].sort(), [...before.keys()].sort());
    // WireGuard itself renews a session every two minutes; nothing else may have.
    const renewed = [...after].filter(([key, at]) =>
      at !== before.get(key) && at - (before.get(key) ?? 0) < 110
    );
    equal(renewed, []);
    await node("lisbon.office", ["ping", "-c", "3", "-W", "5", HOST.porto]);
  });

  await test("an uplink that is cut hands its traffic to the other", async () => {
    await labelway(["lab", "impair", TOPOLOGY, "lisbon.fibre", "cut"]);
    await until(
      "ping passes over lte",
      async () => await succeeds("lisbon.office", ["ping", "-c", "2", "-W", "2", HOST.porto]),
    );
    await labelway(["lab", "impair", TOPOLOGY, "lisbon.fibre", "heal"]);
  });
} finally {
  await test("down leaves nothing", async () => {
    await labelway(["lab", "down", TOPOLOGY]);
    equal((await run(["ip", "netns", "list"])).trim(), "");
  });
}
console.log(`${passed} passed, ${failures.length} failed`);
Deno.exit(failures.length === 0 ? 0 : 1);

async function test(name: string, body: () => Promise<void>): Promise<void> {
  const start = performance.now();
  try {
    await body();
    passed++;
    console.log(`  ✓ ${name} (${Math.round((performance.now() - start) / 1000)} s)`);
  } catch (error) {
    failures.push(name);
    console.log(`  ✗ ${name}\n    ${error instanceof Error ? error.message : error}`);
    if (failures.length === 1) await showLogs();
  }
}

/** The program itself, with its progress on the screen. */
async function labelway(args: readonly string[]): Promise<void> {
  const program = ["run", "-A", "--no-check", "--node-modules-dir=manual"];
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [...program, "--config", `${TREE}deno.json`, `${TREE}src/main.ts`, ...args],
    stdin: "null",
  }).spawn().status;
  if (code !== 0) throw new Error(`labelway ${args.join(" ")}: exit status ${code}`);
}

/** Inside a node, without a second start of the program, which takes seconds here. */
async function node(name: string, argv: readonly string[]): Promise<string> {
  return await run([...entrance(name), ...argv]);
}

async function succeeds(name: string, argv: readonly string[]): Promise<boolean> {
  return await node(name, argv).then(() => true, () => false);
}

function start(name: string, argv: readonly string[]): Deno.ChildProcess {
  const [program = "", ...args] = [...entrance(name), ...argv];
  return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
}

function entrance(name: string): string[] {
  const state = JSON.parse(Deno.readTextFileSync("/mnt/lab/kernel/state.json"));
  const holder = state.gateways[name]?.holder.pid;
  return holder
    ? ["nsenter", "-t", `${holder}`, "-m", "-n", "--"]
    : ["ip", "netns", "exec", netns(name)];
}

function netns(name: string): string {
  for (const entry of Deno.readDirSync("/run/netns")) {
    if (entry.name.endsWith(`-${name}`)) return entry.name;
  }
  throw new Error(`no namespace of ${name}`);
}

async function dropped(site: string, reason: string): Promise<number> {
  const text = await node(site, ["/mnt/lab/kernel/bin/labelway", "drops", "--json"]);
  const { drops } = JSON.parse(text) as { drops: { reason: string; packets: number }[] };
  return drops.find((one) => one.reason === reason)?.packets ?? 0;
}

async function handshakes(site: string): Promise<Map<string, number>> {
  const shown = await node(site, ["wg", "show", "all", "latest-handshakes"]);
  return new Map(
    shown.trim().split("\n").map((line) => {
      const [device, key, at] = line.split("\t");
      return [`${device} ${key}`, Number(at)];
    }),
  );
}

/** A VRF with the device of the segment's LAN in it, as an operator would make it. */
async function makeVrf(site: string): Promise<void> {
  await node(site, ["ip", "link", "add", VRF.name, "type", "vrf", "table", `${VRF.table}`]);
  await node(site, ["ip", "link", "set", "dev", VRF.name, "up"]);
  // The lab calls it as its segment.
  await node(site, ["ip", "link", "set", "dev", "secure", "master", VRF.name]);
}

async function killRouter(site: string): Promise<void> {
  const state = JSON.parse(await Deno.readTextFile("/mnt/lab/kernel/state.json"));
  const pid = state.gateways[site].router.pid;
  Deno.kill(pid, "SIGKILL");
  await until("the router is gone", async () => !await exists(`/proc/${pid}`));
}

async function showLogs(): Promise<void> {
  for (const site of ["lisbon", "porto", "hub"]) {
    const log = await Deno.readTextFile(`/mnt/lab/kernel/${site}/router.log`).catch(() => "");
    console.log(`--- ${site}\n${log.split("\n").slice(-20).join("\n")}`);
  }
}

async function run(argv: readonly string[]): Promise<string> {
  const [program = "", ...args] = argv;
  const { success, code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" })
    .output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(
    `${argv.slice(-6).join(" ")}: exit status ${code}\n${decoder.decode(stderr)}${
      decoder.decode(stdout)
    }`,
  );
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`waited in vain until ${what}`);
}

function equal(actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  holds(a === b, `${a} is not ${b}`);
}

function matches(text: string, pattern: RegExp): void {
  holds(pattern.test(text), `${JSON.stringify(text)} does not match ${pattern}`);
}

function holds(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}
