/** What `ip -json -N` prints, as {@link Host} values. Unknown fields and kinds are left aside. */

import {
  type DeviceAddress,
  type Family,
  type Link,
  MAIN_TABLE,
  type Route,
  type Rule,
} from "./host.ts";

/** Numbers of route types (rtnetlink(7)) that matter here. */
const UNICAST = 1;
const UNREACHABLE = 7;
const LOCAL_TABLE = 255;
/** rtnetlink(7): a route by hand; `ip` leaves the number out. */
const BOOT_PROTOCOL = 3;
const IPV6_DEFAULT_METRIC = 1024;

/** `ip -json -N -details link show` */
export function parseLinks(json: string): Link[] {
  return records(json).flatMap((link) => {
    if (typeof link.ifname !== "string") return [];
    const flags = Array.isArray(link.flags) ? link.flags : [];
    const info = record(link.linkinfo);
    const data = record(info?.info_data);
    return [{
      name: link.ifname,
      kind: typeof info?.info_kind === "string" ? info.info_kind : null,
      mtu: number(link.mtu) ?? 0,
      up: flags.includes("UP"),
      master: typeof link.master === "string" ? link.master : null,
      pointToPoint: flags.includes("POINTOPOINT"),
      vrfTable: info?.info_kind === "vrf" ? number(data?.table) : null,
    }];
  });
}

/** `ip -json -N address show` */
export function parseAddresses(json: string): DeviceAddress[] {
  return records(json).flatMap((link) => {
    const device = link.ifname;
    if (typeof device !== "string" || !Array.isArray(link.addr_info)) return [];
    return link.addr_info.flatMap((entry: unknown) => {
      const address = record(entry);
      if (typeof address?.local !== "string") return [];
      return [{ device, address: `${address.local}/${number(address.prefixlen) ?? 0}` }];
    });
  });
}

/** `ip -4|-6 -json -N rule show`; only rules that look at the whole mark. */
export function parseRules(json: string, family: Family): Rule[] {
  return records(json).flatMap((rule) => {
    const mark = number(rule.fwmark);
    const table = number(rule.table);
    if (mark === null || table === null || rule.fwmask !== undefined) return [];
    return [{ family, priority: number(rule.priority) ?? 0, mark, table }];
  });
}

/** `ip -4|-6 -json -N route show table all`, without the local table. */
export function parseRoutes(json: string, family: Family): Route[] {
  return records(json).flatMap((route) => {
    const table = number(route.table) ?? MAIN_TABLE;
    const type = number(route.type) ?? UNICAST;
    if (table === LOCAL_TABLE || type !== UNICAST && type !== UNREACHABLE) return [];
    if (typeof route.dst !== "string") return [];
    const hops = Array.isArray(route.nexthops) ? route.nexthops.map(record) : [route];
    return hops.map((hop) => ({
      family,
      table,
      destination: destination(route.dst as string, family),
      type: type === UNREACHABLE ? "unreachable" as const : "unicast" as const,
      device: type === UNICAST && typeof hop?.dev === "string" ? hop.dev : null,
      gateway: typeof hop?.gateway === "string" ? hop.gateway : null,
      metric: number(route.metric) ?? (family === 4 ? 0 : IPV6_DEFAULT_METRIC),
      protocol: number(route.protocol) ?? BOOT_PROTOCOL,
    }));
  });
}

function destination(text: string, family: Family): string {
  if (text === "default") return family === 4 ? "0.0.0.0/0" : "::/0";
  return text.includes("/") ? text : `${text}/${family === 4 ? 32 : 128}`;
}

function records(json: string): Record<string, unknown>[] {
  // `ip` prints nothing at all where there is nothing to list.
  if (json.trim() === "") return [];
  const list: unknown = JSON.parse(json);
  return Array.isArray(list) ? list.map(record).filter((entry) => entry !== undefined) : [];
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : undefined;
}

function number(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || value === "") return null;
  const parsed = Number(value);
  return Number.isInteger(parsed) ? parsed : null;
}
