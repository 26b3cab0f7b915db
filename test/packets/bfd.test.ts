/** BFD control packets that the engine's sessions send, as tshark reads them. See README.md. */
import { expect, test } from "vitest";
import { decode, readPackets } from "./tshark.ts";

const packets = readPackets("bfd.json");

const FIELDS = [
  "ip.ttl",
  "ip.checksum.status",
  "udp.srcport",
  "udp.dstport",
  "udp.checksum.status",
  "bfd.version",
  "bfd.diag",
  "bfd.sta",
  "bfd.flags.p",
  "bfd.flags.f",
  "bfd.flags.c",
  "bfd.flags.a",
  "bfd.flags.d",
  "bfd.flags.m",
  "bfd.detect_time_multiplier",
  "bfd.message_length",
  "bfd.my_discriminator",
  "bfd.your_discriminator",
  "bfd.desired_min_tx_interval",
  "bfd.required_min_rx_interval",
  "bfd.required_min_echo_interval",
  "_ws.malformed",
] as const;

type Decoded = Partial<Record<(typeof FIELDS)[number], string>>;

const [NO, YES] = ["0", "1"];
const [ADMIN_DOWN, DOWN, INIT, UP] = ["0x00", "0x01", "0x02", "0x03"];

/** RFC 5881 §4 and §5, and what never differs in the packets of one session. */
const always: Decoded = {
  "ip.ttl": "255",
  "ip.checksum.status": "1",
  "udp.srcport": "49152",
  "udp.dstport": "3784",
  "udp.checksum.status": "1",
  "bfd.version": "1",
  "bfd.flags.c": NO,
  "bfd.flags.a": NO,
  "bfd.flags.d": NO,
  "bfd.flags.m": NO,
  "bfd.detect_time_multiplier": "3",
  "bfd.message_length": "24",
  "bfd.my_discriminator": "0x0a0b0c0d",
  "bfd.required_min_rx_interval": "50000",
  "bfd.required_min_echo_interval": "0",
  "_ws.malformed": "",
};

const stranger: Decoded = { "bfd.your_discriminator": "0x00000000" };
const known: Decoded = { "bfd.your_discriminator": "0x01020304" };
/** In microseconds; RFC 5880 §6.8.3. */
const slow: Decoded = { "bfd.desired_min_tx_interval": "1000000" };
const quick: Decoded = { "bfd.desired_min_tx_interval": "50000" };
const plain: Decoded = { "bfd.flags.p": NO, "bfd.flags.f": NO };
const poll: Decoded = { "bfd.flags.p": YES, "bfd.flags.f": NO };
const final: Decoded = { "bfd.flags.p": NO, "bfd.flags.f": YES };
const said = (state: string | undefined, diagnostic: string): Decoded => ({
  "bfd.sta": state,
  "bfd.diag": diagnostic,
});

const expected: Record<string, Decoded> = {
  "bfd-first": { ...stranger, ...slow, ...plain, ...said(DOWN, "0x00") },
  "bfd-init": { ...known, ...slow, ...plain, ...said(INIT, "0x00") },
  "bfd-up-poll": { ...known, ...quick, ...poll, ...said(UP, "0x00") },
  "bfd-up": { ...known, ...quick, ...plain, ...said(UP, "0x00") },
  "bfd-final": { ...known, ...quick, ...final, ...said(UP, "0x00") },
  "bfd-detection-time-expired": { ...stranger, ...slow, ...plain, ...said(DOWN, "0x01") },
  "bfd-admin-down": { ...stranger, ...slow, ...plain, ...said(ADMIN_DOWN, "0x07") },
};

test("every recorded packet has an expectation, and the other way round", () => {
  expect(packets.map((packet) => packet.name).sort()).toEqual(Object.keys(expected).sort());
});

const decoded = decode(packets.map((packet) => packet.hex), FIELDS);

for (const [index, { name }] of packets.entries()) {
  test(`tshark reads ${name} as RFC 5880 has it`, () => {
    expect(decoded[index]).toEqual({ ...always, ...expected[name] });
  });
}
