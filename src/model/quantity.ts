/** Quantities and identifiers as distinct types: a {@link Label} is a number, a number is no Label. */

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** An MPLS label, 0–1048575 (RFC 3032 §2.1). */
export type Label = Branded<number, "Label">;
/** Node index within the SRGB (RFC 8402 §3.1); written in the file as a site's `sid`. */
export type Sid = Branded<number, "Sid">;
/** Number of an uplink within its site, 0–7. */
export type UplinkNumber = Branded<number, "UplinkNumber">;
/** Number of a segment (VPN), unique in the network. */
export type SegmentNumber = Branded<number, "SegmentNumber">;
/** Hash of a configuration: 16 lower-case hexadecimal digits. */
export type Generation = Branded<string, "Generation">;
/** WireGuard public key, base64 as `wg` writes it. */
export type PublicKey = Branded<string, "PublicKey">;
/** CIDR text in canonical form (host bits zero, IPv6 compressed): `10.1.0.0/24`. */
export type Prefix = Branded<string, "Prefix">;
/** An IPv4 or IPv6 address in canonical text. */
export type Address = Branded<string, "Address">;
/** Milliseconds since the epoch. */
export type Instant = Branded<number, "Instant">;

/** A label block `[base, base + size)`. */
export interface LabelBlock {
  readonly base: number;
  readonly size: number;
}

/** `1 path`, `2 paths`, `0 adjacencies`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
