/** The engine on real packets: gateways in network namespaces, tables written by hand. */

import { afterAll, beforeAll, expect, test } from "vitest";
import type { Liveness } from "../../src/model/boundary.ts";
import { exec, must } from "./engine/namespaces.ts";
import {
  allUp,
  apply,
  build,
  type Network,
  ping,
  route,
  snapshot,
  start,
  tcp,
  until,
} from "./engine/network.ts";
import { hop, INTERFACE, SERVICE, table, TUN } from "./engine/tables.ts";

/** An IPv6 address can be used at once. */
const NO_DAD = "net.ipv6.conf.wan.accept_dad=0";

let network: Network;

beforeAll(async () => {
  network = await build();
  await Promise.all([start(network, "a"), start(network, "b"), start(network, "h")]);
  await everythingUp();
}, 60_000);

afterAll(() => network?.net.remove(), 30_000);

const everythingUp = () =>
  Promise.all([allUp(network, "a"), allUp(network, "b"), allUp(network, "h")]);

const both = (ways: ("direct" | "through-h")[]) =>
  Promise.all([apply(network, "a", { ways }), apply(network, "b", { ways })]);

async function hits(name: "a" | "b" | "h", label: number): Promise<number> {
  const labels = await network.gateways[name].ask({ do: "labels" });
  return labels.find((entry: { label: number }) => entry.label === label).packets;
}

test("IPv4, IPv6 and TCP cross on the direct path", async () => {
  await both(["direct"]);
  const before = await hits("b", SERVICE);
  expect(await ping(network, 20, 0.01, 4)).toEqual({ sent: 20, received: 20 });
  expect(await ping(network, 20, 0.01, 6)).toEqual({ sent: 20, received: 20 });
  expect(await hits("b", SERVICE)).toBeGreaterThanOrEqual(before + 40);
  await tcp(network, 2_000_000, 4);
  await tcp(network, 2_000_000, 6);
}, 30_000);

test("and on labels through the gateway between", async () => {
  await both(["through-h"]);
  const [there, back] = [await hits("h", hop("b")), await hits("h", hop("a"))];
  expect(await ping(network, 20, 0.01, 4)).toEqual({ sent: 20, received: 20 });
  expect(await ping(network, 20, 0.01, 6)).toEqual({ sent: 20, received: 20 });
  await tcp(network, 2_000_000);
  expect(await hits("h", hop("b"))).toBeGreaterThan(there + 500);
  expect(await hits("h", hop("a"))).toBeGreaterThan(back + 40);
}, 30_000);

test("what crosses is counted where it crosses", async () => {
  await both(["through-h"]);
  const before = await snapshot(network, "a");
  await ping(network, 50, 0.005);
  const after = await snapshot(network, "a");
  const [now, then] = [after.segments[0]!, before.segments[0]!];
  expect(now.ingress_packets - then.ingress_packets).toBe(50);
  expect(now.egress_packets - then.egress_packets).toBe(50);
  expect(now.ingress_bytes - then.ingress_bytes).toBe(50 * 84);
  expect(after.lists[1]!.tx_packets - before.lists[1]!.tx_packets).toBe(50);
  expect(after.lists[0]!.tx_packets).toBe(before.lists[0]!.tx_packets);
});

test("every reason for a drop is told, also those never seen", async () => {
  const { drops } = await snapshot(network, "h");
  for (const reason of ["unknown-label", "wireguard-replayed", "uplink-unreachable"]) {
    expect(drops, reason).toHaveProperty(reason);
  }
  expect(drops["engine-fault"]).toBe(0);
});

test("wg shows the interface with its handshakes and transfer", async () => {
  const dump = (await network.gateways.a.run(`wg show ${INTERFACE} dump`)).trim().split("\n");
  const [self, ...peers] = dump.map((line) => line.split("\t"));
  expect(self![1]).toBe(network.keys.a.public);
  expect(self![2]).toBe("51820");
  expect(peers.map((peer) => peer[0]).sort()).toEqual(
    [network.keys.b.public, network.keys.h.public].sort(),
  );
  for (const [key, , endpoint, , handshake, received, sent] of peers) {
    expect(endpoint, key).toMatch(/^198\.51\.100\.[23]:51820$/);
    expect(Math.abs(Number(handshake) - Date.now() / 1000), key).toBeLessThan(180);
    expect(Number(received), key).toBeGreaterThan(1000);
    expect(Number(sent), key).toBeGreaterThan(1000);
  }
});

