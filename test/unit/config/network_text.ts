/** A small right network as text, for tests that put one thing wrong into it. */

export const KEYS = [
  "iRm4GXt2/DF5UU9+CZ8wkdzlS9G3RZwFmrqZ4iqTYkY=",
  "daIqKXTw+rbhCrAERg/HiKkZa41Au9iBJR7AYdB/QEU=",
  "d5TKjtiimtjAnZCJJYu1LOXur9CwCo1m+oINS4WkNV0=",
] as const;

export const NETWORK = `network: acme
sites:
  lisbon:
    sid: 1
    loopback: [10.255.0.1]
    uplinks:
      fibre: { number: 0, color: internet, device: eth0, port: 51820, endpoint: 198.51.100.1, public_key: ${
  KEYS[0]
} }
      lte: { number: 1, color: lte, device: wwan0, port: 51821, public_key: ${KEYS[1]} }
    lans:
      office: [10.1.0.0/24]
  porto:
    sid: 2
    loopback: [10.255.0.2]
    uplinks:
      fibre: { number: 0, color: internet, device: eth0, port: 51820, endpoint: 203.0.113.1, public_key: ${
  KEYS[2]
} }
    lans:
      office: [10.2.0.0/24]
segments:
  office: { number: 1 }
`;

/** The text with `from` (which it holds exactly once) replaced. */
export function changed(...edits: readonly (readonly [from: string, to: string])[]): string {
  return edits.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`"${from}" must stand in the text once`);
    return text.replace(from, () => to);
  }, NETWORK);
}
