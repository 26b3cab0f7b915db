/** What probes tell of links that lose, and how often they are sent. */

import { afterAll, beforeAll, expect, test } from "vitest";
import type { Looks, Measured, ProbedPath, Window } from "../../src/model/boundary.ts";
import type { Emulator } from "../../src/lab/emulator.ts";
import { CLEAR } from "../../src/lab/impairment.ts";
import { buildEmulated, type Emulated } from "./engine/emulated.ts";
import { exec, must } from "./engine/namespaces.ts";
import { allUp, apply, NAMES, type Network, snapshot, start, until } from "./engine/network.ts";
import { hop, lan4, type Name, table } from "./engine/tables.ts";

const LINK = { ...CLEAR, delayMillis: 2 };
/** One way of the link between two of the sites, in both directions. */
const ROUND_TRIP_MICROS = 4 * 2_000;

let emulated: Emulated | undefined;
let network: Network;
let emulator: Emulator;

beforeAll(async () => {
  emulated = await buildEmulated(LINK);
  ({ network, emulator } = emulated);
  await Promise.all(NAMES.map((name) => allUp(network, name)));
}, 60_000);

afterAll(() => emulated?.remove(), 30_000);

const looks = (name: Name): Promise<Looks> => network.gateways[name].ask({ do: "looks" });
const measured = (name: Name): Promise<Measured[]> =>
  network.gateways[name].ask({ do: "measured" });
const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis));

/** Sums of the looks of some seconds, by key. */
async function watch(name: Name, seconds: number): Promise<Map<string, Window[]>> {
  const seen = new Map<string, Window[]>();
  await looks(name);
  for (let second = 0; second < seconds; second++) {
    await pause(1000);
    for (const { key, since } of (await looks(name)).looks) {
      seen.set(key, [...seen.get(key) ?? [], since]);
    }
  }
  return seen;
}

function total(windows: readonly Window[] | undefined, field: keyof Window): number {
  return (windows ?? []).reduce((sum, window) => sum + ((window[field] as number | null) ?? 0), 0);
}

test("all is well: what is sent is answered, with the link's round trip", async () => {
  const seen = await watch("a", 3);
  expect([...seen.keys()].sort()).toEqual(["wan>b.wan", "wan>h.wan", "wan>h.wan,wan>b.wan"]);
  for (const [key, windows] of seen) {
    expect(total(windows, "sent"), key).toBeGreaterThan(20);
    expect(total(windows, "sent") - total(windows, "answered"), key).toBeLessThan(2);
  }
  const [direct] = await measured("a");
  expect(direct!.key).toBe("wan>b.wan");
  expect(direct!.windows.map((window) => window.span_millis)).toEqual(
    [1_000, 10_000, 60_000, 900_000, 86_400_000],
  );
  const trip = direct!.windows[2]!.round_trip!;
  expect(trip.p50).toBeGreaterThan(ROUND_TRIP_MICROS);
  expect(trip.p50).toBeLessThan(ROUND_TRIP_MICROS * 3);
  expect(direct!.classes.map((one) => one.class)).toEqual([0]);
}, 30_000);

test("a list has the MTU of its narrowest hop, wherever that is, and hosts are told", async () => {
  const [DIRECT, THROUGH] = ["wan>b.wan", "wan>h.wan,wan>b.wan"] as const;
  await apply(network, "a", { ways: ["through-h"] });
  const found = async () =>
    Object.fromEntries((await measured("a")).map(({ key, mtu }) => [key, mtu]));
  const lists = table("a", network.keys).lists;
  const configured = Object.fromEntries(lists.map(({ key, mtu }) => [key, mtu]));
  await until(
    found,
    (mtus) => mtus[DIRECT] === configured[DIRECT] && mtus[THROUGH] === configured[THROUGH],
    30_000,
  );
  // From h to b alone 1,400 bytes pass, in one piece; what may come apart does.
  const nft = (text: string) =>
    must("ip", "netns", "exec", network.namespace("b"), "nft", ...text.split(" "));
  await nft(
    "add table ip narrow; add chain ip narrow in { type filter hook input priority 0; }; " +
      "add rule ip narrow in ip saddr 198.51.100.3 ip length > 1400 ip frag-off & 0x4000 != 0 drop",
  );
  try {
    // IPv4 and UDP without, 32 of WireGuard, padding to 16 bytes, IPv4, UDP and a label within.
    const fits = Math.floor((1400 - 60) / 16) * 16 - 28 - 4;
    const at = (mtu: number | null | undefined) => mtu != null && mtu <= fits && mtu > fits - 16;
    const narrow = await until(found, (mtus) => at(mtus[THROUGH]), 60_000);
    expect(narrow[DIRECT]).toBe(configured[DIRECT]);
    const back = await measured("b");
    expect(back.find(({ key }) => key === "wan>h.wan,wan>a.wan")!.mtu).toBe(configured[THROUGH]);

    const ping = async (size: number, fragment: "do" | "dont") => {
      const options = ["-n", "-c", "3", "-i", "0.2", "-W", "1", "-M", fragment];
      const sized = [...options, "-s", `${size - 28}`, `${lan4("b")}.2`];
      const { stdout, stderr } = await exec(
        ["ip", "netns", "exec", network.host("a"), "ping", ...sized],
      );
      return stdout + stderr;
    };
    const known = narrow[THROUGH]!;
    expect(await ping(known, "do")).toContain("3 received");
    expect(await ping(known + 1, "dont")).toContain("3 received");
    const refused = await ping(known + 1, "do");
    expect(refused).toContain("0 received");
    expect(refused).toMatch(new RegExp(`Frag needed and DF set \\(mtu = ${known}\\)`));
  } finally {
    await nft("delete table ip narrow");
    await apply(network, "a", {});
  }
}, 150_000);