test("probes measure, and neighbours tell their generation", async () => {
  const { adjacencies, lists } = await snapshot(network, "a");
  for (const { quality } of [...adjacencies, ...lists]) {
    expect(quality.rtt_micros).toBeGreaterThan(20);
    expect(quality.rtt_micros).toBeLessThan(100_000);
    expect(quality.probes_answered).toBeGreaterThan(5);
    expect(quality.downs).toBe(0);
  }
  expect(adjacencies.map((adjacency) => adjacency.remote_generation)).toEqual(
    ["0123456789abcdef", "0123456789abcdef"],
  );
});

test("swaps under traffic lose no packet", async () => {
  const tables = ([["direct"], ["through-h"]] as const)
    .map((ways) => table("a", network.keys, { ways }));
  const before = await snapshot(network, "a");
  const [pings] = await Promise.all([
    ping(network, 1000, 0.002),
    network.gateways.a.ask({ do: "apply-repeatedly", tables, times: 200, pauseMillis: 8 }),
  ]);
  expect(pings).toEqual({ sent: 1000, received: 1000 });
  const after = await snapshot(network, "a");
  expect(after.swaps - before.swaps).toBe(200);
  expect(after.lists[0]!.tx_packets).toBeGreaterThan(before.lists[0]!.tx_packets);
  expect(after.lists[1]!.tx_packets).toBeGreaterThan(before.lists[1]!.tx_packets);
  for (const { quality } of after.adjacencies) {
    expect(quality.state).toBe("up");
    expect(quality.downs).toBe(0);
  }
}, 30_000);

test("10,000 labels and 10,000 prefixes apply in under a second and lose no packet", async () => {
  const many = { extraLabels: 10_000, extraPrefixes: 10_000 };
  const traffic = ping(network, 1000, 0.003);
  const times: number[] = [];
  for (let time = 0; time < 3; time++) {
    await new Promise((resolve) => setTimeout(resolve, 400));
    times.push(await apply(network, "a", { ...many, generation: `000000000000000${time}` }));
  }
  expect(await traffic).toEqual({ sent: 1000, received: 1000 });
  console.log(`apply of 10,000 labels and prefixes: ${times.map(Math.round).join(", ")} ms`);
  for (const time of times) expect(time).toBeLessThan(1000);
  expect((await snapshot(network, "a")).generation).toBe("0000000000000002");
  await both(["direct"]);
}, 30_000);

test("a busy main thread and its garbage collections hold up no packet and no probe", async () => {
  const blocked = network.gateways.a.ask({ do: "block", millis: 3000 });
  const before = await snapshot(network, "b");
  const pings = await ping(network, 1000, 0.002);
  const after = await snapshot(network, "b");
  expect(pings).toEqual({ sent: 1000, received: 1000 });
  expect(await blocked, "collections were forced").toBeGreaterThan(3);
  const sent = (seen: typeof before) => seen.adjacencies[0]!.quality;
  const lost = (sent(after).probes_sent - sent(before).probes_sent) -
    (sent(after).probes_answered - sent(before).probes_answered);
  expect(Math.abs(lost)).toBeLessThanOrEqual(1); // one may be under way
}, 30_000);

test("a refused table changes nothing", async () => {
  const wrong = table("a", network.keys);
  const before = await snapshot(network, "a");
  const twice = {
    ...wrong,
    uplinks: [{ ...wrong.uplinks[0]!, interface: "lw-0-other" }],
    segments: [{ ...wrong.segments[0]!, tun: "lan" }],
  };
  const refused = await network.gateways.a.ask({ do: "apply", table: twice })
    .catch((error: Error) => error.message);
  expect(refused).toContain("Cannot create TUN lan: a device of this name exists");
  expect((await snapshot(network, "a")).swaps).toBe(before.swaps);
  expect(await ping(network, 10, 0.01)).toEqual({ sent: 10, received: 10 });
  const sockets = await network.gateways.a.run("ls /run/wireguard");
  expect(sockets.trim()).toBe(`${INTERFACE}.sock`);
});

test("a port in use is refused through wg, and the sockets stay as they are", async () => {
  const taken = new Deno.Command("ip", {
    args: [
      ...["netns", "exec", network.namespace("a"), Deno.execPath(), "eval", "--unstable-net"],
      'const s = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 51999 });' +
      "console.log(1); for await (const _ of s);",
    ],
    stdout: "piped",
  }).spawn();
  try {
    await taken.stdout.getReader().read();
    const refused = await network.gateways.a.run(`wg set ${INTERFACE} listen-port 51999`)
      .catch((error: Error) => error.message);
    expect(refused).toContain("Address already in use");
    expect((await network.gateways.a.run(`wg show ${INTERFACE} listen-port`)).trim()).toBe("51820");
    expect(await ping(network, 10, 0.01)).toEqual({ sent: 10, received: 10 });
  } finally {
    taken.kill("SIGKILL");
    await taken.status;
  }
});

