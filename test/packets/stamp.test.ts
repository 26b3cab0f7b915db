/** Authenticated STAMP of the engine's, read and verified by another program. See README.md. */
import { expect, test } from "vitest";
import { faults, sessionKey, tlvsOf } from "../lab/engine/stamp.ts";
import { readPackets } from "./tshark.ts";

const NETWORK_KEY = new TextEncoder().encode("a key as long as the hash itself");
const SESSION = {
  sender: "10.255.0.1",
  reflector: "10.255.0.3",
  senderPort: 49862,
  session: 42,
};
const ordinary = sessionKey(NETWORK_KEY, "probe", SESSION);
const sized = sessionKey(NETWORK_KEY, "probe", { ...SESSION, senderPort: 49863 });
const answers = sessionKey(NETWORK_KEY, "answer", SESSION);

const packets = new Map(
  readPackets("stamp.json").map(({ name, hex }) => [name, Uint8Array.fromHex(hex)]),
);

/** Type and length of each TLV: 252 and 253 are for private use, 10 is the return path. */
const expected: Record<string, { key: Uint8Array; sequence: number; tlvs: string }> = {
  "probe-of-an-adjacency": {
    key: ordinary,
    sequence: 7,
    tlvs: "252:8 4:4 5:12 253:52 8:16",
  },
  "probe-of-a-list": { key: ordinary, sequence: 7, tlvs: "252:8 10:12 8:16" },
  "sized-probe": { key: sized, sequence: 7, tlvs: "252:8 8:16 1:60" },
  "answer": { key: answers, sequence: 3, tlvs: "252:8 4:4 5:12 253:52 8:16" },
};

test("all are expected", () => {
  expect([...packets.keys()]).toEqual(Object.keys(expected));
});

test.each(Object.entries(expected))("%s", (name, { key, sequence, tlvs }) => {
  const packet = packets.get(name)!;
  expect(faults(packet, key)).toEqual([]);
  const view = new DataView(packet.buffer, packet.byteOffset);
  // RFC 8762 §4.2.2: number, 12 bytes of zeros, timestamp, error estimate, SSID.
  expect(view.getUint32(0)).toBe(sequence);
  expect(packet.subarray(4, 16).every((byte) => byte === 0)).toBe(true);
  expect(view.getBigUint64(16)).toBe(name === "answer" ? 0xe000000080002000n : 0xe000000080000000n);
  expect([view.getUint16(24), view.getUint16(26)]).toEqual([1, 42]);
  const read = tlvsOf(packet).map(({ type, value }) => `${type}:${value.length}`).join(" ");
  expect(read).toBe(tlvs);
});

test("an answer repeats its probe where RFC 8762 §4.3.2 has it", () => {
  const answer = packets.get("answer")!;
  const view = new DataView(answer.buffer, answer.byteOffset);
  expect(view.getBigUint64(32)).toBe(0xe000000080001000n);
  expect(view.getUint32(48)).toBe(7);
  expect(view.getBigUint64(64)).toBe(0xe000000080000000n);
  expect([view.getUint16(72), view.getUint8(80)]).toEqual([1, 254]);
});

test("another key, another session or another direction fits none", () => {
  for (const [name, packet] of packets) {
    for (const key of [ordinary, sized, answers, NETWORK_KEY]) {
      const fits = key === expected[name]!.key;
      expect(faults(packet, key).length, name).toBe(fits ? 0 : 2);
    }
  }
});
