/**
 * The shape of the operator's file. The types of the parsed file are inferred from here; numbers,
 * units, defaults and the JSON Schema for editors come from here too.
 *
 * Each error text says what is accepted only: what stands there instead is put before it where the
 * position is known (`issues.ts`). What holds between several values is checked in `checks/`.
 */

import { z } from "zod";
import * as scalar from "./scalar.ts";

/** An object of these keys and no others. */
function keys<Shape extends z.ZodRawShape>(shape: Shape) {
  const list = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) => issue.code === "unrecognized_keys" ? list : `the keys ${list}`,
  });
}

function whole(least: number, most: number) {
  const error = () => `a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

function oneOf<const Words extends readonly string[]>(words: Words) {
  return z.enum(words, { error: () => words.join(" or ") });
}

const flag = z.boolean({ error: () => "true or false" });

/** A scalar that `parse` reads or refuses. */
function leaf<Value>(accepted: string, parse: (text: string) => Value) {
  return z.string({ error: () => accepted }).transform((text, context) =>
    attempt(text, [], parse, context)
  );
}

function leafOrNumber<Value>(accepted: string, parse: (value: string | number) => Value) {
  return z.union([z.string(), z.int()], { error: () => accepted })
    .transform((value, context) => attempt(value, [], parse, context));
}

/** One scalar or a list of them; errors point at the one. */
function oneOrMany<Value>(accepted: string, parse: (text: string) => Value) {
  return z.union([z.string(), z.array(z.string())], { error: () => accepted })
    .transform((value, context) =>
      typeof value === "string"
        ? [attempt(value, [], parse, context)]
        : value.map((text, index) => attempt(text, [index], parse, context))
    );
}

/** A list (or one) of numbers or texts. */
function oneOrManyNumbers<Value>(accepted: string, parse: (value: string | number) => Value) {
  const one = z.union([z.string(), z.int()]);
  return z.union([one, z.array(one)], { error: () => accepted })
    .transform((value, context) =>
      Array.isArray(value)
        ? value.map((each, index) => attempt(each, [index], parse, context))
        : [attempt(value, [], parse, context)]
    );
}

function attempt<Input, Value>(
  input: Input,
  path: (string | number)[],
  parse: (input: Input) => Value,
  context: z.RefinementCtx,
): Value {
  try {
    return parse(input);
  } catch (error) {
    if (!(error instanceof scalar.Unaccepted)) throw error;
    context.issues.push({ code: "custom", message: error.message, input, path });
    return z.NEVER;
  }
}

/** Letters of names: they go into interface names, keys of paths, metrics and file names. */
const NAME = /^[a-z0-9](?:[a-z0-9_-]{0,30}[a-z0-9])?$/;
const nameAccepted = () =>
  "a name: 1–32 lower-case letters, digits, - or _, beginning and ending with a letter or digit";
const name = z.string({ error: nameAccepted }).regex(NAME, { error: nameAccepted });

function named<Value extends z.ZodType>(value: Value, example: string) {
  return z.record(name, value, {
    error: (issue) => issue.code === "invalid_key" ? nameAccepted() : `names, e.g. ${example}`,
  });
}

function list<Value extends z.ZodType>(value: Value, accepted: string) {
  return z.array(value, { error: () => accepted });
}

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
const sites = list(name, "a list of sites, e.g. [hub]").default([]);
const colors = list(color, "a list of colors, e.g. [lte]").default([]);

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

const PORTS = "ports, e.g. [5060, 10000-20000]";
const match = keys({
  segment: name.optional().describe("Name of a segment."),
  source: prefix.optional().describe("Prefix of the sender."),
  destination: prefix.optional().describe("Prefix of the receiver."),
  dscp: leafOrNumber("a DSCP, e.g. ef or 46", scalar.parseDscp).optional()
    .describe("0–63, or ef, va, le, be, cs0–cs7, af11–af43."),
  protocol: leafOrNumber("an IP protocol, e.g. udp or 17", scalar.parseProtocol).optional()
    .describe("0–255, or tcp, udp, sctp, icmp, icmpv6, gre, esp, ah, ospf, igmp."),
  ports: oneOrManyNumbers(PORTS, scalar.parsePorts).optional().describe(
    "Destination ports: one, a range 10000-20000, or a list of both; TCP, UDP and SCTP only.",
  ),
  source_ports: oneOrManyNumbers(PORTS, scalar.parsePorts).optional().describe(
    "Source ports, written as `ports` are.",
  ),
});

const avoided = keys({
  sites: sites.describe("Sites that the path does not pass."),
  colors: colors.describe("Colors that no hop uses."),
});
const required = keys({
  sites: sites.describe("Sites that the path passes, in any order."),
  colors: colors.describe("Every hop uses these colors only."),
});

const policy = keys({
  name: name.describe("Name of the policy, its own."),
  match: match.prefault({}).describe(
    "Which traffic; every key that is given must match, no key matches everything.",
  ),
  path: list(
    leaf("one hop, e.g. lisbon.fibre > hub.fibre", scalar.parseHop),
    "a list of hops, e.g. [lisbon.fibre > hub.fibre, hub.fibre > porto.lte]",
  ).optional().describe(
    "Exactly these hops, each as SITE.UPLINK > SITE.UPLINK; applies at its first site, to " +
      "traffic for its last.",
  ),
  via: list(name, "a list of sites, e.g. [hub]").optional().describe(
    "Through these sites, in this order; the router chooses the uplinks.",
  ),
  objective: oneOf(["cost", "latency"]).optional().describe("What makes one path the best."),
  avoid: avoided.optional().describe("What a computed path keeps away from."),
  require: required.optional().describe("What a computed path keeps to."),
  otherwise: oneOf(["computed", "drop"]).optional().describe(
    "When no way of `path` or `via` is up: computed paths (default), or nothing.",
  ),
  action: oneOf(["drop"]).optional().describe("drop: the traffic goes nowhere."),
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
  probe: keys({
    interval: leaf(interval, (text) => scalar.parseMillis(text, 10, 60_000)).prefault("100ms")
      .describe("Time between probes with its unit, 10ms–60000ms."),
    down_after: whole(1, 1000).default(5).describe("Replies missing in a row until a way is down."),
    up_after: whole(1, 1000).default(10).describe("Replies in a row until it is up again."),
  }).prefault({}).describe("How adjacencies and paths are probed."),
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
  policies: list(policy, "a list of policies, e.g. - { name: voice, objective: latency }").default(
    [],
  ).describe("Which traffic takes which way; the first policy that matches decides."),
});

export type File = z.infer<typeof schema>;
export type FileSite = File["sites"][string];
export type FileUplink = FileSite["uplinks"][string];
export type FilePolicy = File["policies"][number];