test("an endpoint with IPv6 takes the other socket", async () => {
  const near = "2001:db8:ffff::1";
  const far = "2001:db8:ffff::2";
  const holdsBoth = (shown: string) =>
    shown.includes(`[${near}]:51820`) && shown.includes(`[${far}]:51820`);
  const addresses = async (action: "replace" | "del") => {
    for (const [name, address] of [["a", near], ["b", far]] as const) {
      await must(
        "ip",
        "-n",
        network.namespace(name),
        "addr",
        action,
        `${address}/64`,
        "dev",
        "wan",
      );
    }
  };
  const point = (name: "a" | "b", peer: string, endpoint: string) =>
    network.gateways[name].run(`wg set ${INTERFACE} peer ${peer} endpoint ${endpoint}`);
  await must("ip", "netns", "exec", network.namespace("a"), "sysctl", "-qw", NO_DAD);
  await must("ip", "netns", "exec", network.namespace("b"), "sysctl", "-qw", NO_DAD);
  await addresses("replace");
  await both(["direct"]);
  const endpoints = async () =>
    await network.gateways.a.run(`wg show ${INTERFACE} endpoints`) +
    await network.gateways.b.run(`wg show ${INTERFACE} endpoints`);
  // A packet under way may take an endpoint back to IPv4 once: that is roaming.
  for (let tries = 0; tries < 5 && !holdsBoth(await endpoints()); tries++) {
    await point("a", network.keys.b.public, `[${far}]:51820`);
    await point("b", network.keys.a.public, `[${near}]:51820`);
    expect(await ping(network, 20, 0.01)).toEqual({ sent: 20, received: 20 });
  }
  expect(holdsBoth(await endpoints()), await endpoints()).toBe(true);
  // Without the addresses first: a packet under way would take the endpoint back to IPv6.
  await addresses("del");
  await point("a", network.keys.b.public, "198.51.100.2:51820");
  await point("b", network.keys.a.public, "198.51.100.1:51820");
  expect(await ping(network, 20, 0.01)).toEqual({ sent: 20, received: 20 });
});

test("sockets carry the firewall mark and are bound to the device", async () => {
  const sockets = () =>
    must("ip", "netns", "exec", network.namespace("a"), "ss", "-Huane", "sport = :51820");
  await network.gateways.a.run(`wg set ${INTERFACE} fwmark 0x4c570000`);
  const lines = (await sockets()).trim().split("\n");
  const { threads } = await snapshot(network, "a");
  const underlay = threads.filter(({ direction }) => direction === "underlay").length;
  expect(lines.length, "one for each family and underlay thread").toBe(2 * underlay);
  for (const line of lines) {
    expect(line).toContain("fwmark:0x4c570000");
    expect(line).toContain("%wan:51820");
  }
  expect((await network.gateways.a.run(`wg show ${INTERFACE} fwmark`)).trim()).toBe("0x4c570000");
  await network.gateways.a.run(`wg set ${INTERFACE} fwmark 0`);
  expect(await sockets()).not.toContain("fwmark");
});

test("another port is taken, and peers follow at once", async () => {
  await network.gateways.h.run(`wg set ${INTERFACE} listen-port 51833`);
  await both(["through-h"]);
  for (const name of ["a", "b"] as const) {
    const endpoints = () => network.gateways[name].run(`wg show ${INTERFACE} endpoints`);
    await until(endpoints, (text) => text.includes("198.51.100.3:51833"), 1000);
  }
  expect(await ping(network, 20, 0.01)).toEqual({ sent: 20, received: 20 });
  const { stdout } = await exec(["ip", "netns", "exec", network.namespace("h"), "ss", "-Huan"]);
  expect(stdout, "the old one is free").not.toContain(":51820");
  await network.gateways.h.run(`wg set ${INTERFACE} listen-port 51820`);
  await everythingUp();
});

test("an uplink moves to another device and keeps its sessions", async () => {
  const namespace = network.namespace("h");
  const middle = network.net.name("net");
  const handshakes = () => network.gateways.h.run(`wg show ${INTERFACE} latest-handshakes`);
  const before = await handshakes();
  await network.net.join(namespace, "wan2", middle, "to-h2");
  await must("ip", "-n", middle, "link", "set", "to-h2", "master", "br0");
  await must("ip", "-n", namespace, "addr", "del", "198.51.100.3/24", "dev", "wan");
  await must("ip", "-n", namespace, "addr", "add", "198.51.100.3/24", "dev", "wan2");
  const moved = table("h", network.keys);
  moved.uplinks[0]!.device = "wan2";
  await network.gateways.h.ask({ do: "apply", table: moved });
  await allUp(network, "h");
  expect(await handshakes()).toBe(before);
  await must("ip", "-n", namespace, "addr", "del", "198.51.100.3/24", "dev", "wan2");
  await must("ip", "-n", namespace, "addr", "add", "198.51.100.3/24", "dev", "wan");
  await apply(network, "h", {});
  await must("ip", "-n", namespace, "link", "delete", "wan2");
  await everythingUp();
  expect(await handshakes()).toBe(before);
}, 30_000);

