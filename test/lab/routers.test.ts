/** The whole router on real packets: what an operator relies on, seen by independent programs. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { capture, decodeLabels, occurrences, protocols } from "../../src/lab/capture.ts";
import { ask } from "../../src/lab/gateway.ts";
import { emulatorOf } from "../../src/lab/lab.ts";
import { identify, processesIn, signal } from "../../src/lab/process.ts";
import { ping } from "../../src/lab/traffic.ts";
import {
  attempt,
  inside,
  labelway,
  namespaces,
  sweep,
  takeDown,
  TOPOLOGY,
  until,
} from "./four_sites.ts";
import {
  adjacency,
  attach,
  editFile,
  flow,
  OFFICE_HOST,
  pathsTo,
  peers,
  place,
  reaches,
  reload,
  state,
} from "./office.ts";

const LAB_SECONDS = 90_000;
/** Far below what the links carry: these tests ask whether, not how fast. */
const LEAST_MBIT = 10;
const MARKER = "LABELWAY-MARKER!";
/** Base of the SRLB, SID of porto, uplinks fibre and fibre: out of the hub to porto. */
const HUB_TO_PORTO = 100000 + (2 * 8 + 0) * 8 + 0;
/** Base of the services and number of the segment. */
const OFFICE = 28000 + 1;

beforeAll(async () => {
  await sweep();
  await labelway("lab", "up", TOPOLOGY);
  await attach();
}, LAB_SECONDS);
afterAll(takeDown, LAB_SECONDS);

describe("LANs exchange", { timeout: 30_000 }, () => {
  for (const family of [4, 6] as const) {
    test(`TCP and UDP over IPv${family} on the direct path`, async () => {
      expect((await flow("lisbon", "porto", family)).receivedMbit).toBeGreaterThan(LEAST_MBIT);
      const udp = await flow("lisbon", "porto", family, { protocol: "udp", mbit: 20 });
      expect(udp.receivedMbit).toBeGreaterThan(LEAST_MBIT);
    });

    test(`TCP and UDP over IPv${family} on a label path across the hub`, async () => {
      const crossing = async () =>
        (await pathsTo("lisbon", "porto"))
          .filter(({ hops }) => hops.length === 2 && hops[0]?.toSite === "hub")
          .reduce((sum, { txPackets }) => sum + txPackets, 0);
      const before = await crossing();
      expect((await flow("lisbon", "porto", family, { port: 5202 })).receivedMbit).toBeGreaterThan(
        LEAST_MBIT,
      );
      const udp = await flow("lisbon", "porto", family, { port: 5202, protocol: "udp", mbit: 20 });
      expect(udp.receivedMbit).toBeGreaterThan(LEAST_MBIT);
      // 20 Mbit/s of 1,200 bytes are 2,083 packets, half of which must have arrived; and TCP's.
      expect(await crossing() - before).toBeGreaterThan(1500);
    });

    test(`TCP and UDP over IPv${family} from behind NAT through the hub`, async () => {
      const tcp = await flow("cabin", "lisbon", family, { seconds: 3, mbit: 4 });
      expect(tcp.receivedMbit).toBeGreaterThan(1);
      const udp = await flow("lisbon", "cabin", family, { protocol: "udp", mbit: 4 });
      expect(udp.receivedMbit).toBeGreaterThan(2);
    });
  }

  test("segments stay apart", async () => {
    await reaches("lisbon.voice", "10.2.8.10");
    const across = await ping(place, state, "lisbon.voice", "10.2.0.10", {
      count: 3,
      intervalMillis: 20,
    });
    expect(across.received).toBe(0);
  });

  test("a datagram larger than any tunnel arrives in fragments, and DF is answered", async () => {
    await reaches("lisbon.office", "10.2.0.10", ["-s", "3000"]);
    const { out } = await inside(
      "lisbon.office",
      "ping",
      "-c",
      "2",
      "-i",
      "0.2",
      "-M",
      "do",
      "-s",
      "1450",
      "10.2.0.10",
    );
    expect(out).toMatch(/frag needed|message too long/i);
  });
});

