/** Desired − actual for links, addresses, rules, routes and kernel settings. Pure. */

import type { HostChange } from "./change.ts";
import {
  type DeviceAddress,
  type Host,
  isOurDevice,
  isOurWireguard,
  type Link,
  ours,
  type Route,
  routeKey,
  type Rule,
  sameRoute,
} from "./host.ts";

/**
 * The changes that turn `actual` into `desired`, in the order in which they must be made: what is
 * wrong goes first, then devices, addresses, routes, and at last the rules that send traffic there.
 * Of `actual` only what is ours is ever touched; settings that `desired` does not name stay.
 */
export function planHost(desired: Host, actual: Host): HostChange[] {
  const present = ours(actual);
  return [
    ...settings(desired, present, (path) => !ofOurDevice(path)),
    ...removedRules(desired, present),
    ...removedRoutes(desired, present),
    ...removedAddresses(desired, present),
    ...removedLinks(desired, present),
    ...links(desired, present),
    ...settings(desired, present, ofOurDevice),
    ...addresses(desired, present),
    ...routes(desired, present),
    ...rules(desired, present),
  ];
}

/** Changes that take something away: they come before a new forwarding table, the others after. */
export function isRemoval(change: HostChange): boolean {
  return change.kind.endsWith("-remove");
}

function settings(
  desired: Host,
  actual: Host,
  which: (path: string) => boolean,
): HostChange[] {
  const found = new Map(actual.settings.map(({ path, value }) => [path, value]));
  return desired.settings
    .filter(({ path, value }) => which(path) && found.get(path) !== value)
    .map(({ path, value }) => ({
      kind: "setting",
      path,
      from: found.get(path) ?? null,
      to: value,
    }));
}

/** `net/ipv4/conf/<device>/…`: it is there only once the device is. */
function ofOurDevice(path: string): boolean {
  return isOurDevice(path.split("/")[3] ?? "");
}

function removedLinks(desired: Host, actual: Host): HostChange[] {
  const wanted = new Map(desired.links.map((link) => [link.name, link]));
  return actual.links.filter((link) => !wanted.has(link.name)).flatMap((link): HostChange[] => {
    if (link.kind === "wireguard") return [{ kind: "wireguard-remove", device: link.name }];
    // A userspace WireGuard under our name is somebody's process: it is used, never removed.
    if (isOurWireguard(link.name)) return [];
    return [{ kind: "tun-remove", device: link.name }];
  });
}

function links(desired: Host, actual: Host): HostChange[] {
  const found = new Map(actual.links.map((link) => [link.name, link]));
  return desired.links.flatMap((link) => {
    const present = found.get(link.name);
    if (present) return adjustments(link, present);
    return [
      {
        kind: isOurWireguard(link.name) ? "wireguard-add" : "tun-add",
        device: link.name,
      },
      {
        kind: "link-set",
        device: link.name,
        mtu: link.mtu,
        ...(link.master === null ? {} : { master: link.master }),
        ...(link.up ? { up: true as const } : {}),
      },
    ];
  });
}

function adjustments(wanted: Link, present: Link): HostChange[] {
  const change: HostChange = {
    kind: "link-set",
    device: wanted.name,
    ...(wanted.mtu === present.mtu ? {} : { mtu: wanted.mtu }),
    ...(wanted.master === present.master ? {} : { master: wanted.master }),
    ...(wanted.up && !present.up ? { up: true as const } : {}),
  };
  return Object.keys(change).length > 2 ? [change] : [];
}

function removedAddresses(desired: Host, actual: Host): HostChange[] {
  const wanted = new Set(desired.addresses.map(addressKey));
  // A device that goes takes its addresses with it.
  const going = new Set(
    removedLinks(desired, actual).map((change) => "device" in change ? change.device : ""),
  );
  return actual.addresses
    .filter((address) => !going.has(address.device) && !wanted.has(addressKey(address)))
    .map((address) => ({ kind: "address-remove", address }));
}

function addresses(desired: Host, actual: Host): HostChange[] {
  const found = new Set(actual.addresses.map(addressKey));
  return desired.addresses
    .filter((address) => !found.has(addressKey(address)))
    .map((address) => ({ kind: "address-add", address }));
}

function removedRules(desired: Host, actual: Host): HostChange[] {
  const wanted = new Set(desired.rules.map(ruleKey));
  return actual.rules.filter((rule) => !wanted.has(ruleKey(rule)))
    .map((rule) => ({ kind: "rule-remove", rule }));
}

function rules(desired: Host, actual: Host): HostChange[] {
  const found = new Set(actual.rules.map(ruleKey));
  return desired.rules.filter((rule) => !found.has(ruleKey(rule)))
    .map((rule) => ({ kind: "rule-add", rule }));
}

function removedRoutes(desired: Host, actual: Host): HostChange[] {
  const wanted = new Set(desired.routes.map(routeKey));
  return actual.routes.filter((route) => !wanted.has(routeKey(route)))
    .map((route) => ({ kind: "route-remove", route }));
}

function routes(desired: Host, actual: Host): HostChange[] {
  const found = new Map<string, Route>(actual.routes.map((route) => [routeKey(route), route]));
  return desired.routes.flatMap((route): HostChange[] => {
    const present = found.get(routeKey(route));
    if (!present) return [{ kind: "route-add", route }];
    return sameRoute(route, present) ? [] : [{ kind: "route-replace", route }];
  });
}

function addressKey({ device, address }: DeviceAddress): string {
  return `${device} ${address}`;
}

function ruleKey({ family, priority, mark, table }: Rule): string {
  return `${family} ${priority} ${mark} ${table}`;
}