test("a TUN that somebody removed is made again with the next table", async () => {
  const namespace = network.namespace("a");
  await must("ip", "-n", namespace, "link", "delete", TUN);
  await until(() => snapshot(network, "a"), (seen) => seen.drops["tun-refused"]! > 0);
  await both(["direct"]);
  await route(network, "a");
  expect(await ping(network, 20, 0.01)).toEqual({ sent: 20, received: 20 });
});

test("a new MTU is set on the TUN that is there", async () => {
  const index = async () =>
    (await must("ip", "-n", network.namespace("a"), "-o", "link", "show", TUN)).split(":")[0];
  const before = await index();
  const smaller = table("a", network.keys);
  smaller.segments[0]!.mtu = 1300;
  await network.gateways.a.ask({ do: "apply", table: smaller });
  expect(await must("ip", "-n", network.namespace("a"), "link", "show", TUN)).toContain("mtu 1300");
  expect(await index()).toBe(before);
  await both(["direct"]);
});

test("an adjacency that fails takes its path out within a second, and comes back", async () => {
  await both(["direct", "through-h"]);
  const { adjacencies: [before] } = (await everythingUp())[0];
  const nft = (text: string) =>
    must("ip", "netns", "exec", network.namespace("a"), "nft", ...text.split(" "));
  const direct = (name: "a" | "b", state: Liveness) =>
    until(() => snapshot(network, name), (seen) => seen.adjacencies[0]!.quality.state === state);
  await nft(
    "add table ip cut; add chain ip cut out { type filter hook output priority 0; }; " +
      "add rule ip cut out ip daddr 198.51.100.2 drop",
  );
  try {
    const start = performance.now();
    await direct("a", "down");
    expect(performance.now() - start).toBeLessThan(1000);
    await direct("b", "down");
    expect(await ping(network, 20, 0.01)).toEqual({ sent: 20, received: 20 });
    const { drops } = await snapshot(network, "a");
    expect(drops["uplink-unreachable"]).toBeGreaterThan(0);
  } finally {
    await nft("delete table ip cut");
  }
  const back = await direct("a", "up");
  expect(back.adjacencies[0]!.quality.downs).toBe(before!.quality.downs + 1);
  expect(await ping(network, 20, 0.01)).toEqual({ sent: 20, received: 20 });
}, 30_000);

test("a device that goes and comes back is bound to again", async () => {
  const namespace = network.namespace("h");
  const middle = network.net.name("net");
  await must("ip", "-n", namespace, "link", "delete", "wan");
  await until(
    () => snapshot(network, "h"),
    (seen) => seen.adjacencies[0]!.quality.state === "down",
  );
  await must(
    ...["ip", "link", "add", "wan", "netns", namespace, "type", "veth"],
    ...["peer", "name", "to-h", "netns", middle],
  );
  for (
    const line of [
      `-n ${middle} link set to-h master br0 up`,
      `-n ${namespace} addr add 198.51.100.3/24 dev wan`,
      `-n ${namespace} link set wan up`,
    ]
  ) await must("ip", ...line.split(" "));
  await everythingUp();
}, 30_000);

test("SIGTERM leaves nothing behind", async () => {
  const namespace = network.namespace("b");
  const links = () => must("ip", "-n", namespace, "-o", "link");
  expect(await links()).toContain(TUN);
  const start = performance.now();
  expect(await network.gateways.b.terminate()).toBe(0);
  expect(performance.now() - start).toBeLessThan(2000);
  expect(await links()).not.toContain(TUN);
  const { stdout } = await exec(["ip", "netns", "exec", namespace, "ss", "-Huln"]);
  expect(stdout.trim()).toBe("");
});

test("closing leaves no device, no socket and no thread", async () => {
  const gateway = network.gateways.a;
  const threads = () =>
    gateway.ask({ do: "run", command: ["sh", "-c", "cat /proc/$PPID/task/*/comm"] });
  expect(await threads()).toContain("lw-ingress");
  await gateway.ask({ do: "close" });
  expect(await threads()).not.toContain("lw-");
  expect(await gateway.run("ls /run/wireguard")).toBe("");
  expect(await must("ip", "-n", network.namespace("a"), "-o", "link")).not.toContain(TUN);
  await start(network, "a");
  expect(await gateway.run("ls /run/wireguard")).toContain(`${INTERFACE}.sock`);
}, 15_000);