test("the MTU of an adjacency is found, and found again when it falls", async () => {
  const mtu = async () => (await snapshot(network, "a")).adjacencies[0]!.quality.mtu;
  const configured = table("a", network.keys).adjacencies[0]!.mtu;
  await until(mtu, (found) => found === configured, 10_000);
  const device = (bytes: number) =>
    must("ip", "-n", network.namespace("a"), "link", "set", "wan", "mtu", `${bytes}`);
  await device(1400);
  try {
    // IPv4 and UDP without, IPv4 and UDP within, 32 of WireGuard, and padding to 16 bytes.
    const fits = Math.floor((1400 - 60) / 16) * 16 - 28;
    const found = await until(mtu, (found) => found !== null && found <= fits, 60_000);
    expect(found).toBeGreaterThanOrEqual(1280);
    await until(mtu, (found) => found !== null && found > fits - 8 && found <= fits, 30_000);
    // What is larger still crosses, in pieces.
    const large = ["-n", "-q", "-c", "5", "-i", "0.1", "-M", "dont", "-s", "1320", "-W", "1"];
    const { stdout } = await exec(
      ["ip", "netns", "exec", network.host("a"), "ping", ...large, `${lan4("b")}.2`],
    );
    expect(stdout).toContain("5 received");
  } finally {
    await device(1500);
  }
}, 120_000);

test("a loss is told in the direction that has it, at both ends", async () => {
  await emulator.change("a", "up", { ...LINK, lossPercent: 20 });
  try {
    const [from, to] = await Promise.all([watch("a", 8), watch("b", 8)]);
    const there = from.get("wan>b.wan");
    const back = to.get("wan>a.wan");
    expect(total(there, "lost_forward")).toBeGreaterThan(5);
    expect(total(there, "lost_return")).toBe(0);
    expect(total(back, "lost_return")).toBeGreaterThan(5);
    expect(total(back, "lost_forward")).toBe(0);
    const lost = total(there, "sent") - total(there, "answered");
    expect(total(there, "lost_forward")).toBeGreaterThan(lost / 2);
  } finally {
    await emulator.change("a", "up", LINK);
  }
}, 30_000);

test("a neighbour that starts anew is no loss", async () => {
  const gateway = network.gateways.b;
  await gateway.ask({ do: "close" });
  await start(network, "b");
  await allUp(network, "a");
  await pause(1500);
  const seen = await watch("a", 3);
  for (const [key, windows] of seen) {
    expect(total(windows, "lost_forward") + total(windows, "lost_return"), key).toBe(0);
    expect(total(windows, "sent"), key).toBeGreaterThan(20);
  }
}, 30_000);

test("a link that loses nothing but real packets is seen by their counters", async () => {
  await apply(network, "a", { ways: ["direct"] });
  const nft = (text: string) =>
    must("ip", "netns", "exec", network.namespace("b"), "nft", ...text.split(" "));
  const large = ["-q", "-c", "100", "-i", "0.02", "-W", "1", "-s", "1000"];
  const ping = () =>
    exec(["ip", "netns", "exec", network.host("a"), "ping", ...large, `${lan4("b")}.2`]);
  const carried = async () => {
    await pause(500);
    const look = (await looks("a")).looks.find((one) => one.key === "wan>b.wan")!;
    return { probes: look.since, packets: look.carried! };
  };
  await carried();
  await ping();
  const well = await carried();
  expect(well.packets.forward_sent).toBeGreaterThan(100);
  expect(well.packets.return_sent).toBeGreaterThan(100);
  expect(well.packets.forward_lost + well.packets.return_lost).toBe(0);
  await nft(
    "add table ip cut; add chain ip cut in { type filter hook input priority 0; }; " +
      "add rule ip cut in ip saddr 198.51.100.1 udp length > 600 drop",
  );
  try {
    await ping();
    const { probes, packets } = await carried();
    expect(probes.sent).toBe(probes.answered);
    expect(packets.forward_lost).toBeGreaterThanOrEqual(95);
    expect(packets.forward_lost).toBeLessThan(packets.forward_sent);
    expect(packets.return_lost).toBe(0);
  } finally {
    await nft("delete table ip cut");
  }
}, 30_000);

