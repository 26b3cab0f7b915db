/** native/bfd against FRR's bfdd over a veth pair, one hop apart. */

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { buildPeer, Peer } from "./bfd/peer.ts";
import { Frr, until } from "./bfd/frr.ts";
import { startCapture } from "./engine/captures.ts";
import { ip, must, Net } from "./engine/namespaces.ts";
import { decode } from "../packets/tshark.ts";

const [OURS, THEIRS] = ["10.90.0.1", "10.90.0.2"];
/** Milliseconds between packets sent, received; multiplier. */
const DEFAULT = [50, 50, 3] as const;
/** What a machine that others use as well may be late by. */
const SLACK_MILLIS = 150;
/** Sessions that are not Up send a packet a second (RFC 5880 §6.8.3). */
const UP_MILLIS = 5000;
/** Until both have polled for what has changed. */
const SETTLE_MILLIS = 3000;

const net = new Net();
let folder: string;
let us: string;
let them: string;
let frr: Frr;
let peer: Peer;

beforeAll(async () => {
  await Net.removeStale();
  await buildPeer();
  folder = await Deno.makeTempDir({ prefix: "labelway-bfd-" });
  // vtysh and the daemons reach their files as user frr.
  await Deno.chmod(folder, 0o755);
  [us, them] = [await net.add("bfd-us"), await net.add("bfd-them")];
  await net.join(us, "wire", them, "wire");
  await ip(`
    -n ${us} address add ${OURS}/24 dev wire
    -n ${them} address add ${THEIRS}/24 dev wire`);
  // Rules that a test fills.
  await must("ip", "netns", "exec", us, "nft", "add table inet cut");
  for (const hook of ["input", "output"]) {
    const chain = `add chain inet cut ${hook} { type filter hook ${hook} priority 0; }`;
    await must("ip", "netns", "exec", us, "nft", chain);
  }
  await Deno.mkdir(`${folder}/frr`);
  frr = new Frr(them, `${folder}/frr`, THEIRS, OURS);
  await frr.start(["transmit-interval 300", "receive-interval 300", "detect-multiplier 3"]);
  peer = new Peer(us, OURS, THEIRS, DEFAULT);
}, 180_000);

afterAll(async () => {
  await peer?.end();
  await frr?.end();
  await net.remove();
  if (folder) await Deno.remove(folder, { recursive: true });
}, 30_000);

/** The first test finds the timers that FRR was started with; the rest go by 50 ms × 3 each. */
beforeEach(async () => {
  await mend();
  await bothUp();
  peer.changes.length = 0;
}, 20_000);

test("the slower side's timers hold for both", { timeout: 20_000 }, async () => {
  await frr.configure("transmit-interval 300", "receive-interval 300");
  await settled(300, 900);
  const before = await peer.status();
  expect(before).toMatchObject({ remoteState: "up", transmitMillis: 300, detectionMillis: 900 });
  const shown = await frr.show();
  expect(shown).toMatchObject({
    "status": "up",
    "diagnostic": "ok",
    "remote-id": before.discriminator,
    "remote-receive-interval": 50,
    "remote-transmit-interval": 50,
    "remote-detect-multiplier": 3,
  });
  expect(before.remoteDiscriminator).toBe(shown.id);
  await pause(3000);
  const after = await peer.status();
  // 75–100 % of 300 ms each.
  for (const count of ["sent", "received"] as const) {
    expect(after[count] - before[count], count).toBeGreaterThanOrEqual(8);
    expect(after[count] - before[count], count).toBeLessThanOrEqual(16);
  }
  expect(after.downs).toBe(before.downs);
});

test("FRR changes its timers: its Poll is answered, and the session stays up", {
  timeout: 20_000,
}, async () => {
  await frr.configure("transmit-interval 300", "receive-interval 300");
  await settled(300, 900);
  const seen = await captured(async () => {
    await frr.configure("transmit-interval 50", "receive-interval 50");
    await settled(50, 150);
  });
  const poll = seen.findIndex(({ from, poll }) => from === THEIRS && poll);
  expect(poll).toBeGreaterThanOrEqual(0);
  const answer = seen.slice(poll).findIndex(({ from, final }) => from === OURS && final);
  expect(answer, "the Final follows the Poll at once").toBeGreaterThanOrEqual(1);
  expect(answer).toBeLessThanOrEqual(3);
  expect(seen.at(-1)?.poll, "and ends the sequence").toBe(false);
  expect(peer.changes).toEqual([]);
});

test("we change our timers: FRR goes by them, and answers our Poll", {
  timeout: 20_000,
}, async () => {
  const seen = await captured(async () => {
    await peer.order("settings 400 200 5");
    await settled(400, 600);
  });
  expect(seen.some(({ from, poll }) => from === OURS && poll)).toBe(true);
  expect(seen.some(({ from, final }) => from === THEIRS && final)).toBe(true);
  expect(await frr.show()).toMatchObject({
    "remote-transmit-interval": 400,
    "remote-receive-interval": 200,
    "remote-detect-multiplier": 5,
  });
  await peer.order(`settings ${DEFAULT.join(" ")}`);
  await settled(50, 150);
  expect(peer.changes).toEqual([]);
});

test("10 ms × 3 is agreed on, and its packets come", { timeout: 20_000 }, async () => {
  await frr.configure("transmit-interval 10", "receive-interval 10");
  await peer.order("settings 10 10 3");
  await settled(10, 30);
  const before = await peer.status();
  await pause(1000);
  const after = await peer.status();
  expect(after.received - before.received).toBeGreaterThan(90);
  await frr.configure("transmit-interval 50", "receive-interval 50");
  await peer.order(`settings ${DEFAULT.join(" ")}`);
});

