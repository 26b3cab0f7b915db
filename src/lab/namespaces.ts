/** Network namespaces, made and taken away by `ip`. */

import { run as attempt, runOrThrow as run } from "../io/command.ts";
import type { Layout, Node } from "./layout.ts";
import { endAll, processesIn } from "./process.ts";

/** How long a router may take to put back what it changed. */
const PATIENCE_MILLIS = 5000;
const SIX = "-6 ";

export async function createNamespaces(layout: Layout): Promise<void> {
  const lines = layout.nodes.map((node) => `netns add ${node.namespace}`);
  await run(["ip", "-batch", "-"], { stdin: lines.join("\n") + "\n" });
  await Promise.all(layout.nodes.map(prepare));
  const veths = layout.veths.map(({ a, b }) =>
    `link add ${a.device} netns ${a.namespace} type veth peer name ${b.device} netns ${b.namespace}`
  );
  if (veths.length > 0) await run(["ip", "-batch", "-"], { stdin: veths.join("\n") + "\n" });
}

/** Addresses and routes, for when the emulator has made its devices as well. */
export async function setUp(layout: Layout): Promise<void> {
  await Promise.all(layout.nodes.map(async (node) => {
    // A line of a batch cannot name the family, and `rule` does not tell it from addresses.
    const six = node.setup.filter((line) => line.startsWith(SIX));
    await batch(node, [], node.setup.filter((line) => !line.startsWith(SIX)));
    await batch(node, ["-6"], six.map((line) => line.slice(SIX.length)));
    if (node.kind === "nat") await masquerade(node);
    if (node.unfiltered.length > 0) {
      await set(node, "0", node.unfiltered.map((device) => `ipv4/conf/${device}/rp_filter`));
    }
  }));
}

/** Names of all namespaces that begin as this lab's do, whoever of its runs made them. */
export function ownNamespaces(prefix: string): string[] {
  try {
    return [...Deno.readDirSync("/run/netns")].map((entry) => entry.name)
      .filter((name) => name.startsWith(`${prefix}-`)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Ends what runs in them and deletes them. Their devices, rules and mounts go with them. */
export async function removeNamespaces(prefix: string): Promise<number> {
  const names = ownNamespaces(prefix);
  await endAll(processesIn(names), PATIENCE_MILLIS);
  for (const name of names) await run(["ip", "netns", "delete", name]);
  return names.length;
}

async function prepare(node: Node): Promise<void> {
  const everywhere = (key: string) => [`ipv6/conf/all/${key}`, `ipv6/conf/default/${key}`];
  // Duplicate address detection would keep IPv6 silent for the first seconds.
  await set(node, "0", [...everywhere("accept_ra"), ...everywhere("accept_dad")]);
  if (node.kind === "internet" || node.kind === "nat") {
    await set(node, "1", ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]);
  }
  // As a provider does (BCP 38): what leaves by the wrong uplink, with the other's address, is lost.
  // Each device for itself, as the largest of "all" and its own counts.
  if (node.kind === "internet") {
    await set(node, "0", ["ipv4/conf/all/rp_filter"]);
    await set(node, "1", ["ipv4/conf/default/rp_filter"]);
  }
}

async function batch(node: Node, family: string[], lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const argv = ["ip", ...family, "-n", node.namespace, "-batch", "-"];
  await run(argv, { stdin: lines.join("\n") + "\n" });
}

/** tee writes one value to many files; sysctl(8) is not everywhere. */
async function set(node: Node, value: string, keys: readonly string[]): Promise<void> {
  const files = keys.map((key) => `/proc/sys/net/${key}`);
  await run(["ip", "netns", "exec", node.namespace, "tee", ...files], { stdin: value });
}

async function masquerade(node: Node): Promise<void> {
  const rules = `
table ip nat {
  chain out { type nat hook postrouting priority srcnat; oifname "wan" masquerade; }
}
table ip filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
    iifname "lan" accept
    iifname "wan" ct state established,related accept
  }
}
`;
  await run(["ip", "netns", "exec", node.namespace, "nft", "-f", "-"], { stdin: rules });
}

/** True where the kernel can delay and lose packets by itself. */
export async function hasNetem(namespace: string): Promise<boolean> {
  const tc = ["tc", "-n", namespace, "qdisc"];
  const { code } = await attempt([...tc, "add", "dev", "lo", "root", "netem", "delay", "1ms"]);
  if (code === 0) await run([...tc, "del", "dev", "lo", "root"]);
  return code === 0;
}
