/**
 * What a topology becomes on this machine: namespaces, devices and addresses, as a pure value.
 *
 *     host ─veth─ gateway ─link─ internet        an uplink with an address of its own
 *                 gateway ─veth─ nat ─link─ internet      one behind NAT
 *                 internet ─veth─ beyond ─link─ internet  what two uplinks meet between them
 */

import {
  firstHost,
  type LabSite,
  type LabUplink,
  type LabWireguard,
  type Topology,
} from "./topology.ts";
import { layOutPairs } from "./between.ts";
import type { Impairment } from "./impairment.ts";

export interface Layout {
  /** Begins every namespace's name: `lw` and four digits that belong to this lab's folder. */
  readonly prefix: string;
  readonly nodes: readonly Node[];
  readonly veths: readonly { readonly a: End; readonly b: End }[];
  readonly links: readonly Link[];
}

export interface Node {
  /** `lisbon`, `lisbon.office`, `cabin.lte.nat`, `internet`. */
  readonly name: string;
  readonly namespace: string;
  readonly kind: "gateway" | "host" | "nat" | "internet";
  readonly site: string | null;
  readonly wireguard: LabWireguard | null;
  /** Devices by which packets come whose source lies elsewhere. */
  readonly unfiltered: readonly string[];
  /** Lines for `ip -batch`, or, where one begins with -6, for `ip -6 -batch` after these. */
  readonly setup: readonly string[];
}

export interface End {
  readonly namespace: string;
  readonly device: string;
}

/** What the emulator sits in. */
export interface Link {
  /** `lisbon.fibre`, or of a pair `lisbon.fibre~porto.lte`. */
  readonly name: string;
  /** Where it goes up from: the site, or for a pair what stands behind the internet. */
  readonly site: End;
  readonly internet: End;
  readonly up: Impairment;
  readonly down: Impairment;
}

/** Frames that a device holds while the emulator has no turn on the processor. */
const QUEUE_FRAMES = 4000;
/** Uplinks in the order of the file: the first is what the main table would use for everything. */
const FIRST_METRIC = 100;

export function layOut(topology: Topology, prefix: string): Layout {
  const namespace = (node: string) => `${prefix}-${node}`;
  const nodes: Node[] = [];
  const veths: { a: End; b: End }[] = [];
  const links: Link[] = [];
  const internet: string[] = ["link set lo up"];

  for (const site of topology.sites) {
    const gateway = gatewaySetup(site);
    for (const uplink of site.uplinks) {
      const name = `${site.name}.${uplink.name}`;
      const inside = { namespace: namespace(site.name), device: uplink.name };
      const far = { namespace: namespace("internet"), device: portName(links.length, name) };
      let outside = inside;
      if (uplink.nat !== null) {
        const nat = namespace(`${name}.nat`);
        outside = { namespace: nat, device: "wan" };
        veths.push({ a: inside, b: { namespace: nat, device: "lan" } });
        nodes.push({
          name: `${name}.nat`,
          namespace: nat,
          kind: "nat",
          site: site.name,
          wireguard: null,
          unfiltered: [],
          setup: natSetup(uplink, uplink.nat),
        });
      }
      const onInternet = uplink.nat === null ? uplink.addresses : [uplink.nat];
      internet.push(...bringUp(far.device, onInternet.map(firstHost)));
      links.push({ name, site: outside, internet: far, up: uplink.up, down: uplink.down });
    }
    for (const host of site.hosts) {
      const name = `${site.name}.${host.segment}`;
      const end = { namespace: namespace(name), device: "eth0" };
      veths.push({ a: { namespace: namespace(site.name), device: host.segment }, b: end });
      nodes.push({
        name,
        namespace: end.namespace,
        kind: "host",
        site: site.name,
        wireguard: null,
        unfiltered: [],
        setup: [
          "link set lo up",
          ...bringUp(end.device, host.addresses),
          ...host.addresses.map((cidr) => defaultRoute(cidr, end.device, 0)),
        ],
      });
    }
    nodes.push({
      name: site.name,
      namespace: namespace(site.name),
      kind: "gateway",
      site: site.name,
      wireguard: site.wireguard,
      unfiltered: [],
      setup: gateway,
    });
  }
  const pairs = layOutPairs(topology, namespace, (uplink) => {
    const link = links.find(({ name }) => name === uplink);
    return link?.internet.device ?? "";
  });
  nodes.push({
    name: "internet",
    namespace: namespace("internet"),
    kind: "internet",
    site: null,
    wireguard: null,
    unfiltered: pairs.unfiltered,
    setup: [...internet, ...pairs.internet],
  }, ...pairs.nodes);
  veths.push(...pairs.veths);
  return { prefix, nodes, veths, links: [...links, ...pairs.links] };
}

/** Every link of the lab: uplinks, then pairs of them. */
export function linkNames({ sites, between }: Topology): string[] {
  return [
    ...sites.flatMap(({ name, uplinks }) => uplinks.map((uplink) => `${name}.${uplink.name}`)),
    ...between.map(({ ends }) => pairName(ends)),
  ];
}

/** `lisbon.fibre~porto.lte`. */
export function pairName(ends: readonly [string, string]): string {
  return ends.join("~");
}

/** Without prefix length. */
export function bare(cidr: string): string {
  return cidr.split("/")[0] ?? cidr;
}

/** The number keeps names apart that are cut to the 15 bytes of a device's name. */
function portName(number: number, uplink: string): string {
  return `${number}-${uplink.replace(".", "-")}`.slice(0, 15);
}

function gatewaySetup(site: LabSite): string[] {
  return [
    "link set lo up",
    ...site.uplinks.flatMap((uplink, index) => [
      ...bringUp(uplink.name, uplink.addresses),
      ...uplink.addresses.map((cidr) => defaultRoute(cidr, uplink.name, FIRST_METRIC + index)),
    ]),
    ...site.hosts.flatMap((host) => bringUp(host.segment, host.addresses.map(firstHost))),
  ];
}

function natSetup(uplink: LabUplink, outside: string): string[] {
  return [
    "link set lo up",
    ...bringUp("lan", uplink.addresses.map(firstHost)),
    ...bringUp("wan", [outside]),
    defaultRoute(outside, "wan", 0),
  ];
}

export function bringUp(device: string, addresses: readonly string[]): string[] {
  return [
    `link set ${device} txqueuelen ${QUEUE_FRAMES} up`,
    ...addresses.map((cidr) =>
      `addr add ${cidr} dev ${device}${cidr.includes(":") ? " nodad" : ""}`
    ),
  ];
}

function defaultRoute(cidr: string, device: string, metric: number): string {
  const everything = cidr.includes(":") ? "::/0" : "0.0.0.0/0";
  const preference = metric > 0 ? ` metric ${metric}` : "";
  return `route add ${everything} via ${bare(firstHost(cidr))} dev ${device}${preference}`;
}
