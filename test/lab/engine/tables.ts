/**
 * Tables written by hand for three gateways: `a` and `b` have a LAN each, `h` lies between them.
 * Label 10000x at a gateway leads on to gateway x.
 */

import type {
  Adjacency,
  Backend,
  LabelEntry,
  Path,
  Segment,
  SegmentList,
  Table,
} from "../../../src/model/boundary.ts";

export const NUMBERS = { a: 1, b: 2, h: 3 } as const;
export type Name = keyof typeof NUMBERS;

export const SERVICE = 28001;
export const TUN = "lws1-office";
export const INTERFACE = "lw-0-wan";

export const outer = (name: Name) => `198.51.100.${NUMBERS[name]}`;
export const inner = (name: Name) => `100.96.0.${NUMBERS[name] * 8}`;
export const loopback = (name: Name) => `10.255.0.${NUMBERS[name]}`;
export const lan4 = (name: Name) => `10.${NUMBERS[name]}.0`;
export const lan6 = (name: Name) => `2001:db8:${NUMBERS[name]}:`;
export const hop = (name: Name) => 100000 + NUMBERS[name];

/** Bytes below the label stack. */
const OVERHEAD = 108;

export type Keys = Readonly<Record<Name, { readonly private: string; readonly public: string }>>;

export interface Options {
  /** Ways from a to b and back, best first. */
  readonly ways?: readonly ("direct" | "through-h")[];
  readonly backend?: Backend;
  readonly generation?: string;
  /** MTU of the links between the gateways; 1,500 unless told. */
  readonly underlayMtu?: number;
  readonly extraLabels?: number;
  readonly extraPrefixes?: number;
}

export function table(me: Name, keys: Keys, options: Options = {}): Table {
  const others = (["a", "b", "h"] as const).filter((name) => name !== me);
  const index = (name: Name) => others.indexOf(name);
  const far = me === "a" ? "b" : "a";
  const ways = options.ways ?? ["direct"];
  const mtu = (options.underlayMtu ?? 1500) - OVERHEAD;
  const adjacencies = others.map((name): Adjacency => ({
    key: `wan>${name}.wan`,
    uplink: 0,
    remote_key: keys[name].public,
    remote_address: inner(name),
    remote_site: NUMBERS[name],
    remote_uplink: 0,
    mtu,
  }));
  const lists = me === "h" ? [] : [
    list(`wan>${far}.wan`, index(far), [], [], far, mtu),
    list(`wan>h.wan,wan>${far}.wan`, index("h"), [hop(far)], [hop(me)], far, mtu),
  ];
  const paths: Path[] = lists.map(({ key }, list) => ({
    key,
    egress: NUMBERS[far],
    lists: [list],
  }));
  const labels: LabelEntry[] = me === "h"
    ? others.map((to) => ({
      label: hop(to),
      accept: others.filter((from) => from !== to).map(index),
      action: { forward: [{ adjacency: index(to), labels: [] }] },
    }))
    : [{ label: SERVICE, accept: [0, 1], action: { deliver: 0 } }];
  for (let extra = 0; extra < (options.extraLabels ?? 0); extra++) {
    labels.push({
      label: 200000 + extra,
      accept: [0, 1],
      action: { forward: [{ adjacency: extra % 2, labels: [300000 + extra] }] },
    });
  }
  labels.sort((one, other) => one.label - other.label);
  return {
    generation: options.generation ?? "0123456789abcdef",
    site: { name: me, sid: NUMBERS[me], loopback4: loopback(me), loopback6: null },
    ttl: "pipe",
    bfd: { interval_micros: 50_000, multiplier: 3 },
    probe: { interval_millis: 100, down_after: 5, up_after: 10 },
    uplinks: [{
      key: "wan",
      interface: INTERFACE,
      backend: options.backend ?? "embedded",
      device: "wan",
      tunnel_address: inner(me),
    }],
    adjacencies,
    segments: me === "h" ? [] : [segment(me, far, ways, options.extraPrefixes ?? 0, mtu - 8)],
    labels,
    paths,
    lists,
  };
}

function list(
  key: string,
  adjacency: number,
  labels: number[],
  return_labels: number[],
  egress: Name,
  adjacencyMtu: number,
): SegmentList {
  const mtu = adjacencyMtu - 4 * (1 + labels.length);
  const probe_address = loopback(egress);
  const end = (site: Name) => ({ site: NUMBERS[site], uplink: 0 });
  const ends = labels.length === 0 ? [end(egress)] : [end("h"), end("h"), end(egress)];
  return { key, weight: 1, adjacency, labels, return_labels, probe_address, mtu, ends };
}

function segment(
  me: Name,
  far: Name,
  ways: readonly ("direct" | "through-h")[],
  extraPrefixes: number,
  mtu: number,
): Segment {
  const prefixes = [`${lan4(far)}.0/24`, `${lan6(far)}:/64`];
  for (let extra = 0; extra < extraPrefixes; extra++) {
    prefixes.push(`172.${16 + (extra >> 12)}.${(extra >> 4) & 255}.${(extra & 15) * 16}/28`);
  }
  return {
    name: "office",
    number: 1,
    service_label: SERVICE,
    tun: TUN,
    mtu,
    local: [`${lan4(me)}.0/24`, `${lan6(me)}:/64`, `${loopback(me)}/32`],
    routes: prefixes.map((prefix) => ({ prefix, steering: 0 })),
    steerings: [{
      rules: [],
      fallback: {
        paths: { order: ways.map((way) => way === "direct" ? 0 : 1), equal: 1, keep: [] },
      },
    }],
  };
}

/** What `wg syncconf` reads. */
export function wireguard(me: Name, keys: Keys, port = 51820): string {
  const others = (["a", "b", "h"] as const).filter((name) => name !== me);
  const peers = others.map((name) =>
    `[Peer]\nPublicKey = ${keys[name].public}\nEndpoint = ${outer(name)}:51820\n` +
    `AllowedIPs = ${inner(name)}/32\nPersistentKeepalive = 5\n`
  );
  return `[Interface]\nPrivateKey = ${keys[me].private}\nListenPort = ${port}\n` + peers.join("");
}