describe("on the wire", { timeout: 60_000 }, () => {
  test("the internet sees WireGuard alone, and the hub sees the labels that the file gives", async () => {
    const payload = `${place.folder}/payload`;
    await Deno.writeTextFile(payload, MARKER.repeat(64_000));
    const neighbours = "not arp and not (icmp6 and ip6[40] >= 133 and ip6[40] <= 137)".split(" ");
    const lan = await capture(place, state, "porto.office", "eth0");
    const internet = await capture(place, state, "internet", "any", neighbours);
    const hub = await capture(place, state, "hub", "any", ["udp", "port", "6635"]);
    for (const family of [4, 6] as const) {
      const marked = { count: 5, intervalMillis: 20, marker: MARKER };
      await ping(place, state, "lisbon.office", OFFICE_HOST.porto[family], marked);
      await flow("lisbon", "porto", family, { port: 5202, mbit: 2, payload });
    }
    for (const one of [lan, internet, hub]) await one.stop();

    expect(await occurrences(lan.file, MARKER)).toBeGreaterThan(1000);
    expect(await occurrences(internet.file, MARKER)).toBe(0);
    const seen = await protocols(internet.file);
    expect([...seen.keys()].filter((name) => !name.endsWith(":udp:wg"))).toEqual([]);
    expect([...seen.values()].reduce((a, b) => a + b, 0)).toBeGreaterThan(1000);

    const packets = await decodeLabels(hub.file);
    for (const family of [4, 6] as const) {
      const mine = packets.filter(({ inner }) =>
        inner.destination === OFFICE_HOST.porto[family] && inner.protocol === "6"
      );
      const into = mine.filter(({ stack }) => stack.length === 2);
      const outOf = mine.filter(({ stack }) => stack.length === 1);
      expect(into.length).toBeGreaterThan(100);
      expect(outOf.length).toBe(into.length);
      for (const { stack } of into) {
        expect(stack.map(({ label, bottom }) => [label, bottom])).toEqual([[HUB_TO_PORTO, false], [
          OFFICE,
          true,
        ]]);
        // RFC 3443 §3.1: the pipe model starts at 255, whatever the customer's TTL.
        expect(stack.map(({ ttl }) => ttl)).toEqual([255, 255]);
      }
      // Popped at the penultimate hop; RFC 7510: the source port stays the flow's.
      for (const { stack } of outOf) {
        expect(stack[0]).toMatchObject({ label: OFFICE, bottom: true });
      }
      expect(new Set(outOf.map((p) => p.sourcePort))).toEqual(
        new Set(into.map((p) => p.sourcePort)),
      );
    }
  });

  test("each uplink's packets leave by its own device and with its own address", async () => {
    const { out } = await inside("lisbon", "ip", "route", "show", "default");
    expect(out.split("\n")[0]).toContain("dev fibre");
    const lte = await capture(place, state, "lisbon", "lte", ["udp"]);
    const fibre = await capture(place, state, "lisbon", "fibre", ["udp"]);
    await emulatorOf(place, state).change("lisbon.fibre", "both", { cut: true });
    let received: number;
    try {
      await until(
        "lisbon.fibre is down",
        3,
        async () => await adjacency("lisbon", "fibre>porto.fibre") === "down",
      );
      ({ received } = await ping(place, state, "lisbon.office", "10.2.0.10", {
        count: 20,
        intervalMillis: 20,
      }));
    } finally {
      await emulatorOf(place, state).change("lisbon.fibre", "both", { cut: false });
    }
    await lte.stop();
    await fibre.stop();
    expect(received).toBeGreaterThan(15);
    const addresses = async (file: string) => {
      const { out } = await inside(
        "lisbon",
        "tshark",
        "-n",
        "-r",
        file,
        // Data alone, on another port than WireGuard's usual one, is not taken for it.
        "-d",
        "udp.port==51821,wg",
        "-Y",
        "wg",
        "-T",
        "fields",
        "-e",
        "ip.src",
        "-e",
        "ipv6.src",
        "-e",
        "ip.dst",
        "-e",
        "ipv6.dst",
      );
      return new Set(out.split(/\s+/).filter((word) => word !== ""));
    };
    const byLte = await addresses(lte.file);
    const byFibre = await addresses(fibre.file);
    expect([...byLte].some((a) => a === "203.0.113.2" || a === "2001:db8:f:2::2")).toBe(true);
    expect(byLte).not.toContain("198.51.100.2");
    expect(byFibre).toContain("198.51.100.2");
    expect(byFibre).not.toContain("203.0.113.2");
    expect(byFibre).not.toContain("2001:db8:f:2::2");
    await until(
      "lisbon.fibre is up",
      5,
      async () => await adjacency("lisbon", "fibre>porto.fibre") === "up",
    );
  });
});

