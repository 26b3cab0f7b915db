import ipaddr from "ipaddr.js";

/** Does one of the two contain the other? Prefixes of different families never overlap. */
export function overlaps(a: string, b: string): boolean {
  const [first, firstLength] = parse(a);
  const [second, secondLength] = parse(b);
  if (first.kind() !== second.kind()) return false;
  const length = Math.min(firstLength, secondLength);
  return (first as ipaddr.IPv4).match(second as ipaddr.IPv4, length);
}

function parse(prefix: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  return ipaddr.parseCIDR(prefix);
}
