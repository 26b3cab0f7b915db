/**
 * The part of the system's network state that the router reads and writes: as values, so that the
 * difference between what is wanted and what is there can be computed and tested without a kernel.
 */

export type Family = 4 | 6;

/** The kernel's main routing table. */
export const MAIN_TABLE = 254;

/** Marks our routes (`proto 76`), so that a restart knows them from everybody else's. */
export const OUR_PROTOCOL = 76;

/** Firewall mark of uplink 0; the others follow by their numbers. */
export const FIRST_MARK = 0x4c570000;

/** Routing table of uplink 0; the others follow by their numbers. */
export const FIRST_TABLE = 19543000;

/** Uplink numbers are 0–7. */
export const UPLINKS_PER_SITE = 8;

/** Rules of uplinks come before the kernel's own for the main table (32766). */
export const RULE_PRIORITY = 19543;

export interface Link {
  readonly name: string;
  /** `wireguard`, `tun`, `veth`, `vrf`, …; null where the kernel tells none (real hardware). */
  readonly kind: string | null;
  readonly mtu: number;
  readonly up: boolean;
  /** The device that it belongs to (a VRF or a bridge). */
  readonly master: string | null;
  readonly pointToPoint: boolean;
  /** Routing table, where the device is a VRF. */
  readonly vrfTable: number | null;
}

export interface DeviceAddress {
  readonly device: string;
  /** With its length: `10.255.0.1/32`. */
  readonly address: string;
}

export interface Rule {
  readonly family: Family;
  readonly priority: number;
  readonly mark: number;
  readonly table: number;
}

export interface Route {
  readonly family: Family;
  readonly table: number;
  /** In canonical form with its length: `0.0.0.0/0`, `2001:db8::/48`. */
  readonly destination: string;
  readonly type: "unicast" | "unreachable";
  readonly device: string | null;
  readonly gateway: string | null;
  /** IPv4 without one is 0, IPv6 1024. */
  readonly metric: number;
  readonly protocol: number;
}

/** A kernel setting by its path below `/proc/sys`, as `net/ipv4/ip_forward`. */
export interface Setting {
  readonly path: string;
  readonly value: string;
}

export interface Host {
  readonly links: readonly Link[];
  readonly addresses: readonly DeviceAddress[];
  readonly rules: readonly Rule[];
  readonly routes: readonly Route[];
  readonly settings: readonly Setting[];
}

export const EMPTY_HOST: Host = { links: [], addresses: [], rules: [], routes: [], settings: [] };

export function markOf(uplink: number): number {
  return FIRST_MARK + uplink;
}

export function tableOf(uplink: number): number {
  return FIRST_TABLE + uplink;
}

export function isOurTable(table: number): boolean {
  return table >= FIRST_TABLE && table < FIRST_TABLE + UPLINKS_PER_SITE;
}

export function isOurMark(mark: number): boolean {
  return mark >= FIRST_MARK && mark < FIRST_MARK + UPLINKS_PER_SITE;
}

/** Names that only this program gives: WireGuard interfaces and the devices of segments. */
export function isOurDevice(name: string): boolean {
  return isOurWireguard(name) || /^lws\d+-/.test(name);
}

export function isOurWireguard(name: string): boolean {
  return /^lw-[0-7]-/.test(name);
}

/** Two routes of one key cannot both be in the kernel: the later replaces the earlier. */
export function routeKey(route: Route): string {
  return `${route.family} ${route.table} ${route.destination} ${route.metric}`;
}

export function sameRoute(a: Route, b: Route): boolean {
  return routeKey(a) === routeKey(b) && a.type === b.type && a.device === b.device &&
    a.gateway === b.gateway && a.protocol === b.protocol;
}

/** What of `host` this program made or would have to take over: never another's routes or rules. */
export function ours(host: Host): Host {
  return {
    links: host.links.filter((link) => isOurDevice(link.name)),
    addresses: host.addresses.filter(({ device, address }) =>
      // The kernel gives every device a link-local address by itself.
      isOurDevice(device) && !address.startsWith("fe80:")
    ),
    rules: host.rules.filter((rule) => isOurMark(rule.mark)),
    routes: host.routes.filter((route) =>
      isOurTable(route.table) || route.protocol === OUR_PROTOCOL
    ),
    settings: host.settings,
  };
}