describe("WireGuard", { timeout: 30_000 }, () => {
  test("the system's wg lists the embedded interfaces, with handshakes and transfer", async () => {
    const all = await peers("lisbon");
    expect(new Set(all.map(({ device }) => device))).toEqual(new Set(["lw-0-fibre", "lw-1-lte"]));
    expect(all).toHaveLength(6);
    for (const peer of all) {
      expect(peer.handshake).toBeGreaterThan(0);
      expect(peer.received).toBeGreaterThan(1000);
      expect(peer.sent).toBeGreaterThan(1000);
    }
  });

  test("Debian's wireguard-go serves the hub's, and has the same peers", async () => {
    const { out } = await inside("hub", "ip", "-d", "-br", "link", "show", "type", "tun");
    expect(out).toContain("lw-0-fibre");
    const all = await peers("hub");
    expect(all).toHaveLength(10);
    for (const peer of all) expect(peer.handshake).toBeGreaterThan(0);
    // The cabin came through its NAT.
    expect(all.filter(({ endpoint }) => endpoint?.startsWith("192.0.2.2:"))).toHaveLength(2);
  });

  test("a reload of the unchanged file changes nothing and makes no handshake", async () => {
    const before = await peers("lisbon");
    await reload("lisbon");
    const after = await peers("lisbon");
    expect(after.map(({ key, endpoint, handshake }) => [key, endpoint, handshake]))
      .toEqual(before.map(({ key, endpoint, handshake }) => [key, endpoint, handshake]));
    const status = await ask<{ lastReload: { ok: boolean; changes: string[] } }>(
      place,
      "lisbon",
      "/v1/status",
    );
    expect(status?.lastReload).toMatchObject({ ok: true, changes: [] });
  });
});

