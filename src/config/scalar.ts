/** Single values of the file: text → value, or what would be accepted in its place. */

import ipaddr from "ipaddr.js";
import { DSCP, PROTOCOLS } from "../match/words.ts";
import type { Address, Prefix, PublicKey } from "../model/quantity.ts";

/** Thrown by the parsers below with what is accepted instead. */
export class Unaccepted extends Error {}

function refuse(accepted: string): never {
  throw new Unaccepted(accepted);
}

/** Letters of names: they go into interface names, keys of paths, metrics and file names. */
export const NAME = /^[a-z0-9](?:[a-z0-9_-]{0,30}[a-z0-9])?$/;
export const NAME_ACCEPTED =
  "a name: 1–32 lower-case letters, digits, - or _, beginning and ending with a letter or digit";

export function isName(text: string): boolean {
  return NAME.test(text);
}

export function parseName(text: string): string {
  return isName(text) ? text : refuse(NAME_ACCEPTED);
}

export function parseAddress(text: string): Address {
  const bytes = addressBytes(text);
  if (!bytes) refuse("an IPv4 or IPv6 address, e.g. 192.0.2.1 or 2001:db8::1");
  return ipaddr.fromByteArray(bytes).toString() as Address;
}

/** Four or sixteen bytes; no octal or shortened IPv4, no zone, no IPv4 in IPv6's clothes. */
export function addressBytes(text: string): number[] | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text).toByteArray();
  if (!text.includes(":") || text.includes("%") || !ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? undefined : address.toByteArray();
}

export { isIpv6 } from "../match/prefix.ts";

export function parsePrefix(text: string): Prefix {
  const accepted = "a prefix, e.g. 10.1.0.0/24 or 2001:db8:1::/64";
  const [, head, tail] = /^(.+)\/(\d{1,3})$/.exec(text) ?? [];
  const bytes = head === undefined ? addressBytes(text) : addressBytes(head);
  if (!bytes) refuse(accepted);
  const whole = ipaddr.fromByteArray(bytes).toString();
  if (head === undefined) {
    refuse(`${accepted}; for the single address write ${whole}/${bytes.length * 8}`);
  }
  const length = Number(tail);
  if (length > bytes.length * 8) refuse(`a prefix length from 0 to ${bytes.length * 8} after "/"`);
  const network = ipaddr.fromByteArray(masked(bytes, length)).toString();
  if (network !== whole) {
    refuse(`the network's own address before "/" (no host bits): ${network}/${length}`);
  }
  return `${network}/${length}` as Prefix;
}

function masked(bytes: readonly number[], length: number): number[] {
  return bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - i * 8))) & 0xff);
}

export interface Range {
  readonly family: 4 | 6;
  readonly bytes: readonly number[];
  readonly length: number;
}

/** Of a prefix or address in canonical form. */
export function rangeOf(canonical: string): Range {
  const [head, tail] = canonical.split("/");
  const bytes = addressBytes(head!)!;
  return {
    family: bytes.length === 4 ? 4 : 6,
    bytes,
    length: tail === undefined ? bytes.length * 8 : Number(tail),
  };
}

export function overlap(a: Range, b: Range): boolean {
  if (a.family !== b.family) return false;
  const shorter = Math.min(a.length, b.length);
  const other = masked(b.bytes, shorter);
  return masked(a.bytes, shorter).every((byte, i) => byte === other[i]);
}

/** Order of addresses, shorter prefixes first; IPv4 before IPv6. */
export function compareRanges(a: Range, b: Range): number {
  if (a.family !== b.family) return a.family - b.family;
  for (let i = 0; i < a.bytes.length; i++) {
    if (a.bytes[i] !== b.bytes[i]) return a.bytes[i]! - b.bytes[i]!;
  }
  return a.length - b.length;
}

export interface Endpoint {
  readonly host: string;
  /** Absent in the file: the uplink's own `port`. */
  readonly port: number | undefined;
}

const ENDPOINT = "an address or DNS name, alone or with a port: " +
  "198.51.100.1, 198.51.100.1:51820, [2001:db8::1]:51820 or vpn.example.net:51820";
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i;

