/**
 * The lab's own file: what surrounds the gateways. The network itself is described by an ordinary
 * Labelway file, which this one names.
 */

import { parse } from "@std/yaml";
import ipaddr from "ipaddr.js";
import { z } from "zod";
import { closest } from "../config/suggest.ts";
import { LabError } from "./error.ts";
import { type Change, CLEAR, conflict, type Impairment, parseSetting } from "./impairment.ts";
import { locator } from "./locate.ts";

export interface Topology {
  readonly lab: string;
  /** The network's file, relative to this one. */
  readonly network: string;
  /** The same seed loses the same packets. */
  readonly seed: number;
  readonly sites: readonly LabSite[];
  readonly between: readonly LabPair[];
}

/** What two uplinks meet on the way to each other, beside what each of them does to everybody. */
export interface LabPair {
  /** `lisbon.fibre`; up is from the first to the second. */
  readonly ends: readonly [string, string];
  readonly up: Impairment;
  readonly down: Impairment;
}

/** What speaks WireGuard: the engine itself, the kernel, or Debian's wireguard-go. */
export type LabWireguard = "embedded" | "kernel" | "wireguard-go";

export interface LabSite {
  readonly name: string;
  readonly wireguard: LabWireguard;
  readonly uplinks: readonly LabUplink[];
  readonly hosts: readonly LabHost[];
}

export interface LabUplink {
  readonly name: string;
  /** The gateway's addresses with prefix length; the internet (or the NAT) has the first host. */
  readonly addresses: readonly string[];
  /** Behind a NAT router: that one's address on the internet, with prefix length. */
  readonly nat: string | null;
  readonly up: Impairment;
  readonly down: Impairment;
}

export interface LabHost {
  readonly segment: string;
  /** With prefix length; the gateway has the first host of each. */
  readonly addresses: readonly string[];
}

/** An object of these keys and no others; its message lists them. */
function keys<Shape extends z.ZodRawShape>(shape: Shape) {
  const list = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) => issue.code === "unrecognized_keys" ? list : undefined,
  });
}

const NAME = z.string().regex(/^[a-z][a-z0-9-]*$/, {
  error: "accepted is a name of a–z, 0–9 and -, beginning with a letter",
});
/** A namespace's file and a device are named after it. */
const SHORT_NAME = NAME.max(15, { error: "accepted is a name of at most 15 bytes" });

const CIDR = z.string().superRefine((text, context) => {
  const problem = cidrProblem(text);
  if (problem !== null) context.addIssue({ code: "custom", message: problem });
});

const SETTING = z.union([z.string(), z.number()]).transform(String);
const SETTINGS = {
  delay: SETTING,
  jitter: SETTING,
  reorder: SETTING,
  loss: SETTING,
  burst: SETTING,
  rate: SETTING,
  queue: SETTING,
};
const DIRECTION = keys(SETTINGS).partial();
const IMPAIR = keys({ ...SETTINGS, up: DIRECTION, down: DIRECTION }).partial();

const ENDS = "accepted are two uplinks of two sites, e.g. [lisbon.fibre, porto.lte]";

const FILE = keys({
  lab: SHORT_NAME,
  network: z.string().min(1),
  seed: z.int().min(0).default(1),
  sites: z.record(
    SHORT_NAME,
    keys({
      wireguard: z.enum(["embedded", "wireguard-go", "kernel"]).default("embedded"),
      uplinks: z.record(
        SHORT_NAME,
        keys({
          addresses: z.array(CIDR).min(1),
          nat: CIDR.optional(),
          impair: IMPAIR.default({}),
        }),
      ),
      hosts: z.record(SHORT_NAME, z.array(CIDR).min(1)).default({}),
    }),
  ),
  between: z.array(
    keys({ ends: z.tuple([z.string(), z.string()], { error: ENDS }), impair: IMPAIR }),
  ).default([]),
});