describe("failures", { timeout: 60_000 }, () => {
  test("a cut uplink costs less than a second, and comes back with hysteresis", async () => {
    const emulator = emulatorOf(place, state);
    const direct = async () =>
      (await pathsTo("lisbon", "porto")).find(({ key }) => key === "fibre>porto.fibre");
    const staysElsewhere = async () => {
      const question = ["policy", "explain", "--src", "10.1.0.10", "--dst", "10.2.0.10", "--json"];
      const { out } = await inside("lisbon", "labelway", ...question);
      return (JSON.parse(out) as { paths: { kept: boolean }[] }).paths.some(({ kept }) => kept);
    };
    const file = `${place.folder}/lisbon/network.yaml`;
    const original = await Deno.readTextFile(file);
    // Not a minute, as it is by itself.
    await editFile("lisbon", (text) => `${text}\nclasses: { default: { return: 10s } }\n`);
    await reload("lisbon");
    try {
      await until("the direct path is in use", 15, async () => (await direct())?.inUse === true);
      // Pings of before are the same flow: it follows after the hold time.
      await until("no flow stays elsewhere", 15, async () => !(await staysElsewhere()));
      const echoes = ping(place, state, "lisbon.office", "10.2.0.10", {
        count: 800,
        intervalMillis: 10,
      });
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await emulator.change("lisbon.fibre", "both", { cut: true });
      await until(
        "the direct path is out of use",
        2,
        async () => (await direct())?.inUse === false,
      );
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await emulator.change("lisbon.fibre", "both", { cut: false });
      await until("the direct path is up", 4, async () => (await direct())?.state === "up");
      expect((await direct())?.inUse).toBe(false);
      await until(
        "the direct path is in use again",
        15,
        async () => (await direct())?.inUse === true,
      );
      const result = await echoes;
      expect(result.longestGapMillis).toBeGreaterThan(100);
      expect(result.longestGapMillis).toBeLessThan(1000);
    } finally {
      await Deno.writeTextFile(file, original);
      await reload("lisbon");
    }
  });

  test("a wrong file is refused whole, with its place, and the router goes on", async () => {
    const file = `${place.folder}/lisbon/network.yaml`;
    const original = await Deno.readTextFile(file);
    try {
      await editFile("lisbon", (text) => text.replace("cost: 20", "cost: twenty"));
      const refused = await inside("lisbon", "labelway", "reload");
      expect(refused.code).toBe(1);
      expect(refused.out + refused.err).toMatch(/network\.yaml:\d+:\d+: "twenty"/);
      await reaches("lisbon.office", "10.2.0.10");
    } finally {
      await Deno.writeTextFile(file, original);
      await reload("lisbon");
    }
  });

  test("a router that was killed starts again over what it left behind", async () => {
    const router = state.gateways["lisbon"]?.router;
    if (router == null) throw new Error("lisbon has no router");
    signal(router, "SIGKILL");
    await until("it is gone", 3, () => identify(router.pid) === null);
    await labelway("lab", "restart", TOPOLOGY, "lisbon");
    await attach();
    expect((await flow("lisbon", "porto", 4, { port: 5202 })).receivedMbit).toBeGreaterThan(
      LEAST_MBIT,
    );
    expect((await flow("porto", "lisbon", 6)).receivedMbit).toBeGreaterThan(LEAST_MBIT);
  });
});

describe("a router that ends", { timeout: 60_000 }, () => {
  test("takes its devices, rules and sockets with it", async () => {
    const router = state.gateways["porto"]?.router;
    if (router == null) throw new Error("porto has no router");
    signal(router, "SIGTERM");
    await until("it has ended", 10, () => identify(router.pid) === null);
    expect((await inside("porto", "ip", "-br", "link")).out).not.toMatch(/^lws?\d?-|^lws/m);
    expect((await inside("porto", "ip", "rule")).out).not.toContain("0x4c57");
    expect((await inside("porto", "ls", "/run/wireguard")).out).toBe("");
    await labelway("lab", "restart", TOPOLOGY, "porto");
    await attach();
    await reaches("lisbon.office", "10.2.0.10");
  });
});

test("the lab leaves nothing of its routers behind", { timeout: LAB_SECONDS }, async () => {
  const processes = processesIn(await namespaces());
  await labelway("lab", "down", TOPOLOGY);
  expect(await namespaces()).toEqual([]);
  for (const { pid, startTime } of processes) expect(identify(pid)?.startTime).not.toBe(startTime);
  await expect(Deno.stat(place.folder)).rejects.toThrow();
});

test("a router that cannot start fails the lab, which says why and takes itself down", {
  timeout: LAB_SECONDS,
}, async () => {
  const folder = await Deno.makeTempDir({ prefix: "lw-library-" });
  const library = `${folder}/liblabelway.so`;
  const up = async () => {
    Deno.env.set("LABELWAY_LIBRARY", library);
    const { code, err } = await attempt("lab", "up", TOPOLOGY);
    Deno.env.delete("LABELWAY_LIBRARY");
    expect(code).toBe(1);
    expect(await namespaces()).toEqual([]);
    return err;
  };
  expect(await up()).toContain(`There is no native half at ${library}; build it: deno task native`);
  await Deno.writeTextFile(library, "not a library");
  const err = await up();
  await Deno.remove(folder, { recursive: true });
  expect(err).toMatch(/The router of \w+ has ended; its log ends:/);
  expect(err).toContain("Cannot load the native library");
  expect(await attempt("lab", "status", TOPOLOGY)).toMatchObject({
    code: 1,
    err: expect.stringContaining("is not up"),
  });
  expect(await namespaces()).toEqual([]);
});
