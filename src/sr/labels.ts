/** The label plan of ARCHITECTURE.md: number → label and back, and what else follows from numbers. */

import type { LabelBlocks, Network, Segment, Site, Uplink } from "../model/network.ts";
import type { Address, Label, SegmentNumber, Sid, UplinkNumber } from "../model/quantity.ts";

/**
 * What an underlay packet spends before the label stack, bytes: IPv6 40, UDP 8, WireGuard 32, inner
 * IPv4 20, UDP 8. IPv6 always, so that the MTU does not change when an endpoint does.
 */
export const OVERHEAD_BYTES = 108;
/** RFC 3032 §2.1. */
export const LABEL_BYTES = 4;
/** RFC 3032 §2.1; anywhere in the stack since RFC 4182. */
export const EXPLICIT_NULL = 0 as Label;
/** Uplinks are numbered 0 to 7 within a site. */
export const UPLINKS_PER_SITE = 8;
/** IFNAMSIZ less the terminating zero. */
const INTERFACE_NAME_BYTES = 15;

/** RFC 8660 §2.4: base of the SRGB, which is the same at every site, and the index. */
export function nodeLabel(blocks: LabelBlocks, sid: Sid): Label {
  return blocks.srgb.base + sid as Label;
}

/** Means "out by uplink `local` to uplink `remoteUplink` of the site `remote`" at each site alike. */
export function adjacencyLabel(
  blocks: LabelBlocks,
  remote: Sid,
  local: number,
  remoteUplink: number,
): Label {
  return blocks.srlb.base + (remote * UPLINKS_PER_SITE + local) * UPLINKS_PER_SITE +
    remoteUplink as Label;
}

export function serviceLabel(blocks: LabelBlocks, segment: SegmentNumber): Label {
  return blocks.services.base + segment as Label;
}

export type LabelMeaning =
  | { readonly kind: "explicit-null" }
  | { readonly kind: "node"; readonly sid: Sid }
  | {
    readonly kind: "adjacency";
    readonly remote: Sid;
    readonly local: UplinkNumber;
    readonly remoteUplink: UplinkNumber;
  }
  | { readonly kind: "service"; readonly segment: SegmentNumber }
  | { readonly kind: "unknown" };

/** What a label means by its block; whether there is such a site or segment is another question. */
export function labelMeaning(blocks: LabelBlocks, label: number): LabelMeaning {
  if (label === 0 || label === 2) return { kind: "explicit-null" };
  const within = (block: { base: number; size: number }) =>
    label >= block.base && label < block.base + block.size;
  if (within(blocks.srgb)) return { kind: "node", sid: label - blocks.srgb.base as Sid };
  if (within(blocks.services)) {
    return { kind: "service", segment: label - blocks.services.base as SegmentNumber };
  }
  if (!within(blocks.srlb)) return { kind: "unknown" };
  const index = label - blocks.srlb.base;
  return {
    kind: "adjacency",
    remote: Math.floor(index / UPLINKS_PER_SITE ** 2) as Sid,
    local: Math.floor(index / UPLINKS_PER_SITE) % UPLINKS_PER_SITE as UplinkNumber,
    remoteUplink: index % UPLINKS_PER_SITE as UplinkNumber,
  };
}

/**
 * A label in words: `adjacency SID lisbon.fibre > hub.fibre`. An adjacency SID says only the number
 * of the uplink that it leaves by; `at` names the site that reads it.
 */
export function describeLabel(network: Network, label: number, at?: string): string {
  const meaning = labelMeaning(network.blocks, label);
  switch (meaning.kind) {
    case "explicit-null":
      return "explicit null";
    case "node": {
      const site = network.sites.find((one) => one.sid === meaning.sid);
      return site ? `node SID ${site.name}` : `node SID of unknown site ${meaning.sid}`;
    }
    case "service": {
      const segment = network.segments.find((one) => one.number === meaning.segment);
      return segment ? `segment ${segment.name}` : `unknown segment ${meaning.segment}`;
    }
    case "adjacency": {
      const here = network.sites.find((one) => one.name === at);
      const there = network.sites.find((one) => one.sid === meaning.remote);
      const near = uplinkName(here, meaning.local);
      const far = uplinkName(there, meaning.remoteUplink);
      return `adjacency SID ${here ? `${here.name}.` : ""}${near} > ${
        there?.name ?? `unknown site ${meaning.remote}`
      }.${far}`;
    }
    case "unknown":
      return "outside every block";
  }
}

/** Address of an uplink inside the tunnels: `tunnels + sid × 8 + number`. */
export function tunnelAddress(network: Network, sid: Sid, uplink: UplinkNumber): Address {
  const [address] = network.tunnels.split("/");
  const base = address!.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const value = base + sid * UPLINKS_PER_SITE + uplink;
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".") as Address;
}

/** Name of an uplink's WireGuard interface: `lw-0-fibre`. */
export function interfaceName(uplink: Pick<Uplink, "number" | "name">): string {
  return cut(`lw-${uplink.number}-${uplink.name}`);
}

/** Name of a segment's TUN: `lws1-office`. */
export function tunName(segment: Pick<Segment, "number" | "name">): string {
  return cut(`lws${segment.number}-${segment.name}`);
}

/** `0x4c570000 + number`: "LW", on every packet that WireGuard sends for this uplink. */
export function firewallMark(uplink: Pick<Uplink, "number">): number {
  return 0x4c570000 + uplink.number;
}

/** `19543000 + number`. */
export function routingTable(uplink: Pick<Uplink, "number">): number {
  return 19_543_000 + uplink.number;
}

function uplinkName(site: Site | undefined, number: number): string {
  return site?.uplinks.find((uplink) => uplink.number === number)?.name ?? `uplink ${number}`;
}

/** Whole characters only, so that the name stays valid UTF-8. */
function cut(name: string): string {
  let kept = "";
  for (const character of name) {
    if (new TextEncoder().encode(kept + character).length > INTERFACE_NAME_BYTES) break;
    kept += character;
  }
  return kept;
}
