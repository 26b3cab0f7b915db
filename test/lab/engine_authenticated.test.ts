/**
 * The engine's reflector before a STAMP sender that another hand wrote (`engine/stamp.ts`), through
 * the WireGuard of another program.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { ip } from "./engine/namespaces.ts";
import { allUp, build, type Network, snapshot, start, startKernel } from "./engine/network.ts";
import { faults, probe, sessionKey, tlvsOf } from "./engine/stamp.ts";
import { inner, INTERFACE, type Name } from "./engine/tables.ts";

const KEY = new Uint8Array(32).fill(7);
const SESSION = { sender: inner("h"), reflector: inner("a"), senderPort: 50001, session: 0xbeef };
const KEYS = {
  probe: sessionKey(KEY, "probe", SESSION),
  answer: sessionKey(KEY, "answer", SESSION),
};
/** A generation, DSCP 40 wanted, and counters (RFC 8972 §4.4, §4.5). */
const TLVS = Uint8Array.fromHex(
  "80fc00080102030405060708" + "80040004a0000000" + "8005000c000003e80000000000000000",
);
const TYPES = { generation: 252, class: 4, counters: 5, hmac: 8 };

let network: Network;
let sequence = 100;

beforeAll(async () => {
  network = await build();
  await Promise.all([start(network, "a"), start(network, "b"), startKernel(network, "h")]);
  await Promise.all([allUp(network, "a"), allUp(network, "b"), allUp(network, "h")]);
  // Only the engine sends through it otherwise, and needs no route.
  await ip(`-n ${network.namespace("h")} route add ${inner("a")}/32 dev ${INTERFACE}`);
  await authenticate("a", KEY);
  await authenticate("b", KEY);
  await authenticate("h", KEY);
}, 60_000);

afterAll(() => network?.net.remove(), 30_000);

async function authenticate(name: Name, key: Uint8Array): Promise<void> {
  const command = { do: "authenticate", mode: "require", keys: key.toHex() } as const;
  await network.gateways[name].ask(command);
}

async function ask(packet: Uint8Array, port = SESSION.senderPort): Promise<Uint8Array | null> {
  const program = new URL("engine/stamp_peer.ts", import.meta.url).pathname;
  const words = [inner("h"), port, inner("a"), packet.toHex()].join(" ");
  const said = await network.gateways.h.run(
    `${Deno.execPath()} run -A --quiet ${program} ${words}`,
  );
  return said.trim() === "" ? null : Uint8Array.fromHex(said.trim());
}

async function refused(): Promise<{ otherMode: number; wrongCode: number }> {
  const { drops } = await snapshot(network, "a");
  return { otherMode: drops["probe-other-mode"]!, wrongCode: drops["probe-wrong-code"]! };
}

const sealed = (key = KEYS.probe) => probe(key, { ...SESSION, sequence: ++sequence }, TLVS);

test("a probe is answered, with the codes of the other direction", async () => {
  const packet = sealed();
  const answer = await ask(packet);
  expect(answer).not.toBeNull();
  expect(faults(answer!, KEYS.answer)).toEqual([]);
  const view = new DataView(answer!.buffer);
  expect([view.getUint32(48), view.getUint16(26)]).toEqual([sequence, SESSION.session]);
  expect(answer!.subarray(64, 72).toHex()).toBe(packet.subarray(16, 24).toHex());
  const values = new Map(tlvsOf(answer!).map(({ type, value }) => [type, value.toHex()]));
  expect([...values.keys()]).toEqual(Object.values(TYPES));
  expect(values.get(TYPES.generation)).toBe("0123456789abcdef");
  expect(values.get(TYPES.class)!.slice(0, 2)).toBe("a0");
  expect(values.get(TYPES.counters)!.slice(0, 8)).toBe("000003e8");
}, 20_000);

test.each([
  ["the packet", 27],
  ["its code", 111],
  ["a TLV", 112 + 4],
  ["the last TLV before the code", 112 + TLVS.length - 1],
  ["the code of the TLVs", 112 + TLVS.length + 19],
])("one bit of %s", async (_, byte) => {
  const packet = sealed();
  packet[byte]! ^= 1;
  const before = await refused();
  expect(await ask(packet)).toBeNull();
  expect(await refused()).toEqual({ ...before, wrongCode: before.wrongCode + 1 });
}, 20_000);

test("TLVs taken away, put in, or of another probe", async () => {
  const packet = sealed();
  const next = sealed();
  const before = await refused();
  const others = [
    packet.subarray(0, 112),
    Uint8Array.from([...packet, ...TLVS.subarray(0, 12)]),
    Uint8Array.from([...packet.subarray(0, 112), ...next.subarray(112)]),
  ];
  for (const other of others) expect(await ask(other)).toBeNull();
  expect(await refused()).toEqual({ ...before, wrongCode: before.wrongCode + 3 });
}, 20_000);

test("another key, another session, and the key of answers", async () => {
  const before = await refused();
  const other = sessionKey(new Uint8Array(32).fill(8), "probe", SESSION);
  expect(await ask(sealed(other))).toBeNull();
  expect(await ask(sealed(KEYS.answer))).toBeNull();
  expect(await ask(sealed(), SESSION.senderPort + 1)).toBeNull();
  expect(await refused()).toEqual({ ...before, wrongCode: before.wrongCode + 3 });
}, 20_000);

test("no code at all", async () => {
  const packet = new Uint8Array(44);
  packet.set([0, 0, 0, 1, 0xe8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0xbe, 0xef]);
  const before = await refused();
  expect(await ask(packet)).toBeNull();
  expect(await refused()).toEqual({ ...before, otherMode: before.otherMode + 1 });
}, 20_000);

test("meanwhile all three measure each other, through labels as well", async () => {
  const counts = async () => {
    const { adjacencies, lists } = await snapshot(network, "a");
    return [...adjacencies, lists[1]!].map(({ quality }) => quality.probes_answered);
  };
  const before = await counts();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const after = await counts();
  after.forEach((count, at) => expect(count).toBeGreaterThan(before[at]! + 5));
  await Promise.all((["a", "b", "h"] as const).map((name) => allUp(network, name)));
}, 20_000);

test("a site with another key is not measured, and nobody says otherwise", async () => {
  await authenticate("b", new Uint8Array(32).fill(9));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const seen = await snapshot(network, "a");
  expect(seen.lists[1]!.quality.state).toBe("down");
  expect(seen.drops["probe-wrong-code"]).toBeGreaterThan(5);
  await authenticate("b", KEY);
  await allUp(network, "a");
}, 20_000);
