/** What the system's network state has to be for one site, as far as the router is responsible. */

import {
  type DeviceAddress,
  type Family,
  type Host,
  type Link,
  MAIN_TABLE,
  markOf,
  OUR_PROTOCOL,
  type Route,
  type Rule,
  RULE_PRIORITY,
  type Setting,
  tableOf,
} from "./host.ts";

/** One site's part of the network, reduced to what the system has to be told. */
export interface SiteUnderlay {
  readonly uplinks: readonly UplinkUnderlay[];
  readonly segments: readonly SegmentUnderlay[];
}

export interface UplinkUnderlay {
  readonly name: string;
  readonly number: number;
  readonly device: string;
  /** The WireGuard interface. */
  readonly interface: string;
  readonly backend: "kernel" | "embedded";
  readonly tunnelAddress: string;
  /** Underlay MTU, bytes. */
  readonly mtu: number;
  readonly gateway4: string | null;
  readonly gateway6: string | null;
  /** Addresses of the neighbours inside the tunnels. */
  readonly neighbours: readonly string[];
}

export interface SegmentUnderlay {
  readonly name: string;
  readonly tun: string;
  readonly mtu: number;
  readonly vrf: string | null;
  /** The site's loopbacks, on one segment of the site; with their length. */
  readonly addresses: readonly string[];
  /** Prefixes at other sites. */
  readonly remote: readonly string[];
}

/** A WireGuard packet's room: underlay MTU less IPv6 (40), UDP (8) and WireGuard (32). */
const WIREGUARD_OVERHEAD_BYTES = 80;

/** Behind everything else in an uplink's table: nothing leaves by another device. */
const LAST_METRIC = 4294967295;

/** `ip` shows and the kernel uses it where IPv6 routes are given none. */
const IPV6_DEFAULT_METRIC = 1024;

const DEFAULT_ROUTE: Record<Family, string> = { 4: "0.0.0.0/0", 6: "::/0" };

/** The kernel made the route itself, for an address of the device. */
const KERNEL_PROTOCOL = 2;

/** `actual` tells the gateways, connected networks, VRF tables and settings that are found there. */
export function desiredHost(
  site: SiteUnderlay,
  actual: Host,
): { host: Host; problems: string[]; warnings: string[] } {
  const problems: string[] = [];
  const warnings: string[] = [];
  const families: Family[] = hasIpv6(actual) ? [4, 6] : [4];
  const links: Link[] = [];
  const addresses: DeviceAddress[] = [];
  const rules: Rule[] = [];
  const routes: Route[] = [];
  for (const uplink of site.uplinks) {
    if (!actual.links.some((link) => link.name === uplink.device)) {
      warnings.push(`uplink ${uplink.name}: there is no device ${uplink.device}; waiting for it`);
    }
    for (const family of families) {
      const table = tableOf(uplink.number);
      rules.push({ family, priority: RULE_PRIORITY, mark: markOf(uplink.number), table });
      routes.push(...uplinkRoutes(uplink, family, actual));
    }
    if (uplink.backend === "kernel") {
      links.push(wireguardLink(uplink));
      addresses.push({ device: uplink.interface, address: `${uplink.tunnelAddress}/32` });
      routes.push(...neighbourRoutes(uplink));
    }
  }
  for (const segment of site.segments) {
    const table = tableOfSegment(segment, actual);
    if (table === null) {
      problems.push(
        `segment ${segment.name}: there is no VRF device ${segment.vrf}; ` +
          `create it with: ip link add ${segment.vrf} type vrf table <number>`,
      );
      continue;
    }
    links.push(tunLink(segment));
    for (const address of segment.addresses) {
      if (families.includes(familyOf(address))) addresses.push({ device: segment.tun, address });
    }
    for (const destination of segment.remote) {
      const family = familyOf(destination);
      if (families.includes(family)) {
        routes.push({
          family,
          table,
          destination,
          type: "unicast",
          device: segment.tun,
          gateway: null,
          metric: defaultMetric(family),
          protocol: OUR_PROTOCOL,
        });
      }
    }
  }
  const settings = desiredSettings(site, actual);
  return { host: { links, addresses, rules, routes, settings }, problems, warnings };
}

/** Kernel settings that decide here, to be read into {@link Host.settings}. */
export function settingPaths(site: SiteUnderlay): string[] {
  const devices = [
    "all",
    "default",
    ...site.uplinks.map((uplink) => uplink.device),
    ...ownDevices(site),
  ];
  return [
    "net/ipv4/ip_forward",
    "net/ipv6/conf/all/forwarding",
    ...devices.map((device) => `net/ipv4/conf/${device}/rp_filter`),
    ...site.uplinks.map((uplink) => `net/ipv6/conf/${uplink.device}/accept_ra`),
  ];
}