export function parseEndpoint(text: string): Endpoint {
  const bracketed = /^\[(.*)\](?::(.*))?$/.exec(text);
  if (bracketed) {
    const bytes = addressBytes(bracketed[1]!);
    if (bytes?.length !== 16) refuse(ENDPOINT);
    return { host: ipaddr.fromByteArray(bytes).toString(), port: endpointPort(bracketed[2]) };
  }
  const bytes = addressBytes(text);
  if (bytes) return { host: ipaddr.fromByteArray(bytes).toString(), port: undefined };
  const [, host, port] = /^([^:]+)(?::(.*))?$/.exec(text) ?? [];
  if (host === undefined) refuse(ENDPOINT);
  const labels = host.replace(/\.$/, "").split(".");
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(host);
  // A last label of digits alone would be an IPv4 address with a slip in it (RFC 3696 §2).
  const isName = host.length <= 253 && labels.every((label) => LABEL.test(label)) &&
    !/^\d+$/.test(labels.at(-1)!);
  if (!isAddress && !isName) refuse(ENDPOINT);
  return { host: host.toLowerCase(), port: endpointPort(port) };
}

function endpointPort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65535) {
    refuse('a port from 1 to 65535 after ":"');
  }
  return Number(text);
}

export function parsePublicKey(text: string): PublicKey {
  // 32 bytes: 43 digits, of which the last carries four bits, and one "=".
  if (!/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(text) || /^A{43}=$/.test(text)) {
    refuse(
      "a WireGuard public key as `labelway keygen` or `wg pubkey` writes it: 44 base64 digits",
    );
  }
  return text as PublicKey;
}

/** `1 Gbit/s` → bit/s. */
export function parseBandwidth(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([kMGT]?)bit\/s$/.exec(text) ?? [];
  const scale = { "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 }[unit ?? ""]!;
  const rate = Math.round(Number(number) * scale);
  if (!(rate >= 1 && rate <= 100e12)) {
    refuse("a rate with its unit (bit/s, kbit/s, Mbit/s, Gbit/s), e.g. 100 Mbit/s or 2.5 Gbit/s");
  }
  return rate;
}

/** `100ms` → milliseconds, whole, within the limits. */
export function parseMillis(text: string, least: number, most: number): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?(ms|s)$/.exec(text) ?? [];
  const millis = Number(number) * (unit === "s" ? 1000 : 1);
  if (!(Number.isInteger(millis) && millis >= least && millis <= most)) {
    refuse(`a time with its unit (ms, s), in whole milliseconds, from ${least}ms to ${most}ms`);
  }
  return millis;
}

export function parseDscp(value: string | number): number {
  const known = typeof value === "number" ? value : DSCP[value.toLowerCase()];
  if (known === undefined || !Number.isInteger(known) || known < 0 || known > 63) {
    refuse("a DSCP: a number from 0 to 63, or ef, va, le, be, cs0–cs7, af11–af43");
  }
  return known;
}

export function parseProtocol(value: string | number): number {
  const known = typeof value === "number" ? value : PROTOCOLS[value.toLowerCase()];
  if (known === undefined || !Number.isInteger(known) || known < 0 || known > 255) {
    refuse(`an IP protocol: a number from 0 to 255, or ${Object.keys(PROTOCOLS).join(", ")}`);
  }
  return known;
}

export function parsePorts(value: string | number): [low: number, high: number] {
  const [, first, last] = /^(\d{1,5})(?: ?- ?(\d{1,5}))?$/.exec(String(value)) ?? [];
  const low = Number(first);
  const high = Number(last ?? first);
  if (!(low <= high && high <= 65535)) {
    refuse("a port from 0 to 65535, or a range with the smaller first, e.g. 10000-20000");
  }
  return [low, high];
}

export interface UplinkReference {
  readonly site: string;
  readonly uplink: string;
}

/** `lisbon.fibre > hub.fibre` */
export function parseHop(text: string): { from: UplinkReference; to: UplinkReference } {
  const found = /^\s*([^\s.>]+)\.([^\s.>]+)\s*>\s*([^\s.>]+)\.([^\s.>]+)\s*$/.exec(text);
  if (!found) refuse("one hop as SITE.UPLINK > SITE.UPLINK, e.g. lisbon.fibre > hub.fibre");
  const [, site, uplink, toSite, toUplink] = found as unknown as string[];
  return {
    from: { site: site!, uplink: uplink! },
    to: { site: toSite!, uplink: toUplink! },
  };
}
