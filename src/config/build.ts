/** The checked file → the network: every default filled in, every order fixed. */

import { createHash } from "node:crypto";
import type { Network, Segment, Site, Uplink } from "../model/network.ts";
import type {
  Address,
  Generation,
  Prefix,
  PublicKey,
  SegmentNumber,
  Sid,
  UplinkNumber,
} from "../model/quantity.ts";
import { buildPolicy, classNamed } from "./build_policy.ts";
import { DEFAULT_CLASS } from "./classes.ts";
import { compareRanges, isIpv6, rangeOf } from "./scalar.ts";
import type { File, FileSite, FileUplink } from "./schema.ts";

export function buildNetwork(file: File): Network {
  const network = {
    name: file.network,
    blocks: file.blocks,
    tunnels: file.tunnels,
    ttl: file.ttl,
    penultimate: file.penultimate,
    bfd: { intervalMillis: file.bfd.interval, multiplier: file.bfd.multiplier },
    probe: {
      intervalMillis: file.probe.interval,
      downAfter: file.probe.down_after,
      upAfter: file.probe.up_after,
      authentication: file.probe.authentication,
    },
    rollout: { holdMillis: file.rollout.hold },
    backend: file.backend,
    api: file.api,
    meet: meetingPairs(file),
    sites: byName(file.sites).map(([name, site]) => buildSite(name, site)),
    segments: buildSegments(file),
    policies: file.policies.map((policy) => buildPolicy(file, policy)),
    defaultClass: classNamed(file, DEFAULT_CLASS.name)!,
  };
  return { ...network, generation: generationOf(network) };
}

/**
 * The same for two files that mean the same network: name and API port decide nothing between
 * routers, everything else does.
 */
function generationOf({ name: _, api: __, ...deciding }: Omit<Network, "generation">): Generation {
  const hash = createHash("sha256").update(canonicalJson(deciding)).digest("hex");
  return hash.slice(0, 16) as Generation;
}

/** JSON with the keys of every object in order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, each) =>
      typeof each === "object" && each !== null && !Array.isArray(each)
        ? Object.fromEntries(byName(each as Record<string, unknown>))
        : each,
  );
}

function byName<Value>(named: Record<string, Value>): [string, Value][] {
  return Object.entries(named).sort(([a], [b]) => compareText(a, b));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function meetingPairs(file: File): [string, string][] {
  const pairs = file.colors.meet.map((pair) => [...pair].sort() as [string, string]);
  const unique = new Map(pairs.map((pair) => [pair.join(" "), pair]));
  return byName(Object.fromEntries(unique)).map(([, pair]) => pair);
}

function buildSite(name: string, site: FileSite): Site {
  const { v4, v6 } = byFamily(site.loopback);
  return {
    name,
    sid: site.sid as Sid,
    ...(v4 && { loopback4: v4 }),
    ...(v6 && { loopback6: v6 }),
    transit: site.transit,
    uplinks: Object.entries(site.uplinks)
      .map(([name, uplink]) => buildUplink(name, uplink))
      .sort((a, b) => a.number - b.number),
  };
}

function buildUplink(name: string, uplink: FileUplink): Uplink {
  const { v4, v6 } = byFamily(uplink.gateway);
  const { endpoint } = uplink;
  return {
    name,
    number: uplink.number as UplinkNumber,
    color: uplink.color,
    device: uplink.device,
    listenPort: uplink.port,
    ...(endpoint && { endpoint: { host: endpoint.host, port: endpoint.port ?? uplink.port } }),
    // Empty only where the caller allowed it, before `labelway keygen`.
    publicKey: uplink.public_key ?? ("" as PublicKey),
    ...(uplink.bandwidth !== undefined && { bandwidthBitsPerSecond: uplink.bandwidth }),
    metered: uplink.metered,
    cost: uplink.cost,
    mtu: uplink.mtu,
    ...(v4 && { gateway4: v4 }),
    ...(v6 && { gateway6: v6 }),
    // Left out where there is none, so that a file without risks keeps its generation.
    ...(uplink.risks?.length && { risks: [...uplink.risks].sort() }),
  };
}

function byFamily(addresses: readonly Address[] = []): { v4?: Address; v6?: Address } {
  return { v4: addresses.find((a) => !isIpv6(a)), v6: addresses.find(isIpv6) };
}

function buildSegments(file: File): Segment[] {
  const sites = byName(file.sites);
  return Object.entries(file.segments)
    .map(([name, { number, vrf }]) => ({
      name,
      number: number as SegmentNumber,
      ...(vrf !== undefined && { vrf }),
      lans: sites.flatMap(([site, { lans }]) => {
        const prefixes = Object.hasOwn(lans, name) ? lans[name]! : [];
        return prefixes.length === 0 ? [] : [{ site, prefixes: inOrder(prefixes) }];
      }),
    }))
    .sort((a, b) => a.number - b.number);
}

function inOrder(prefixes: readonly Prefix[]): Prefix[] {
  return [...prefixes].sort((a, b) => compareRanges(rangeOf(a), rangeOf(b)));
}