/** Reads the text of a topology file; throws {@link LabError} with every problem. */
export function parseTopology(text: string, file: string): Topology {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new LabError([`${file}: ${error instanceof Error ? error.message : String(error)}`]);
  }
  const locate = locator(text, file);
  const result = FILE.safeParse(value, { error: describeType });
  if (!result.success) {
    const found = result.error.issues.flatMap((issue) => describe(issue, locate));
    throw new LabError(found.toSorted(byPosition));
  }
  const problems: string[] = [];
  const complain: Complain = (path, message) => problems.push(`${locate(path)}: ${message}`);
  const sites = Object.entries(result.data.sites).map(([name, site]): LabSite => ({
    name,
    wireguard: site.wireguard,
    uplinks: Object.entries(site.uplinks).map(([uplink, value]) => ({
      name: uplink,
      addresses: value.addresses,
      nat: value.nat ?? null,
      ...impairments(value.impair, ["sites", name, "uplinks", uplink, "impair"], complain),
    })),
    hosts: Object.entries(site.hosts).map(([segment, addresses]) => ({ segment, addresses })),
  }));
  const between = result.data.between.map(({ ends, impair }, index): LabPair => ({
    ends,
    ...impairments(impair, ["between", index, "impair"], complain),
  }));
  crossCheck(sites, complain);
  checkPairs(between, sites, complain);
  if (problems.length > 0) throw new LabError(problems.toSorted(byPosition));
  const { lab, network, seed } = result.data;
  return { lab, network, seed, sites, between };
}

/** `192.0.2.1/30` for `192.0.2.2/30`: who is on the other side of it. */
export function firstHost(cidr: string): string {
  const [address, length] = ipaddr.parseCIDR(cidr);
  const bytes = address.toByteArray();
  for (let bit = length; bit < bytes.length * 8; bit++) {
    const at = bit >> 3;
    bytes[at] = (bytes[at] ?? 0) & ~(0x80 >> (bit & 7));
  }
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 1;
  return `${ipaddr.fromByteArray(bytes).toString()}/${length}`;
}

type Path = readonly PropertyKey[];
type Complain = (path: Path, message: string) => void;

function describe(issue: z.core.$ZodIssue, locate: (path: Path) => string): string[] {
  if (issue.code === "unrecognized_keys") {
    const where = (key: string) => locate([...issue.path, key]);
    return issue.keys.map((key) =>
      `${where(key)}: ${key} is unknown here; accepted are ${issue.message}`
    );
  }
  // A record reports a bad key with the key's own issues inside.
  const message = issue.code === "invalid_key"
    ? issue.issues.map((inner) => inner.message).join("; ")
    : issue.message;
  const what = issue.path.length > 0 ? `${issue.path.join(".")}: ` : "";
  return [`${locate(issue.path)}: ${what}${message}`];
}

/** What a value of the wrong type should have been, in the words of the file's language. */
function describeType(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== "invalid_type") return undefined;
  const names: Readonly<Record<string, string>> = {
    string: "a text",
    array: "a list",
    object: "a map",
    record: "a map",
    int: "a whole number",
  };
  const accepted = `accepted is ${names[issue.expected] ?? issue.expected}`;
  return issue.input === undefined ? `is missing; ${accepted}` : accepted;
}

/** `file:line:column: …`, by line and column. */
function byPosition(a: string, b: string): number {
  const at = (text: string) => (/:(\d+):(\d+): /.exec(text) ?? []).slice(1).map(Number);
  const [lineA = 0, columnA = 0] = at(a);
  const [lineB = 0, columnB = 0] = at(b);
  return lineA - lineB || columnA - columnB;
}

function cidrProblem(text: string): string | null {
  if (!ipaddr.isValidCIDR(text)) {
    return `${text} is no address with prefix length; accepted is e.g. 192.0.2.2/30`;
  }
  if (firstHost(text).split("/")[0] === ipaddr.parseCIDR(text)[0].toString()) {
    return `${text} is the first host, which the lab gives to the other side; take the next one`;
  }
  return null;
}