test("each class that travels on a path has its turn, and windows of its own", async () => {
  const paths: ProbedPath[] = ["wan>b.wan", "wan>h.wan,wan>b.wan"].map((key) => ({
    key,
    rank: "in-use",
    classes: 0b0010_0001,
  }));
  await network.gateways.a.ask({ do: "probe", probing: { paths, asked: [] } });
  await pause(3000);
  const known = new Map((await measured("a")).map((one) => [one.key, one.classes]));
  for (const { key } of paths) {
    const classes = known.get(key)!;
    expect(classes.map((one) => one.class), key).toEqual([0, 5]);
    const voice = classes[1]!.minute;
    expect(voice.answered, key).toBeGreaterThan(5);
    expect(voice.lost_forward, key).toBe(0);
  }
}, 30_000);

test("paths are probed as they matter", async () => {
  const through = "wan>h.wan,wan>b.wan";
  const rate = async (paths: ProbedPath[]) => {
    await network.gateways.a.ask({ do: "probe", probing: { paths, asked: [] } });
    await pause(1500);
    const seen = await watch("a", 5);
    return (key: string) => total(seen.get(key), "sent") / 5;
  };
  const candidate = await rate([]);
  expect(candidate(through)).toBeGreaterThan(1);
  expect(candidate(through)).toBeLessThan(4);
  expect(candidate("wan>b.wan")).toBeGreaterThan(8);
  const closer = await rate([{ key: through, rank: "closer", classes: 0 }]);
  expect(closer(through)).toBeGreaterThan(60);
  // Far more than ticks of the engine, which are a hundred a second.
  const closest = await rate([{ key: through, rank: "closest", classes: 0 }]);
  expect(closest(through)).toBeGreaterThan(300);
  const used = await rate([{ key: through, rank: "in-use", classes: 0 }]);
  expect(used(through)).toBeGreaterThan(7);
  expect(used(through)).toBeLessThan(13);
}, 60_000);

test("a neighbour that is asked tells what it measures on its own adjacencies", async () => {
  await looks("a");
  await pause(2_000);
  expect((await looks("a")).reported).toEqual([]);
  await emulator.change("b", "down", { ...LINK, lossPercent: 20 });
  try {
    // What is told is of a minute, most of which may have lost nothing.
    await pause(15_000);
    await network.gateways.a.ask({ do: "probe", probing: { paths: [], asked: ["wan>h.wan"] } });
    await pause(3_000);
    const told = (await looks("a")).reported;
    const hub = table("h", network.keys);
    expect(told.map(({ local, remote }) => [local, remote])).toEqual(
      hub.adjacencies.map((
        one,
      ) => [hub.uplinks[one.uplink]!.tunnel_address, one.remote_address]),
    );
    expect(new Set(told.map(({ site }) => site))).toEqual(new Set([hub.site.sid]));
    const towardsB = told[hub.adjacencies.findIndex(({ key }) => key === "wan>b.wan")]!;
    expect(towardsB).toMatchObject({ is_up: true });
    expect(towardsB.lost_forward).toBeGreaterThan(0.02);
    expect(towardsB.lost_return).toBe(0);
    expect(towardsB.round_trip_micros).toBeGreaterThan(ROUND_TRIP_MICROS);
  } finally {
    await emulator.change("b", "down", LINK);
  }
}, 30_000);

test("a packet whose labels go round dies by its TTL, and each of them does", async () => {
  const normal = { ways: ["through-h"] } as const;
  await Promise.all(NAMES.map((name) => apply(network, name, normal)));
  await allUp(network, "a");
  const ttlDrops = async () => {
    const seen = await Promise.all(NAMES.map((name) => snapshot(network, name)));
    return seen.reduce((sum, { drops }) => sum + drops["label-ttl-expired"]!, 0);
  };
  const before = await ttlDrops();
  // From a to h to b and back to a, where it begins again.
  const next = { a: "h", h: "b", b: "a" } as const;
  for (const name of ["b", "h", "a"] as const) {
    const wrong = table(name, network.keys, normal);
    const index = (far: Name) => wrong.adjacencies.findIndex(({ key }) => key === `wan>${far}.wan`);
    const labels = wrong.labels.filter(({ label }) => label !== hop("b"));
    const forward = [{ adjacency: index(next[name]), labels: [hop("b")], repair: false }];
    labels.push({ label: hop("b"), accept: [0, 1], action: { forward } });
    labels.sort((one, other) => one.label - other.label);
    await network.gateways[name].ask({ do: "apply", table: { ...wrong, labels } });
  }
  // Before a's own probes, which go round as well, have told that the path is dead.
  const sent = 20;
  const echoes = ["-q", "-c", `${sent}`, "-i", "0.01", "-W", "1"];
  await exec(["ip", "netns", "exec", network.host("a"), "ping", ...echoes, `${lan4("b")}.2`]);
  // 255 hops of 4 ms are a second.
  await until(ttlDrops, (dropped) => dropped - before >= sent);
  const states = (await snapshot(network, "a")).lists.map(({ tx_packets }) => tx_packets);
  expect(states[1]).toBeGreaterThanOrEqual(sent);
}, 30_000);
