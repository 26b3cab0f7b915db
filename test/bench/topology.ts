/**
 * The two networks of the benchmark, the same for every peer: plain veth pairs, 1,500 bytes.
 *
 *     direct    a.lan ─ a ─────────── b ─ b.lan
 *     transit   a.lan ─ a ─── t ───── b ─ b.lan      no underlay between a and b but over t
 */

import type { Layout, Node } from "../../src/lab/layout.ts";

export type TopologyName = "direct" | "transit";
export type Gateway = "a" | "t" | "b";

export interface Underlay {
  readonly gateway: Gateway;
  readonly device: string;
  readonly address: string;
  /** Who is at the other end of the veth. */
  readonly neighbour: Gateway;
  readonly neighbourAddress: string;
}

export const UNDERLAY_MTU = 1500;
/** UDP port of every peer on the underlay. */
export const PORT = 51820;
export const LAN = { a: "10.1.0.0/24", b: "10.2.0.0/24" } as const;
export const HOST = { a: "10.1.0.10", b: "10.2.0.10" } as const;
/** Inside the tunnels, for the peers that number them. */
export const OVERLAY = { a: "10.99.0.1", b: "10.99.0.2", t: "10.99.0.3" } as const;

const DIRECT: readonly Underlay[] = link("a", "wan", "198.51.100.1", "b", "wan", "198.51.100.2");
const TRANSIT: readonly Underlay[] = [
  ...link("a", "wan", "198.51.100.1", "t", "west", "198.51.100.2"),
  ...link("t", "east", "203.0.113.1", "b", "wan", "203.0.113.2"),
];

export function gatewaysOf(topology: TopologyName): readonly Gateway[] {
  return topology === "direct" ? ["a", "b"] : ["a", "t", "b"];
}

export function underlays(topology: TopologyName): readonly Underlay[] {
  return topology === "direct" ? DIRECT : TRANSIT;
}

/** What a gateway has on the underlay; one for `a` and `b`, two for `t`. */
export function underlaysOf(topology: TopologyName, gateway: Gateway): readonly Underlay[] {
  return underlays(topology).filter((underlay) => underlay.gateway === gateway);
}

/** The only underlay of a gateway that has a LAN. */
export function uplinkOf(topology: TopologyName, gateway: "a" | "b"): Underlay {
  const [underlay] = underlaysOf(topology, gateway);
  if (underlay === undefined) throw new TypeError(`${gateway} has no underlay`);
  return underlay;
}

export function layOut(topology: TopologyName, prefix: string): Layout {
  const gateways = gatewaysOf(topology);
  const namespace = (name: string) => `${prefix}-${name}`;
  const lans = ["a", "b"] as const;
  return {
    prefix,
    nodes: [
      ...gateways.map((gateway): Node => ({
        name: gateway,
        namespace: namespace(gateway),
        kind: "gateway",
        site: gateway,
        wireguard: null,
        unfiltered: [],
        setup: [
          "link set lo up",
          ...underlaysOf(topology, gateway).flatMap(({ device, address }) =>
            bringUp(device, `${address}/30`)
          ),
          ...(gateway === "t" ? [] : bringUp("lan", `${gatewayAddress(gateway)}/24`)),
        ],
      })),
      ...lans.map((gateway): Node => ({
        name: `${gateway}.lan`,
        namespace: namespace(`${gateway}.lan`),
        kind: "host",
        site: gateway,
        wireguard: null,
        unfiltered: [],
        setup: [
          "link set lo up",
          ...bringUp("eth0", `${HOST[gateway]}/24`),
          `route add default via ${gatewayAddress(gateway)}`,
        ],
      })),
    ],
    veths: [
      ...underlays(topology).flatMap((end, index, all) => {
        const other = all[index + 1];
        if (index % 2 === 1 || other === undefined) return [];
        return [{
          a: { namespace: namespace(end.gateway), device: end.device },
          b: { namespace: namespace(other.gateway), device: other.device },
        }];
      }),
      ...lans.map((gateway) => ({
        a: { namespace: namespace(gateway), device: "lan" },
        b: { namespace: namespace(`${gateway}.lan`), device: "eth0" },
      })),
    ],
    links: [],
  };
}

function gatewayAddress(gateway: "a" | "b"): string {
  return LAN[gateway].replace(".0/24", ".1");
}

function bringUp(device: string, cidr: string): string[] {
  return [`link set ${device} mtu ${UNDERLAY_MTU} up`, `addr add ${cidr} dev ${device}`];
}

/** The two ends of a veth, one after the other. */
function link(
  one: Gateway,
  oneDevice: string,
  oneAddress: string,
  other: Gateway,
  otherDevice: string,
  otherAddress: string,
): readonly Underlay[] {
  return [
    {
      gateway: one,
      device: oneDevice,
      address: oneAddress,
      neighbour: other,
      neighbourAddress: otherAddress,
    },
    {
      gateway: other,
      device: otherDevice,
      address: otherAddress,
      neighbour: one,
      neighbourAddress: oneAddress,
    },
  ];
}
