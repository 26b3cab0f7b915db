/**
 * The network as an indexed graph in flat arrays.
 *
 * Sites are numbered by ascending SID, and the adjacencies of a site by ascending (SID of the
 * neighbour, own uplink number, its uplink number). So comparing two indices is comparing what the
 * tie-breaks of ARCHITECTURE.md name, and nothing depends on the order of the file.
 */

import type { Adjacency, Network, Site, Uplink } from "../model/network.ts";

export interface Topology {
  /** By SID, ascending. */
  readonly sites: readonly Site[];
  readonly siteIndex: ReadonlyMap<string, number>;
  /** Adjacencies of site `s` are `[first[s], first[s + 1])`. */
  readonly first: Uint32Array;
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  /** Uplink numbers at both ends. */
  readonly fromUplink: Uint8Array;
  readonly toUplink: Uint8Array;
  /** The same two uplinks seen from the other end. */
  readonly reverse: Uint32Array;
  readonly cost: Float64Array;
  /** Of the underlay, bytes. */
  readonly mtu: Uint16Array;
  /** 1 where an end is metered. */
  readonly metered: Uint8Array;
  /** 1 where other sites' traffic may pass. */
  readonly transit: Uint8Array;
}

/** Both directions of every pair of uplinks that may meet, ordered by SIDs and uplink numbers. */
export function adjacencies(network: Network): Adjacency[] {
  const topology = buildTopology(network);
  return Array.from(topology.from, (_, index) => adjacency(topology, index));
}

/** A pair meets when their colors may, and one of the two can be reached first. */
export function buildTopology(network: Network): Topology {
  const sites = [...network.sites].sort((a, b) => a.sid - b.sid);
  const ends = sites.flatMap((site, index) =>
    site.uplinks.map((uplink) => ({ site: index, uplink }))
  );
  const byColor = Map.groupBy(ends, (end) => end.uplink.color);
  const meets = meetingColors(network, [...byColor.keys()]);

  // One packed sort key per adjacency: 2 × 20 bits of site index and 2 × 3 of uplink number stay
  // below 2^53, and 1,000 sites in full mesh make four million of them.
  const keys: number[] = [];
  for (const near of ends) {
    for (const color of meets.get(near.uplink.color)!) {
      for (const far of byColor.get(color)!) {
        if (near.site === far.site || !(near.uplink.endpoint || far.uplink.endpoint)) continue;
        keys.push(pack(near.site, far.site, near.uplink.number, far.uplink.number));
      }
    }
  }
  const order = Float64Array.from(keys).sort();
  const uplinks = new Map(ends.map((end) => [end.site * 8 + end.uplink.number, end.uplink]));
  return fill(sites, order, uplinks);
}

/** The model's view of one adjacency of the graph. */
export function adjacency(topology: Topology, index: number): Adjacency {
  const from = topology.sites[topology.from[index]!]!;
  const to = topology.sites[topology.to[index]!]!;
  return {
    from: { site: from.name, uplink: uplinkOf(from, topology.fromUplink[index]!).name },
    to: { site: to.name, uplink: uplinkOf(to, topology.toUplink[index]!).name },
    cost: topology.cost[index]!,
    mtu: topology.mtu[index]!,
  };
}

export function uplinkOf(site: Site, number: number): Uplink {
  return site.uplinks.find((uplink) => uplink.number === number)!;
}

/** Key of an adjacency in the engine's table, as its own site names it: `fibre>porto.lte`. */
export function adjacencyKey(hop: Pick<Adjacency, "from" | "to">): string {
  return `${hop.from.uplink}>${hop.to.site}.${hop.to.uplink}`;
}

/** Index of the adjacency between two named uplinks, or -1. */
export function findAdjacency(topology: Topology, hop: Pick<Adjacency, "from" | "to">): number {
  const from = topology.siteIndex.get(hop.from.site);
  const to = topology.siteIndex.get(hop.to.site);
  if (from === undefined || to === undefined) return -1;
  const near = topology.sites[from]!.uplinks.find((uplink) => uplink.name === hop.from.uplink);
  const far = topology.sites[to]!.uplinks.find((uplink) => uplink.name === hop.to.uplink);
  if (!near || !far) return -1;
  return adjacencyAt(topology, from, to, near.number, far.number);
}

