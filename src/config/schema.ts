/**
 * The shape of the operator's file. The types of the parsed file are inferred from here; numbers,
 * units, defaults and the JSON Schema for editors come from here too.
 *
 * Each error text says what is accepted only: what stands there instead is put before it where the
 * position is known (`issues.ts`). What holds between several values is checked in `checks/`.
 */

import { z } from "zod";
import { parseSpan } from "./policy_scalar.ts";
import { application, policy, sloClass } from "./policy_schema.ts";
import * as scalar from "./scalar.ts";
import { flag, keys, leaf, list, name, named, oneOf, oneOrMany, whole } from "./shapes.ts";

const deviceAccepted = () =>
  "a network device of the site: 1–15 bytes without spaces, /, or :, and not one of Labelway's own " +
  "(lw-…, lws…), e.g. eth0";
const device = z.string({ error: deviceAccepted })
  .regex(/^(?!\.{1,2}$)(?!lw-|lws\d)[\x21-\x2e\x30-\x39\x3b-\x7e]{1,15}$/, {
    error: deviceAccepted,
  });

const addresses = oneOrMany(
  "an address, or a list of one IPv4 and one IPv6 address",
  scalar.parseAddress,
);
const prefix = leaf("a prefix, e.g. 10.1.0.0/24", scalar.parsePrefix);
const color = name;

const block = (base: number, size: number) =>
  keys({
    base: whole(16, 1048575).describe("First label of the block."),
    size: whole(1, 1048560).describe("How many labels it has."),
  }).default({ base, size });

const uplink = keys({
  number: whole(0, 7).describe(
    "Number of the uplink, unique at the site, for good: labels and tunnel addresses come from it.",
  ),
  color: color.describe("Class of the network behind the uplink; decides whom it meets."),
  device: device.describe(
    "Network device; the uplink's packets leave by it, whatever the routing table says.",
  ),
  port: whole(1, 65535).describe("UDP port that WireGuard listens on, unique at the site."),
  endpoint: leaf("an address or DNS name, alone or with a port", scalar.parseEndpoint).optional()
    .describe(
      "Where others reach it: address or DNS name, with a port if it is not `port`. Leave it out " +
        "behind NAT.",
    ),
  // Empty as good as absent: `labelway keygen` fills it in.
  public_key: leaf("a WireGuard public key", scalar.parsePublicKey).nullish()
    .describe("WireGuard public key, one pair for each uplink; `labelway keygen` writes it."),
  bandwidth: leaf("a rate with its unit, e.g. 100 Mbit/s", scalar.parseBandwidth).optional()
    .describe("Rate of the uplink with its unit: 100 Mbit/s, 2.5 Gbit/s."),
  cost: whole(1, 65535).default(10).describe(
    "Added up along a path; an adjacency has the larger of its two ends.",
  ),
  metered: flag.default(false).describe("Paid by volume: its paths come last."),
  mtu: whole(1280, 9000).default(1500).describe("MTU of the network behind the device, bytes."),
  gateway: addresses.optional().describe(
    "Next hop on the device: an address, or one IPv4 and one IPv6. Default: as the system's " +
      "routes of the device say.",
  ),
  risks: oneOrMany("a name or a list of names, e.g. [duct-7]", scalar.parseName).optional()
    .describe(
      "What may fail under it together with other uplinks, at any site: a duct, a carrier, a mast. " +
        "Uplinks that name one alike are a shared-risk group (SRLG).",
    ),
});

const site = keys({
  sid: whole(1, 131071).describe(
    "Number of the site, for good: labels and tunnel addresses come from it.",
  ),
  loopback: addresses.optional().describe(
    "The router's own address, or one IPv4 and one IPv6; outside every LAN and the tunnels.",
  ),
  transit: flag.default(true).describe("May other sites' traffic pass through?"),
  uplinks: named(uplink, "fibre: { number: 0, color: internet, device: eth0, port: 51820 }")
    .describe("1 to 8 uplinks, by name."),
  lans: named(
    oneOrMany("a prefix or a list of prefixes, e.g. [10.1.0.0/24]", scalar.parsePrefix),
    "office: [10.1.0.0/24]",
  ).default({}).describe(
    "Segment → its prefixes at this site; no host bits, no overlap within a segment.",
  ),
});

const segment = keys({
  number: whole(1, 1048575).describe("Names the segment on the wire, for good."),
  vrf: device.optional().describe(
    "Linux VRF device that the segment's TUN goes into; without it, the main routing table.",
  ),
});

const interval = "a time with its unit, e.g. 100ms";

