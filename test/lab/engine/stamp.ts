/**
 * Authenticated STAMP as its documents have it, written without a look at the engine's: fields by
 * the figures of RFC 8762 §4.2.2 and §4.3.2, TLVs by RFC 8972 §4, codes by Node's `crypto`.
 */

import { createHmac } from "node:crypto";

export const BASE_BYTES = 112;
const CODE_BYTES = 16;
export const HMAC_TLV = 8;
const PADDING_TLV = 1;

/** A session as ARCHITECTURE.md names it for the derivation of its keys. */
export interface Session {
  readonly sender: string;
  readonly reflector: string;
  readonly senderPort: number;
  readonly session: number;
}

/** HKDF-Expand (RFC 5869 §2.3), one block. */
export function sessionKey(
  networkKey: Uint8Array,
  role: "probe" | "answer",
  { sender, reflector, senderPort, session }: Session,
): Uint8Array {
  const info = Uint8Array.from([
    ...new TextEncoder().encode(`labelway stamp ${role}`),
    ...[sender, reflector].flatMap((address) => address.split(".").map(Number)),
    ...[senderPort, session].flatMap((number) => [number >> 8, number & 255]),
  ]);
  return createHmac("sha256", networkKey).update(info).update(Uint8Array.of(1)).digest();
}

export function code(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  const hmac = createHmac("sha256", key);
  for (const part of parts) hmac.update(part);
  return hmac.digest().subarray(0, CODE_BYTES);
}

export interface Tlv {
  readonly flags: number;
  readonly type: number;
  /** Where its header begins in the packet. */
  readonly at: number;
  readonly value: Uint8Array;
}

export function tlvsOf(packet: Uint8Array): Tlv[] {
  const found: Tlv[] = [];
  for (let at = BASE_BYTES; at < packet.length;) {
    const length = packet[at + 2]! * 256 + packet[at + 3]!;
    const value = packet.subarray(at + 4, at + 4 + length);
    if (value.length !== length) throw new Error(`a TLV at ${at} is longer than its packet`);
    found.push({ flags: packet[at]!, type: packet[at + 1]!, at, value });
    at += 4 + length;
  }
  return found;
}

/** What is wrong with a packet's codes; nothing: it is the key's. */
export function faults(packet: Uint8Array, key: Uint8Array): string[] {
  const wrong: string[] = [];
  const equal = (a: Uint8Array, b: Uint8Array) => a.toHex() === b.toHex();
  if (!equal(packet.subarray(96, 112), code(key, packet.subarray(0, 96)))) {
    wrong.push("the code of the packet");
  }
  const tlvs = tlvsOf(packet);
  const at = tlvs.findIndex(({ type }) => type === HMAC_TLV);
  const tlv = tlvs[at];
  if (tlv === undefined) return [...wrong, "no HMAC TLV"];
  const covered = packet.subarray(BASE_BYTES, tlv.at);
  if (!equal(tlv.value, code(key, packet.subarray(0, 4), covered))) {
    wrong.push("the code of the TLVs");
  }
  if (tlvs.slice(at + 1).some(({ type }) => type !== PADDING_TLV)) {
    wrong.push("more than padding behind the HMAC TLV");
  }
  return wrong;
}

/** A probe with these TLVs (whole, headers included) and their code. */
export function probe(
  key: Uint8Array,
  { sequence, session }: { readonly sequence: number; readonly session: number },
  tlvs: Uint8Array,
): Uint8Array {
  const head = new Uint8Array(BASE_BYTES);
  const view = new DataView(head.buffer);
  view.setUint32(0, sequence);
  view.setBigUint64(16, 0xe800_0000_0000_0001n);
  view.setUint16(24, 1);
  view.setUint16(26, session);
  head.set(code(key, head.subarray(0, 96)), 96);
  const sealed = code(key, head.subarray(0, 4), tlvs);
  return Uint8Array.from([...head, ...tlvs, 0x80, HMAC_TLV, 0, CODE_BYTES, ...sealed]);
}
