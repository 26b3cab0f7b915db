/** The two files of a lab, from a plan: what surrounds the gateways, and the network itself. */

import { countOf } from "../../model/quantity.ts";
import { LabError } from "../error.ts";
import type { Plan } from "./plan.ts";

export interface LabFiles {
  readonly topology: string;
  readonly network: string;
}

export interface RenderOptions {
  /** Of the lab and the network. */
  readonly name: string;
  /** Where it came from, for the first line of both files. */
  readonly source: string;
  /** The network's file, as the topology names it. */
  readonly networkFile: string;
}

/** WireGuard's usual port. */
const PORT = 51820;
/** A site numbers its uplinks from 0 to 7; what has more links shares the last one. */
const MOST_UPLINKS = 8;
/** Costs in 100 µs, as far as the file's language goes. */
const MICROS_A_COST = 100;
const MOST_COST = 65_535;
/** 198.18.0.0/15 (RFC 2544) in subnets of four addresses. */
const MOST_SUBNETS = 32_768;
/** 10.0.0.0/8 in subnets of 256 addresses, without the first. */
const MOST_SITES = 65_535;

interface Uplink {
  readonly address: string;
  readonly color: string;
  cost: number;
}

/** Throws {@link LabError} where there are more sites or links than there are addresses. */
export function renderLab(plan: Plan, options: RenderOptions): LabFiles {
  if (plan.sites.length > MOST_SITES) {
    throw new LabError([`${plan.sites.length} sites; accepted are at most ${MOST_SITES}`]);
  }
  const { uplinks, meet, between } = plan.uplinks === "mesh" ? meshed(plan) : linked(plan);
  const sizes = `${countOf(plan.sites.length, "site")}, ${countOf(between.length, "link")}`;
  const head = `# ${sizes}, from ${options.source} by \`labelway lab import\`.`;
  const topology = [
    `${head} Delays are one way.`,
    "",
    `lab: ${options.name}`,
    `network: ${options.networkFile}`,
    "seed: 1",
    "",
    "sites:",
    ...plan.sites.flatMap((site, at) => [
      `  ${site}:`,
      "    uplinks:",
      ...uplinks[at]!.map(({ address }, number) =>
        `      up${number}: { addresses: [${address}/30] }`
      ),
      "    hosts:",
      `      office: [${lan(at)}.10/24]`,
    ]),
    "",
    "between:",
    ...between.map(({ ends, delayMicros }) =>
      `  - { ends: [${ends.join(", ")}], impair: { delay: ${delayMicros}us } }`
    ),
  ];
  const network = [
    head,
    "",
    `network: ${options.name}`,
    "",
    ...(meet.length === 0 ? [] : [
      "colors:",
      "  meet:",
      ...meet.map((pair) => `    - [${pair.join(", ")}]`),
      "",
    ]),
    "sites:",
    ...plan.sites.flatMap((site, at) => [
      `  ${site}:`,
      `    sid: ${at + 1}`,
      "    uplinks:",
      ...uplinks[at]!.flatMap(({ address, color, cost }, number) => [
        `      up${number}:`,
        `        number: ${number}`,
        `        color: ${color}`,
        `        device: up${number}`,
        `        port: ${PORT + number}`,
        `        endpoint: ${address}`,
        `        cost: ${cost}`,
      ]),
      "    lans:",
      `      office: [${lan(at)}.0/24]`,
    ]),
    "",
    "segments:",
    "  office: { number: 1 }",
    "",
    "policies:",
    "  - name: quickest",
    "    objective: latency",
  ];
  return { topology: `${topology.join("\n")}\n`, network: `${network.join("\n")}\n` };
}

interface Laid {
  /** By site. */
  readonly uplinks: readonly (readonly Uplink[])[];
  readonly meet: readonly (readonly [string, string])[];
  readonly between: readonly { readonly ends: readonly string[]; readonly delayMicros: number }[];
}

/** One uplink each; all meet. A cost each would say nothing about a pair. */
function meshed({ sites, links }: Plan): Laid {
  const address = addresses();
  return {
    uplinks: sites.map(() => [{ address: address(), color: "internet", cost: 10 }]),
    meet: [],
    between: links.map(({ a, b, delayMicros }) => ({
      ends: [`${sites[a]}.up0`, `${sites[b]}.up0`],
      delayMicros,
    })),
  };
}

/** An uplink for each link and each end of it, in colors that meet nobody else. */
function linked({ sites, links }: Plan): Laid {
  const address = addresses();
  const uplinks: Uplink[][] = sites.map(() => []);
  const pairs = new Map<string, { meet: [string, string]; ends: string[]; delayMicros: number }>();
  for (const { a, b, delayMicros } of links) {
    const cost = Math.min(MOST_COST, Math.max(1, Math.round(delayMicros / MICROS_A_COST)));
    const [near, far] = [a, b].map((site) => {
      const own = uplinks[site]!;
      const number = Math.min(own.length, MOST_UPLINKS - 1);
      const uplink = own[number] ??= { address: address(), color: `s${site + 1}-${number}`, cost };
      // A link costs what its dearer end does, so a shared uplink must not cost more than any of them.
      uplink.cost = Math.min(uplink.cost, cost);
      return { end: `${sites[site]}.up${number}`, color: uplink.color };
    }) as [{ end: string; color: string }, { end: string; color: string }];
    const key = `${near.end} ${far.end}`;
    const known = pairs.get(key);
    if (known !== undefined && known.delayMicros <= delayMicros) continue;
    pairs.set(key, { meet: [near.color, far.color], ends: [near.end, far.end], delayMicros });
  }
  const between = [...pairs.values()];
  return { uplinks, meet: between.map(({ meet }) => meet), between };
}

/** Each its own subnet; the internet has the first host of it. */
function addresses(): () => string {
  let subnet = 0;
  return () => {
    if (subnet === MOST_SUBNETS) {
      throw new LabError([`more than ${MOST_SUBNETS} uplinks; take fewer sites with --sites`]);
    }
    const number = 4 * subnet++ + 2;
    return `198.${18 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
  };
}

/** The first three bytes of a site's LAN. */
function lan(site: number): string {
  return `10.${(site + 1) >> 8}.${(site + 1) & 255}`;
}