export const schema = keys({
  network: name.describe("Name of the network."),
  blocks: keys({
    srgb: block(16000, 8000).describe("Labels of sites (SRGB)."),
    services: block(28000, 4000).describe("Labels of segments."),
    srlb: block(100000, 512000).describe("Labels of adjacencies (SRLB): 64 for each SID."),
  }).prefault({}).describe("Label blocks, within 16–1048575; they never overlap."),
  tunnels: prefix.prefault("100.96.0.0/12").describe(
    "IPv4 block of the addresses inside the tunnels: 8 for each SID.",
  ),
  ttl: oneOf(["pipe", "uniform"]).default("pipe").describe(
    "pipe hides the hops between the sites from the customer's TTL, uniform counts them " +
      "(RFC 3443).",
  ),
  penultimate: oneOf(["pop", "explicit-null"]).default("pop").describe(
    "What the router before the last does with the label.",
  ),
  backend: oneOf(["auto", "kernel", "embedded"]).default("auto").describe(
    "Whose WireGuard; auto: the kernel's where it has it, otherwise the program's own.",
  ),
  bfd: keys({
    interval: leaf(
      "a time with its unit, e.g. 50ms",
      (text) => scalar.parseMillis(text, 10, 60_000),
    )
      .prefault("50ms").describe("Time between BFD packets with its unit, 10ms–60000ms."),
    multiplier: whole(2, 50).default(3).describe(
      "Packets missing in a row until an adjacency is down.",
    ),
  }).prefault({}).describe(
    "How soon neighbours notice that an adjacency is dead (BFD, RFC 5880): after interval × " +
      "multiplier.",
  ),
  probe: keys({
    interval: leaf(interval, (text) => scalar.parseMillis(text, 10, 60_000)).prefault("100ms")
      .describe("Time between probes with its unit, 10ms–60000ms."),
    down_after: whole(1, 1000).default(5).describe(
      "Replies missing in a row until a path is down.",
    ),
    up_after: whole(1, 1000).default(10).describe("Replies in a row until it is up again."),
    authentication: oneOf(["none", "accept", "prefer", "require"]).default("none").describe(
      "Whether probes carry codes by the key that `labelway probekey` makes: none; accept: sent " +
        "without, taken with and without; prefer: sent with, taken both ways; require: with alone. " +
        "A network goes from one to the next.",
    ),
  }).prefault({}).describe(
    "How adjacencies and paths are measured, and paths found to be up or down (STAMP).",
  ),
  rollout: keys({
    hold: leaf(
      "a time with its unit, e.g. 30s",
      (text) => parseSpan(text, [1_000, "1s"], [3_600_000, "1h"]),
    ).prefault("30s").describe(
      "How long it takes at most until a new file has reached every router, 1s–1h.",
    ),
  }).prefault({}).describe(
    "A new file that changes ways: former ones are kept for `hold`, or until every neighbour has " +
      "it, and stacks are short again after as long.",
  ),
  api: keys({
    port: whole(1, 65535).default(7635).describe("TCP port on loopback of the HTTP interface."),
  }).prefault({}).describe("The HTTP interface of each router."),
  colors: keys({
    meet: list(
      z.tuple([color, color], { error: () => "a pair of colors, e.g. [lte, internet]" }),
      "a list of pairs of colors, e.g. [[internet, internet], [lte, internet]]",
    ).default([]).describe(
      "Pairs of colors whose uplinks may meet. Given, it replaces the default (equal colors " +
        "meet): list equal pairs too.",
    ),
  }).prefault({}).describe("Classes of networks behind uplinks."),
  sites: named(site, "lisbon: { sid: 1, uplinks: { … } }").describe("The sites, by name."),
  segments: named(segment, "office: { number: 1 }").default({}).describe(
    "Isolated networks across the sites, by name.",
  ),
  applications: named(application, "erp: { protocol: tcp, ports: [3200-3299] }").default({})
    .describe(
      "Applications of your own for `match`, by name; a built-in one of that name gives way.",
    ),
  classes: named(sloClass, "voice: { slo: { latency: 200ms } }").default({}).describe(
    "SLO classes, by name. Of a built-in one (voice, video, interactive, bulk, default), what is " +
      "given here replaces its own; another begins as default does.",
  ),
  policies: list(policy, "a list of policies, e.g. - { name: voice, objective: latency }").default(
    [],
  ).describe("Which traffic takes which way; the first policy that matches decides."),
});

export type File = z.infer<typeof schema>;
export type FileSite = File["sites"][string];
export type FileUplink = FileSite["uplinks"][string];
export type FilePolicy = File["policies"][number];
export type FileApplication = File["applications"][string];
export type FileClass = File["classes"][string];
