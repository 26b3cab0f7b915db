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
  keys({ base: whole(16, 1048575), size: whole(1, 1048560) }).default({ base, size });

const uplink = keys({
  number: whole(0, 7),
  color,
  device,
  port: whole(1, 65535),
  endpoint: leaf("an address or DNS name, alone or with a port", scalar.parseEndpoint).optional(),
  // Empty as good as absent: `labelway keygen` fills it in.
  public_key: leaf("a WireGuard public key", scalar.parsePublicKey).nullish(),
  bandwidth: leaf("a rate with its unit, e.g. 100 Mbit/s", scalar.parseBandwidth).optional(),
  cost: whole(1, 65535).default(10),
  metered: flag.default(false),
  mtu: whole(1280, 9000).default(1500),
  gateway: addresses.optional(),
});

const site = keys({
  sid: whole(1, 131071),
  loopback: addresses.optional(),
  transit: flag.default(true),
  uplinks: named(uplink, "fibre: { number: 0, color: internet, device: eth0, port: 51820 }"),
  lans: named(
    oneOrMany("a prefix or a list of prefixes, e.g. [10.1.0.0/24]", scalar.parsePrefix),
    "office: [10.1.0.0/24]",
  ).default({}),
});

const segment = keys({ number: whole(1, 1048575), vrf: device.optional() });

const match = keys({
  segment: name.optional(),
  source: prefix.optional(),
  destination: prefix.optional(),
  dscp: leafOrNumber("a DSCP, e.g. ef or 46", scalar.parseDscp).optional(),
  protocol: leafOrNumber("an IP protocol, e.g. udp or 17", scalar.parseProtocol).optional(),
  ports: oneOrManyNumbers("ports, e.g. [5060, 10000-20000]", scalar.parsePorts).optional(),
  source_ports: oneOrManyNumbers("ports, e.g. [5060, 10000-20000]", scalar.parsePorts).optional(),
});

const policy = keys({
  name,
  match: match.prefault({}),
  path: list(
    leaf("one hop, e.g. lisbon.fibre > hub.fibre", scalar.parseHop),
    "a list of hops, e.g. [lisbon.fibre > hub.fibre, hub.fibre > porto.lte]",
  ).optional(),
  via: list(name, "a list of sites, e.g. [hub]").optional(),
  objective: oneOf(["cost", "latency"]).optional(),
  avoid: keys({ sites, colors }).optional(),
  require: keys({ sites, colors }).optional(),
  otherwise: oneOf(["computed", "drop"]).optional(),
  action: oneOf(["drop"]).optional(),
});

const interval = "a time with its unit, e.g. 100ms";

export const schema = keys({
  network: name,
  blocks: keys({
    srgb: block(16000, 8000),
    services: block(28000, 4000),
    srlb: block(100000, 512000),
  }).prefault({}),
  tunnels: prefix.prefault("100.96.0.0/12"),
  ttl: oneOf(["pipe", "uniform"]).default("pipe"),
  penultimate: oneOf(["pop", "explicit-null"]).default("pop"),
  backend: oneOf(["auto", "kernel", "embedded"]).default("auto"),
  probe: keys({
    interval: leaf(interval, (text) => scalar.parseMillis(text, 10, 60_000)).prefault("100ms"),
    down_after: whole(1, 1000).default(5),
    up_after: whole(1, 1000).default(10),
  }).prefault({}),
  api: keys({ port: whole(1, 65535).default(7635) }).prefault({}),
  colors: keys({
    meet: list(
      z.tuple([color, color], { error: () => "a pair of colors, e.g. [lte, internet]" }),
      "a list of pairs of colors, e.g. [[internet, internet], [lte, internet]]",
    ).default([]),
  }).prefault({}),
  sites: named(site, "lisbon: { sid: 1, uplinks: { … } }"),
  segments: named(segment, "office: { number: 1 }").default({}),
  policies: list(policy, "a list of policies, e.g. - { name: voice, objective: latency }").default(
    [],
  ),
});

export type File = z.infer<typeof schema>;
export type FileSite = File["sites"][string];
export type FileUplink = FileSite["uplinks"][string];
export type FilePolicy = File["policies"][number];
