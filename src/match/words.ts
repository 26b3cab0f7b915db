/** Words for numbers in packets, in both directions. */

/** RFC 2474, 2597, 3246, 5865, 8622. */
export const DSCP: Readonly<Record<string, number>> = dscps();

export const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  ospf: 89,
  sctp: 132,
};

/** `ef (46)`; a number that has no name as it is. */
export function dscpName(dscp: number): string {
  const name = Object.entries(DSCP).find(([, value]) => value === dscp)?.[0];
  return name === undefined ? String(dscp) : `${name} (${dscp})`;
}

export function protocolName(protocol: number): string {
  return Object.entries(PROTOCOLS).find(([, value]) => value === protocol)?.[0] ??
    String(protocol);
}

function dscps(): Record<string, number> {
  const words: Record<string, number> = { ef: 46, va: 44, le: 1, be: 0, df: 0 };
  for (let selector = 0; selector < 8; selector++) words[`cs${selector}`] = selector * 8;
  for (let klass = 1; klass <= 4; klass++) {
    for (let drop = 1; drop <= 3; drop++) words[`af${klass}${drop}`] = klass * 8 + drop * 2;
  }
  return words;
}
