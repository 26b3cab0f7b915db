/** From a network and its forwarding table to what the system has to be told about one site. */

import type { Table } from "../model/boundary.ts";
import type { Network, Site, Uplink } from "../model/network.ts";
import type { PublicKey } from "../model/quantity.ts";
import { settingPaths, type SiteUnderlay } from "../underlay/desired.ts";
import { type Host, markOf } from "../underlay/host.ts";
import type { DesiredInterface, DesiredPeer } from "../underlay/wireguard.ts";
import type { Configuration } from "./event.ts";

/**
 * Seconds between the packets that hold a NAT's mapping open: under the 30 s that the stingiest
 * boxes keep one of UDP (WireGuard's own advice).
 */
const KEEPALIVE_SECONDS = 25;

/** Where the uplinks of other sites can be reached, as far as it is known. */
export interface Endpoints {
  /** Addresses of a host name or the literal address itself; none: not known. */
  addressesOf(host: string): readonly string[];
  /** The file says another endpoint for this peer than before, or its name now means another. */
  isNew(peer: PublicKey): boolean;
}

export function underlayOf(network: Network, site: Site, table: Table): SiteUnderlay {
  const sites = new Map(network.segments.map((segment) => [segment.number as number, segment]));
  const home = lowest(table);
  const loopbacks = [
    ...(site.loopback4 === undefined ? [] : [`${site.loopback4}/32`]),
    ...(site.loopback6 === undefined ? [] : [`${site.loopback6}/128`]),
  ];
  return {
    uplinks: table.uplinks.map((entry, index) => {
      const uplink = uplinkOf(site, entry.key);
      return {
        name: uplink.name,
        number: uplink.number,
        device: entry.device,
        interface: entry.interface,
        backend: entry.backend,
        tunnelAddress: entry.tunnel_address,
        mtu: uplink.mtu,
        gateway4: uplink.gateway4 ?? null,
        gateway6: uplink.gateway6 ?? null,
        neighbours: neighbours(table, index).map((adjacency) => adjacency.remote_address),
      };
    }),
    segments: table.segments.map((segment) => ({
      name: segment.name,
      tun: segment.tun,
      mtu: segment.mtu,
      vrf: sites.get(segment.number)?.vrf ?? null,
      addresses: segment.number === home ? loopbacks : [],
      remote: segment.routes.map((route) => route.prefix),
    })),
  };
}

export function interfacesOf(
  network: Network,
  site: Site,
  table: Table,
  endpoints: Endpoints,
  host: Host,
): DesiredInterface[] {
  const remotes = uplinksByKey(network);
  return table.uplinks.map((entry, index) => {
    const uplink = uplinkOf(site, entry.key);
    const peers = neighbours(table, index).map((adjacency): DesiredPeer => {
      const publicKey = adjacency.remote_key as PublicKey;
      const remote = remotes.get(publicKey);
      const endpoint = remote?.endpoint;
      const address = endpoint &&
        choose(endpoints.addressesOf(endpoint.host), familiesOf(uplink.device, host));
      return {
        publicKey,
        allowedIps: [`${adjacency.remote_address}/32`],
        endpoint: address ? joined(address, endpoint.port) : null,
        endpointChanged: endpoints.isNew(publicKey),
        // Who cannot be reached first keeps the way to itself open.
        persistentKeepalive: endpoint && !uplink.endpoint ? KEEPALIVE_SECONDS : null,
      };
    });
    peers.sort((a, b) => a.publicKey < b.publicKey ? -1 : 1);
    return {
      name: entry.interface,
      publicKey: uplink.publicKey,
      listenPort: uplink.listenPort,
      mark: markOf(uplink.number),
      peers,
    };
  });
}

/** What of the system decides here. */
export function whatToObserve({ network, site }: Configuration, table: Table) {
  return {
    interfaces: table.uplinks.map((uplink) => uplink.interface),
    settings: settingPaths(underlayOf(network, site, table)),
  };
}

/** The peers of an interface. */
export function peersOf(table: Table, interfaceName: string): PublicKey[] {
  const index = table.uplinks.findIndex((uplink) => uplink.interface === interfaceName);
  return table.adjacencies.filter((adjacency) => adjacency.uplink === index)
    .map((adjacency) => adjacency.remote_key as PublicKey);
}

/** The peers whose endpoint has this name. */
export function peersNamed(network: Network, table: Table, host: string): PublicKey[] {
  return [...remoteUplinks(network, table)]
    .filter(([, uplink]) => uplink.endpoint?.host === host).map(([key]) => key);
}

/** The remote uplinks of this site's adjacencies, by public key. */
export function remoteUplinks(network: Network, table: Table): Map<PublicKey, Uplink> {
  const all = uplinksByKey(network);
  return new Map(
    table.adjacencies.flatMap(({ remote_key }) => {
      const uplink = all.get(remote_key as PublicKey);
      return uplink ? [[remote_key as PublicKey, uplink] as const] : [];
    }),
  );
}

/** Whose key it is, for people: `porto.lte`. */
export function nameOfKey(network: Network, key: PublicKey): string {
  for (const site of network.sites) {
    const uplink = site.uplinks.find((one) => one.publicKey === key);
    if (uplink) return `${site.name}.${uplink.name}`;
  }
  return key;
}

export function isAddress(host: string): boolean {
  return host.includes(":") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

function uplinksByKey(network: Network): Map<PublicKey, Uplink> {
  return new Map(
    network.sites.flatMap((site) => site.uplinks.map((uplink) => [uplink.publicKey, uplink])),
  );
}

function neighbours(table: Table, uplink: number) {
  return table.adjacencies.filter((adjacency) => adjacency.uplink === uplink);
}

function lowest(table: Table): number {
  return Math.min(...table.segments.map((segment) => segment.number));
}

function uplinkOf(site: Site, name: string): Uplink {
  const uplink = site.uplinks.find((one) => one.name === name);
  if (!uplink) throw new Error(`The table names uplink ${name}, which ${site.name} does not have`);
  return uplink;
}

/** Families in which the device has an address of more than its own link. */
function familiesOf(device: string, host: Host): { v4: boolean; v6: boolean } {
  const own = host.addresses.filter((entry) => entry.device === device);
  return {
    v4: own.some(({ address }) => !address.includes(":")),
    v6: own.some(({ address }) => address.includes(":") && !address.startsWith("fe80:")),
  };
}

/** IPv4 first (20 bytes less a packet), unless the uplink speaks IPv6 alone. */
function choose(addresses: readonly string[], has: { v4: boolean; v6: boolean }): string | null {
  const v4 = addresses.find((address) => !address.includes(":"));
  const v6 = addresses.find((address) => address.includes(":"));
  if (v4 !== undefined && (has.v4 || !has.v6)) return v4;
  if (v6 !== undefined && has.v6) return v6;
  return v4 ?? v6 ?? null;
}

function joined(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
