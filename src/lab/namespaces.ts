/** Network namespaces, made and taken away by `ip`. */

import { run as attempt, runOrThrow as run } from "../io/command.ts";
import type { Layout, Node } from "./layout.ts";
import { endAll, processesIn } from "./process.ts";

/** How long a router may take to put back what it changed. */
const PATIENCE_MILLIS = 5000;

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
    await run(["ip", "-n", node.namespace, "-batch", "-"], { stdin: node.setup.join("\n") + "\n" });
    if (node.kind === "nat") await masquerade(node);
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
  const set = async (value: string, ...keys: string[]) => {
    // tee writes one value to many files; sysctl(8) is not everywhere.
    const files = keys.map((key) => `/proc/sys/net/${key}`);
    await run(["ip", "netns", "exec", node.namespace, "tee", ...files], { stdin: value });
  };
  const everywhere = (key: string) => [`ipv6/conf/all/${key}`, `ipv6/conf/default/${key}`];
  // Duplicate address detection would keep IPv6 silent for the first seconds.
  await set("0", ...everywhere("accept_ra"), ...everywhere("accept_dad"));
  if (node.kind === "internet" || node.kind === "nat") {
    await set("1", "ipv4/ip_forward", "ipv6/conf/all/forwarding");
  }
  // As a provider does (BCP 38): what leaves by the wrong uplink, with the other's address, is lost.
  if (node.kind === "internet") {
    await set("1", "ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter");
  }
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