/** Index of the adjacency between two numbered uplinks, or -1. */
export function adjacencyAt(
  topology: Topology,
  from: number,
  to: number,
  fromUplink: number,
  toUplink: number,
): number {
  const [low, high] = between(topology, from, to);
  for (let index = low; index < high; index++) {
    if (topology.fromUplink[index] === fromUplink && topology.toUplink[index] === toUplink) {
      return index;
    }
  }
  return -1;
}

/** The range of adjacencies from one site to another: consecutive, because they are sorted. */
export function between(topology: Topology, from: number, to: number): [number, number] {
  const low = lowerBound(topology, from, to);
  let high = low;
  while (high < topology.first[from + 1]! && topology.to[high] === to) high++;
  return [low, high];
}

function fill(
  sites: Site[],
  order: Float64Array,
  uplinks: ReadonlyMap<number, Uplink>,
): Topology {
  const count = order.length;
  const topology: Topology = {
    sites,
    siteIndex: new Map(sites.map((site, index) => [site.name, index])),
    first: new Uint32Array(sites.length + 1),
    from: new Uint32Array(count),
    to: new Uint32Array(count),
    fromUplink: new Uint8Array(count),
    toUplink: new Uint8Array(count),
    reverse: new Uint32Array(count),
    cost: new Float64Array(count),
    mtu: new Uint16Array(count),
    metered: new Uint8Array(count),
    transit: Uint8Array.from(sites, (site) => Number(site.transit)),
  };
  for (let index = 0; index < count; index++) {
    const [from, to, fromUplink, toUplink] = unpack(order[index]!);
    const near = uplinks.get(from * 8 + fromUplink)!;
    const far = uplinks.get(to * 8 + toUplink)!;
    topology.from[index] = from;
    topology.to[index] = to;
    topology.fromUplink[index] = fromUplink;
    topology.toUplink[index] = toUplink;
    topology.cost[index] = Math.max(near.cost, far.cost);
    topology.mtu[index] = Math.min(near.mtu, far.mtu);
    topology.metered[index] = Number(near.metered || far.metered);
    topology.first[from + 1] = index + 1;
  }
  for (let site = 0; site < sites.length; site++) {
    topology.first[site + 1] = Math.max(topology.first[site + 1]!, topology.first[site]!);
  }
  for (let index = 0; index < count; index++) {
    topology.reverse[index] = adjacencyAt(
      topology,
      topology.to[index]!,
      topology.from[index]!,
      topology.toUplink[index]!,
      topology.fromUplink[index]!,
    );
  }
  return topology;
}

/** Color → colors that it may meet. Without pairs in the file, equal colors meet. */
function meetingColors(network: Network, colors: string[]): Map<string, string[]> {
  const meets = new Map<string, Set<string>>(colors.map((color) => [color, new Set()]));
  const pairs = network.meet.length > 0
    ? network.meet
    : colors.map((color) => [color, color] as const);
  for (const [a, b] of pairs) {
    if (meets.has(a) && meets.has(b)) {
      meets.get(a)!.add(b);
      meets.get(b)!.add(a);
    }
  }
  return new Map([...meets].map(([color, others]) => [color, [...others]]));
}

/** The first adjacency of `from` whose neighbour is not below `to`. */
export function lowerBound(topology: Topology, from: number, to: number): number {
  let low = topology.first[from]!;
  let high = topology.first[from + 1]!;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (topology.to[middle]! < to) low = middle + 1;
    else high = middle;
  }
  return low;
}

const SITE_RADIX = 2 ** 20;

function pack(from: number, to: number, fromUplink: number, toUplink: number): number {
  return (from * SITE_RADIX + to) * 64 + fromUplink * 8 + toUplink;
}

function unpack(key: number): [from: number, to: number, fromUplink: number, toUplink: number] {
  const uplinks = key % 64;
  const pair = (key - uplinks) / 64;
  return [Math.floor(pair / SITE_RADIX), pair % SITE_RADIX, uplinks >> 3, uplinks & 7];
}