function impairments(
  impair: z.infer<typeof IMPAIR>,
  path: Path,
  complain: Complain,
): { up: Impairment; down: Impairment } {
  const { up, down, ...both } = impair;
  const read = (settings: Readonly<Record<string, string | undefined>>, at: Path): Change => {
    let change: Change = {};
    for (const [key, text] of Object.entries(settings)) {
      if (text === undefined) continue;
      const parsed = parseSetting(key, text);
      if (typeof parsed === "string") complain([...at, key], parsed);
      else change = { ...change, ...parsed };
    }
    return change;
  };
  const shared = { ...CLEAR, ...read(both, path) };
  const directions = {
    up: { ...shared, ...read(up ?? {}, [...path, "up"]) },
    down: { ...shared, ...read(down ?? {}, [...path, "down"]) },
  };
  const conflicts = new Set([conflict(directions.up), conflict(directions.down)]);
  for (const problem of conflicts) if (problem !== null) complain(path, problem);
  return directions;
}

/** No address twice, and no two uplinks in one subnet of the internet. */
function crossCheck(sites: readonly LabSite[], complain: Complain): void {
  const owners = new Map<string, string>();
  const claim = (cidr: string, owner: string, path: Path) => {
    const other = owners.get(firstHost(cidr));
    if (other === undefined) owners.set(firstHost(cidr), owner);
    else complain(path, `${cidr} lies in the subnet of ${other}; each needs a subnet of its own`);
  };
  for (const site of sites) {
    const at = ["sites", site.name];
    if (site.uplinks.length === 0) complain([...at, "uplinks"], "a site needs an uplink");
    for (const uplink of site.uplinks) {
      const path = [...at, "uplinks", uplink.name];
      const owner = `${site.name}.${uplink.name}`;
      uplink.addresses.forEach((cidr, i) => claim(cidr, owner, [...path, "addresses", i]));
      if (uplink.nat !== null) {
        claim(uplink.nat, `the NAT of ${owner}`, [...path, "nat"]);
        const six = uplink.addresses.findIndex((cidr) => cidr.includes(":"));
        if (six >= 0) {
          complain([...path, "addresses", six], "the lab's NAT is for IPv4; leave IPv6 out");
        }
      }
    }
    for (const host of site.hosts) {
      const path = [...at, "hosts", host.segment];
      if (site.uplinks.some((uplink) => uplink.name === host.segment)) {
        complain(path, `${host.segment} is an uplink of the site as well; both are devices there`);
      }
      // Segments are apart from each other and may use the same addresses; sites within one not.
      host.addresses.forEach((cidr, i) => {
        const key = `${host.segment} ${firstHost(cidr)}`;
        const other = owners.get(key);
        if (other !== undefined) complain([...path, i], `${cidr} lies in the LAN of ${other}`);
        owners.set(key, `${site.name}.${host.segment}`);
      });
    }
  }
}

/** Each end an uplink of another site, no pair twice. */
function checkPairs(between: readonly LabPair[], sites: readonly LabSite[], complain: Complain) {
  const uplinks = sites.flatMap(({ name, uplinks }) => uplinks.map((one) => `${name}.${one.name}`));
  const seen = new Set<string>();
  between.forEach(({ ends }, index) => {
    const at = ["between", index, "ends"];
    ends.forEach((end, i) => {
      if (uplinks.includes(end)) return;
      const guess = closest(end, uplinks);
      const hint = guess === undefined
        ? `there are ${uplinks.join(", ")}`
        : `did you mean ${guess}?`;
      complain([...at, i], `there is no uplink ${end}; ${hint}`);
    });
    const [first, second] = ends.map((end) => end.split(".")[0]);
    if (first === second) complain(at, `${ends.join(" and ")} are of one site; ${ENDS}`);
    const pair = ends.toSorted().join(" ");
    if (seen.has(pair)) complain(at, `${ends.join(" and ")} stand here twice; once is accepted`);
    seen.add(pair);
  });
}
