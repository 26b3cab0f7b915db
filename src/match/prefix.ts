import ipaddr from "ipaddr.js";

/** Does one of the two contain the other? Prefixes of different families never overlap. */
export function overlaps(a: string, b: string): boolean {
  const [first, firstLength] = parse(a);
  const [second, secondLength] = parse(b);
  if (first.kind() !== second.kind()) return false;
  const length = Math.min(firstLength, secondLength);
  return (first as ipaddr.IPv4).match(second as ipaddr.IPv4, length);
}

/** Does `outer` hold every address of `inner`? */
export function contains(outer: string, inner: string): boolean {
  return lengthOf(outer) <= lengthOf(inner) && overlaps(outer, inner);
}

/** Is the address, in any text form, within the prefix? */
export function holdsAddress(prefix: string, address: string): boolean {
  const [network, length] = parse(prefix);
  const one = ipaddr.parse(address);
  return network.kind() === one.kind() &&
    (network as ipaddr.IPv4).match(one as ipaddr.IPv4, length);
}

/** `/24` → 24. */
export function lengthOf(prefix: string): number {
  return Number(prefix.slice(prefix.indexOf("/") + 1));
}

export const isIpv6 = (text: string): boolean => text.includes(":");

function parse(prefix: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  return ipaddr.parseCIDR(prefix);
}
