/** Whether this process may change the network, asked before it tries. */

/** capabilities(7), linux/capability.h. */
const CAP_NET_ADMIN = 12n;
const CAP_NET_RAW = 13n;

export async function missingPrivilege(): Promise<string | null> {
  const missing = missingCapabilities(await Deno.readTextFile("/proc/self/status"));
  if (missing.length === 0) return null;
  return `Cannot change the network: this process lacks ${missing.join(" and ")}; ` +
    `run as root, or by the unit in deploy/labelway.service`;
}

export function missingCapabilities(status: string): string[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const needed: [string, bigint][] = [["CAP_NET_ADMIN", CAP_NET_ADMIN], [
    "CAP_NET_RAW",
    CAP_NET_RAW,
  ]];
  return needed.filter(([, bit]) => (effective >> bit & 1n) === 0n).map(([name]) => name);
}
