/** What the engine sends, as tshark reads it. See README.md. */
import { expect, test } from "vitest";
import { decode, readPackets } from "./tshark.ts";

const packets = readPackets("packets.json");

/** Fields that tshark is asked for; of a field that occurs more than once, all, outermost first. */
const FIELDS = [
  "ip.src",
  "ip.dst",
  "ip.ttl",
  "ip.checksum.status",
  "ip.flags.df",
  "ip.frag_offset",
  "udp.dstport",
  "udp.checksum.status",
  "mpls.label",
  "mpls.exp",
  "mpls.bottom",
  "mpls.ttl",
  "ipv6.src",
  "ipv6.dst",
  "ipv6.hlim",
  "icmp.type",
  "icmp.code",
  "icmp.mtu",
  "icmp.checksum.status",
  "icmpv6.type",
  "icmpv6.mtu",
  "icmpv6.checksum.status",
  "_ws.malformed",
] as const;

type Field = (typeof FIELDS)[number];
type Decoded = Partial<Record<Field, string>>;

const GOOD = "1";
const NONE = "3";
/** Outer header of everything between this router and the first neighbour it knows. */
const toHub: Decoded = { "ip.src": "100.96.0.8", "ip.dst": "100.96.0.16" };
const toPorto: Decoded = { "ip.src": "100.96.0.8", "ip.dst": "100.96.0.25" };

function over(outer: Decoded, inner: Decoded): Decoded {
  const joined: Decoded = { ...inner };
  for (const [field, value] of Object.entries(outer) as [Field, string][]) {
    joined[field] = inner[field] === undefined ? value : `${value},${inner[field]}`;
  }
  return joined;
}

const answer: Decoded = { "ip.src": "10.2.0.5", "ip.dst": "10.1.0.5", "ip.ttl": "60" };

const expected: Record<string, Decoded> = {
  "direct": {
    ...over({ ...toPorto, "ip.ttl": "255" }, {
      "ip.src": "10.1.0.5",
      "ip.dst": "10.2.0.5",
      "ip.ttl": "63",
    }),
    "mpls.label": "28001",
    "mpls.exp": "0",
    "mpls.bottom": "1",
    "mpls.ttl": "255",
    "udp.dstport": "6635,5000",
    "udp.checksum.status": `${NONE},${GOOD}`,
  },
  "direct-ipv6": {
    ...toPorto,
    "mpls.label": "28001",
    "ipv6.src": "2001:db8:1::5",
    "ipv6.dst": "2001:db8:2::5",
    "ipv6.hlim": "63",
  },
  "two-labels-voice-uniform": {
    "ip.src": "100.96.0.9,10.1.0.5",
    "ip.dst": "100.96.0.16,10.2.0.5",
    "mpls.label": "16003,16005,28001",
    "mpls.exp": "5,5,5",
    "mpls.bottom": "0,0,1",
    "mpls.ttl": "63,63,63",
  },
  "transit-swap": {
    ...over({ ...toHub, "ip.ttl": "255" }, answer),
    "mpls.label": "16004,28001",
    "mpls.exp": "5,5",
    "mpls.bottom": "0,1",
    "mpls.ttl": "199,255",
    "udp.dstport": "6635,4000",
  },
  "transit-pop": {
    ...over({ ...toHub, "ip.ttl": "255" }, answer),
    "mpls.label": "28001",
    "mpls.bottom": "1",
    "mpls.ttl": "255",
  },
  "transit-pop-uniform": {
    ...over({ ...toHub, "ip.ttl": "255" }, answer),
    "mpls.label": "28001",
    "mpls.bottom": "1",
    "mpls.ttl": "39",
  },
  "transit-explicit-null": {
    ...over({ ...toPorto, "ip.ttl": "255" }, answer),
    "mpls.label": "0,28001",
    "mpls.bottom": "0,1",
    "mpls.ttl": "8,255",
  },
  "transit-repair": {
    ...over({ ...toPorto, "ip.ttl": "255" }, answer),
    "mpls.label": "100007,16004,28001",
    "mpls.bottom": "0,0,1",
    "mpls.ttl": "8,8,255",
  },
  "delivered": { ...answer, "ip.ttl": "59", "udp.dstport": "4000", "udp.checksum.status": GOOD },
  "fragmentation-needed": {
    "ip.src": "10.255.0.1,10.1.0.5",
    "ip.dst": "10.1.0.5,10.2.0.5",
    "icmp.type": "3",
    "icmp.code": "4",
    "icmp.mtu": "1380",
    "icmp.checksum.status": GOOD,
  },
  "packet-too-big": {
    "ipv6.src": "2001:db8:ff::1,2001:db8:1::5",
    "ipv6.dst": "2001:db8:1::5,2001:db8:2::5",
    "icmpv6.type": "2",
    "icmpv6.mtu": "1380",
    "icmpv6.checksum.status": GOOD,
  },
  "time-exceeded": {
    "ip.src": "10.255.0.1,10.1.0.5",
    "ip.ttl": "64,1",
    "icmp.type": "11",
    "icmp.code": "0",
    "icmp.checksum.status": GOOD,
  },
  "fragment-0": {
    "mpls.label": "28001",
    "ip.dst": "100.96.0.25,10.2.0.5",
    "ip.flags.df": "1,0",
    "ip.frag_offset": "0,0",
  },
  "fragment-1": {
    "mpls.label": "28001",
    "ip.dst": "100.96.0.25,10.2.0.5",
    "ip.flags.df": "1,0",
    "ip.frag_offset": "0,170", // in units of 8 bytes: 1,360
  },
  "probe-of-an-adjacency": {
    ...toHub,
    "ip.ttl": "255",
    "udp.dstport": "862",
    "udp.checksum.status": GOOD,
  },
  "probe-of-a-list": {
    "ip.src": "100.96.0.8,10.255.0.1",
    "ip.dst": "100.96.0.16,10.255.0.3",
    "mpls.label": "16003,16005,0",
    "mpls.bottom": "0,0,1",
    "mpls.ttl": "255,255,255",
    "udp.dstport": "6635,862",
    "udp.checksum.status": `${NONE},${GOOD}`,
  },
};

test("every recorded packet has an expectation, and the other way round", () => {
  expect(packets.map((packet) => packet.name).sort()).toEqual(Object.keys(expected).sort());
});

const decoded = decode(packets.map((packet) => packet.hex), FIELDS);

for (const [index, { name }] of packets.entries()) {
  test(`tshark reads ${name} as the RFCs have it`, () => {
    const seen = decoded[index] ?? {};
    const wanted = expected[name] ?? {};
    const asked = Object.fromEntries(
      Object.keys(wanted).map((field) => [field, seen[field as Field]]),
    );
    expect(asked).toEqual(wanted);
    expect(seen["_ws.malformed"]).toBe("");
    // 0 is a bad checksum; the header of a quoted packet is as it came.
    expect(seen["ip.checksum.status"]?.split(",")).not.toContain("0");
  });
}
