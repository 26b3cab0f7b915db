/**
 * What two uplinks meet on the way to each other: packets between them leave the internet's
 * namespace, cross a link of their own, and come back.
 *
 *     lisbon ─link─ internet ─veth─ beyond ─link of the pair─ internet ─link─ porto      up
 *     porto  ─link─ internet ─link of the pair─ beyond ─veth─ internet ─link─ lisbon     down
 */

import ipaddr from "ipaddr.js";
import { bringUp, type End, type Link, type Node, pairName } from "./layout.ts";
import type { LabUplink, Topology } from "./topology.ts";

/** Layout of all pairs; empty without any. */
export interface Pairs {
  /** Lines for `ip -batch` in the internet's namespace. */
  readonly internet: readonly string[];
  /** Its devices by which packets come back. */
  readonly unfiltered: readonly string[];
  readonly nodes: readonly Node[];
  readonly veths: readonly { readonly a: End; readonly b: End }[];
  readonly links: readonly Link[];
}

const NODE = "beyond";
/** First table of ours, and first priority of a rule: before the main table's 32766. */
const FIRST_TABLE = 1000;

/** `portOf` answers an uplink's device in the internet's namespace. */
export function layOutPairs(
  topology: Topology,
  namespace: (node: string) => string,
  portOf: (uplink: string) => string,
): Pairs {
  if (topology.between.length === 0) {
    return { internet: [], unfiltered: [], nodes: [], veths: [], links: [] };
  }
  const uplinks = new Map<string, LabUplink>(
    topology.sites.flatMap((site) =>
      site.uplinks.map((uplink) => [`${site.name}.${uplink.name}`, uplink] as const)
    ),
  );
  // Point to point and never seen outside: link-local addresses (RFC 3927, RFC 4291 §2.5.6).
  const internet = bringUp(NODE, ["169.254.0.1/30", "fe80::1/64"]);
  const beyond = [
    "link set lo up",
    ...bringUp("internet", ["169.254.0.2/30", "fe80::2/64"]),
    ...defaults("internet", "169.254.0.1", "fe80::1", "main"),
  ];
  const links = topology.between.map(({ ends, up, down }, index): Link => {
    const device = `pair${index}`;
    const nets = ends.map((end) => subnets(uplinks.get(end)!));
    const [first, second] = ends.map(portOf) as [string, string];
    const four = `169.254.${1 + (index >> 6)}.`;
    const base = (index & 63) * 4;
    internet.push(
      ...bringUp(device, [`${four}${base + 1}/30`, "fe80::1/64"]),
      ...detour(first, nets[0]!, nets[1]!, FIRST_TABLE),
      ...detour(second, nets[1]!, nets[0]!, FIRST_TABLE + 1 + index),
      ...defaults(device, `${four}${base + 2}`, "fe80::2", `${FIRST_TABLE + 1 + index}`),
    );
    beyond.push(
      ...bringUp(device, [`${four}${base + 2}/30`, "fe80::2/64"]),
      ...detour("internet", nets[0]!, nets[1]!, FIRST_TABLE + 1 + index),
      ...defaults(device, `${four}${base + 1}`, "fe80::1", `${FIRST_TABLE + 1 + index}`),
    );
    return {
      name: pairName(ends),
      site: { namespace: namespace(NODE), device },
      internet: { namespace: namespace("internet"), device },
      up,
      down,
    };
  });
  const devices = links.map(({ internet }) => internet.device);
  return {
    internet: [...internet, ...defaults(NODE, "169.254.0.2", "fe80::2", `${FIRST_TABLE}`)],
    unfiltered: [NODE, ...devices],
    nodes: [{
      name: NODE,
      namespace: namespace(NODE),
      kind: "internet",
      site: null,
      wireguard: null,
      unfiltered: ["internet", ...devices],
      setup: beyond,
    }],
    veths: [{
      a: { namespace: namespace("internet"), device: NODE },
      b: { namespace: namespace(NODE), device: "internet" },
    }],
    links,
  };
}

/** An uplink's networks on the internet. */
function subnets({ addresses, nat }: LabUplink): string[] {
  return (nat === null ? addresses : [nat]).map((cidr) => {
    const kind = cidr.includes(":") ? ipaddr.IPv6 : ipaddr.IPv4;
    return `${kind.networkAddressFromCIDR(cidr)}/${cidr.split("/")[1]}`;
  });
}

/** What comes by the device from one uplink for another looks into the table. */
function detour(
  device: string,
  from: readonly string[],
  to: readonly string[],
  table: number,
): string[] {
  return from.flatMap((source) =>
    to.filter((target) => target.includes(":") === source.includes(":")).map((target) =>
      `${
        source.includes(":") ? "-6 " : ""
      }rule add priority ${table} iif ${device} from ${source} to ${target} lookup ${table}`
    )
  );
}

function defaults(device: string, four: string, six: string, table: string): string[] {
  return [
    `route add 0.0.0.0/0 via ${four} dev ${device} table ${table}`,
    `route add ::/0 via ${six} dev ${device} table ${table}`,
  ];
}