function uplinkRoutes(uplink: UplinkUnderlay, family: Family, actual: Host): Route[] {
  const base = {
    family,
    table: tableOf(uplink.number),
    type: "unicast" as const,
    device: uplink.device,
    gateway: null,
    metric: defaultMetric(family),
    protocol: OUR_PROTOCOL,
  };
  const last: Route = {
    ...base,
    destination: DEFAULT_ROUTE[family],
    type: "unreachable",
    device: null,
    metric: LAST_METRIC,
  };
  const link = actual.links.find((one) => one.name === uplink.device);
  if (!link?.up) return [last];
  const connected = actual.routes.filter((route) =>
    route.family === family && route.device === uplink.device && route.gateway === null &&
    route.protocol === KERNEL_PROTOCOL && route.type === "unicast" &&
    !route.destination.startsWith("fe80:") && route.destination !== DEFAULT_ROUTE[family]
  ).map((route) => ({ ...base, destination: route.destination }));
  const given = family === 4 ? uplink.gateway4 : uplink.gateway6;
  const found = defaultRoute(uplink.device, family, actual);
  const gateway = given ?? found?.gateway ?? null;
  // Without an address of the family there is nothing to send from.
  const reachable = gateway !== null || found !== null || connected.length > 0;
  return [
    ...unique(connected),
    ...(reachable ? [{ ...base, destination: DEFAULT_ROUTE[family], gateway }] : []),
    last,
  ];
}

/** The system's own default route over the device, whichever table it stands in. */
function defaultRoute(device: string, family: Family, actual: Host): Route | null {
  const found = actual.routes.filter((route) =>
    route.family === family && route.device === device && route.type === "unicast" &&
    route.destination === DEFAULT_ROUTE[family] && route.protocol !== OUR_PROTOCOL
  );
  const rank = (route: Route) => [route.table === MAIN_TABLE ? 0 : 1, route.metric] as const;
  found.sort((a, b) => {
    const [x, y] = [rank(a), rank(b)];
    return x[0] - y[0] || x[1] - y[1];
  });
  return found[0] ?? null;
}

function wireguardLink(uplink: UplinkUnderlay): Link {
  return {
    name: uplink.interface,
    kind: "wireguard",
    mtu: uplink.mtu - WIREGUARD_OVERHEAD_BYTES,
    up: true,
    master: null,
    pointToPoint: true,
    vrfTable: null,
  };
}

function tunLink(segment: SegmentUnderlay): Link {
  return {
    name: segment.tun,
    kind: "tun",
    mtu: segment.mtu,
    up: true,
    master: segment.vrf,
    pointToPoint: true,
    vrfTable: null,
  };
}

/**
 * A neighbour's uplink can be met by several of ours, so its address has a route on each of their
 * interfaces, told apart by metric; the engine's sockets are bound to a device and take that one.
 */
function neighbourRoutes(uplink: UplinkUnderlay): Route[] {
  return uplink.neighbours.map((address) => ({
    family: 4,
    table: MAIN_TABLE,
    destination: `${address}/32`,
    type: "unicast",
    device: uplink.interface,
    gateway: null,
    metric: 1 + uplink.number,
    protocol: OUR_PROTOCOL,
  }));
}

function tableOfSegment(segment: SegmentUnderlay, actual: Host): number | null {
  if (segment.vrf === null) return MAIN_TABLE;
  return actual.links.find((link) => link.name === segment.vrf)?.vrfTable ?? null;
}

function desiredSettings(site: SiteUnderlay, actual: Host): Setting[] {
  const found = new Map(actual.settings.map(({ path, value }) => [path, value]));
  const wanted: Setting[] = [];
  for (const { device } of site.uplinks) {
    // A forwarding host ignores router advertisements, and so loses its IPv6 gateway, unless told.
    const path = `net/ipv6/conf/${device}/accept_ra`;
    if (found.get(path) === "1") wanted.push({ path, value: "2" });
  }
  wanted.push({ path: "net/ipv4/ip_forward", value: "1" });
  if (hasIpv6(actual)) wanted.push({ path: "net/ipv6/conf/all/forwarding", value: "1" });
  // Answers come in by uplinks that the main table would not use: the strict check (1) of RFC 3704
  // drops them, the loose one (2) does not. The larger of `all` and the device's counts.
  const strictAll = found.get("net/ipv4/conf/all/rp_filter") === "1";
  for (const device of [...site.uplinks.map((uplink) => uplink.device), ...ownDevices(site)]) {
    const path = `net/ipv4/conf/${device}/rp_filter`;
    const own = found.get(path) ?? found.get("net/ipv4/conf/default/rp_filter") ?? "0";
    const present = found.has(path) || ownDevices(site).includes(device);
    if (present && (own === "1" || own === "0" && strictAll)) wanted.push({ path, value: "2" });
  }
  return wanted;
}

function ownDevices(site: SiteUnderlay): string[] {
  return [
    ...site.uplinks.filter((uplink) => uplink.backend === "kernel").map((one) => one.interface),
    ...site.segments.map((segment) => segment.tun),
  ];
}

function hasIpv6(actual: Host): boolean {
  return actual.settings.some(({ path }) => path === "net/ipv6/conf/all/forwarding");
}

function defaultMetric(family: Family): number {
  return family === 4 ? 0 : IPV6_DEFAULT_METRIC;
}

function familyOf(address: string): Family {
  return address.includes(":") ? 6 : 4;
}

function unique(routes: Route[]): Route[] {
  return [...new Map(routes.map((route) => [route.destination, route])).values()];
}