test("silence is noticed after the Detection Time by both, who come up again", {
  timeout: 20_000,
}, async () => {
  const cutAt = performance.now();
  await cut("input", "output");
  await until("both are down", bothDown, 2000);
  expect(performance.now() - cutAt).toBeLessThan(150 + 4 * SLACK_MILLIS);
  const [change] = peer.changes;
  expect(change).toMatchObject({ to: "down", diagnostic: "control detection time expired" });
  expect(change!.silentMillis).toBeGreaterThanOrEqual(150);
  expect(change!.silentMillis).toBeLessThan(150 + SLACK_MILLIS);
  expect((await frr.show()).diagnostic).toBe("control detection time expired");
  expect((await peer.status()).remoteDiscriminator, "RFC 5880 §6.8.1").toBe(0);
  await mend();
  await bothUp();
  expect((await frr.show()).diagnostic).toBe("ok");
});

test("a way that is cut in one direction is down in both", { timeout: 20_000 }, async () => {
  await cut("output");
  await until("we are down", () => peer.changes.length > 0, 2000);
  expect(peer.changes[0]).toMatchObject({
    to: "down",
    diagnostic: "neighbor signaled session down",
    remoteState: "down",
    remoteDiagnostic: "control detection time expired",
  });
  expect((await frr.show()).status).toBe("down");
  // It hears the other, but is not heard: no further than Init, for as long as it lasts.
  await pause(2500);
  expect(["down", "init"]).toContain((await peer.status()).status);
  await mend();
  await bothUp();
});

test("FRR's shutdown is seen as such, and undone", { timeout: 20_000 }, async () => {
  await frr.configure("shutdown");
  await until("we are down", () => peer.changes.length > 0, 2000);
  // FRR 8.4 gives no diagnostic of its own with it.
  expect(peer.changes[0]).toMatchObject({
    to: "down",
    diagnostic: "neighbor signaled session down",
    remoteState: "admin-down",
  });
  await pause(1500);
  expect(await peer.status()).toMatchObject({ status: "down", remoteState: "admin-down" });
  await frr.configure("no shutdown");
  await bothUp();
});

test("ours is seen by FRR, with its diagnostic, and undone", { timeout: 20_000 }, async () => {
  await peer.order("disable");
  await until("FRR is down", async () => (await frr.show()).status === "down", 2000);
  await pause(1500);
  expect(await frr.show()).toMatchObject({
    "status": "down",
    "diagnostic": "neighbor signaled session down",
    "remote-diagnostic": "administratively down",
  });
  expect((await peer.status()).status).toBe("admin-down");
  await peer.order("enable");
  await bothUp();
});

test("packets that were routed are not its neighbour's", { timeout: 20_000 }, async () => {
  peer.discarded.length = 0;
  await must(
    "ip",
    "netns",
    "exec",
    us,
    "nft",
    "add rule inet cut input udp dport 3784 ip ttl set 254",
  );
  await until("we are down", () => peer.changes.length > 0, 2000);
  expect(peer.changes[0]).toMatchObject({ diagnostic: "control detection time expired" });
  expect([...new Set(peer.discarded)]).toEqual(["ttl"]);
  await mend();
  await bothUp();
});

test("a bfdd that was killed and starts again is taken up", { timeout: 30_000 }, async () => {
  await frr.end();
  await until("we are down", () => peer.changes.length > 0, 2000);
  expect(peer.changes[0]).toMatchObject({ diagnostic: "control detection time expired" });
  await frr.start(["transmit-interval 50", "receive-interval 50", "detect-multiplier 3"]);
  await bothUp();
  await settled(50, 150);
});

async function bothUp(): Promise<void> {
  await until("both are up", async () => {
    const [own, other] = [await peer.status(), await frr.show()];
    return own.status === "up" && other.status === "up" && !own.polling;
  }, UP_MILLIS);
}

async function bothDown(): Promise<boolean> {
  const [own, other] = [await peer.status(), await frr.show()];
  return own.status === "down" && other.status === "down";
}

async function settled(transmitMillis: number, detectionMillis: number): Promise<void> {
  await until(`packets go every ${transmitMillis} ms × 3`, async () => {
    const now = await peer.status();
    return now.transmitMillis === transmitMillis && now.detectionMillis === detectionMillis &&
      !now.polling;
  }, SETTLE_MILLIS);
}

/** Drops the session's packets where they come in, go out, or both. */
async function cut(...hooks: string[]): Promise<void> {
  const rules = hooks.map((hook) => `add rule inet cut ${hook} udp dport 3784 drop`);
  await must("ip", "netns", "exec", us, "nft", rules.join("\n"));
}

async function mend(): Promise<void> {
  await must("ip", "netns", "exec", us, "nft", "flush table inet cut");
}

interface Seen {
  readonly from: string | undefined;
  readonly poll: boolean;
  readonly final: boolean;
}

/** The session's packets in both directions while something happens, oldest first. */
async function captured(happens: () => Promise<void>): Promise<Seen[]> {
  const end = await startCapture(us, "wire", `${folder}/bfd.pcap`);
  await happens();
  // tcpdump is handed packets a second late, and those after the end of a sequence are wanted.
  await pause(1500);
  const { packets } = await end();
  const hex = packets.map((packet) => packet.toHex());
  return decode(hex, ["ip.src", "bfd.flags.p", "bfd.flags.f"])
    .filter((row) => row["bfd.flags.p"] !== "")
    .map((row) => ({
      from: row["ip.src"],
      poll: row["bfd.flags.p"] === "1",
      final: row["bfd.flags.f"] === "1",
    }));
}

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
