/** Three gateways, two LAN hosts and an underlay between them, for one test file. */

import { TextLineStream } from "./lines.ts";
import { exec, type Gateway, ip, must, Net } from "./namespaces.ts";
import {
  inner,
  INTERFACE,
  type Keys,
  lan4,
  lan6,
  type Name,
  type Options,
  outer,
  table,
  TUN,
  wireguard,
} from "./tables.ts";
import type { Snapshot } from "../../../src/model/boundary.ts";

export interface Network {
  readonly net: Net;
  readonly keys: Keys;
  readonly gateways: Readonly<Record<Name, Gateway>>;
  /** Namespace of a LAN host. */
  readonly host: (name: "a" | "b") => string;
  readonly namespace: (name: Name) => string;
}

export const NAMES = ["a", "b", "h"] as const;

/** Makes a link for each gateway, from `wan` there to `to-NAME` in the namespace between them. */
export type Underlay = (net: Net, middle: string) => Promise<void>;

const veths: Underlay = async (net, middle) => {
  for (const name of NAMES) await net.join(net.name(name), "wan", middle, `to-${name}`);
};

/** Everything up, nothing configured. The gateways' programs get the environment. */
export async function build(
  underlay: Underlay = veths,
  environment: Record<string, string> = {},
): Promise<Network> {
  await Net.removeStale();
  const net = new Net();
  const middle = await net.add("net");
  await ip(`
    -n ${middle} link add br0 type bridge
    -n ${middle} link set br0 up`);
  for (const name of NAMES) await net.add(name);
  await underlay(net, middle);
  const gateways: Partial<Record<Name, Gateway>> = {};
  for (const name of NAMES) {
    const namespace = net.name(name);
    await ip(`
      -n ${middle} link set to-${name} master br0 up
      -n ${namespace} link set wan up
      -n ${namespace} addr add ${outer(name)}/24 dev wan`);
    await must("ip", "netns", "exec", namespace, "sysctl", "-qw", "net.ipv4.ip_forward=1");
    await must("ip", "netns", "exec", namespace, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1");
    if (name !== "h") await addLan(net, namespace, name);
    gateways[name] = net.gateway(namespace, environment);
  }
  const keys = await makeKeys();
  return {
    net,
    keys,
    gateways: gateways as Record<Name, Gateway>,
    host: (name) => net.name(`lan-${name}`),
    namespace: (name) => net.name(name),
  };
}

async function addLan(net: Net, gateway: string, name: "a" | "b"): Promise<void> {
  const host = await net.add(`lan-${name}`);
  await net.join(gateway, "lan", host, "eth0");
  await ip(`
    -n ${gateway} addr add ${lan4(name)}.1/24 dev lan
    -n ${gateway} addr add ${lan6(name)}:1/64 dev lan nodad
    -n ${host} addr add ${lan4(name)}.2/24 dev eth0
    -n ${host} addr add ${lan6(name)}:2/64 dev eth0 nodad
    -n ${host} route add default via ${lan4(name)}.1
    -n ${host} -6 route add default via ${lan6(name)}:1`);
}

export async function makeKeys(): Promise<Keys> {
  const keys: Partial<Record<Name, { private: string; public: string }>> = {};
  for (const name of NAMES) {
    const secret = (await must("wg", "genkey")).trim();
    const shown = await must("sh", "-c", `echo ${secret} | wg pubkey`);
    keys[name] = { private: secret, public: shown.trim() };
  }
  return keys as Keys;
}

/** Engine, table, WireGuard and routes of one gateway. */
export async function start(network: Network, name: Name, options: Options = {}): Promise<void> {
  const gateway = network.gateways[name];
  await gateway.ask({ do: "open" });
  await gateway.ask({ do: "apply", table: table(name, network.keys, options) });
  await gateway.run(`wg syncconf ${INTERFACE} /dev/stdin`, wireguard(name, network.keys));
  if (name !== "h") await route(network, name);
}

/** As {@link start}, with the WireGuard of another program: Debian's wireguard-go. */
export async function startKernel(network: Network, name: Name): Promise<void> {
  const gateway = network.gateways[name];
  await gateway.run(`wireguard-go ${INTERFACE}`);
  await gateway.run(`wg syncconf ${INTERFACE} /dev/stdin`, wireguard(name, network.keys));
  await ip(`
    -n ${network.namespace(name)} addr add ${inner(name)}/32 dev ${INTERFACE}
    -n ${network.namespace(name)} link set ${INTERFACE} mtu 1420 up`);
  await gateway.ask({ do: "open" });
  await gateway.ask({
    do: "apply",
    table: table(name, network.keys, { backend: "kernel" }),
  });
  if (name !== "h") await route(network, name);
}

export async function route(network: Network, name: "a" | "b"): Promise<void> {
  const far = name === "a" ? "b" : "a";
  await ip(`
    -n ${network.namespace(name)} route add ${lan4(far)}.0/24 dev ${TUN}
    -n ${network.namespace(name)} -6 route add ${lan6(far)}:/64 dev ${TUN}`);
}

export async function apply(network: Network, name: Name, options: Options): Promise<number> {
  const wanted = table(name, network.keys, options);
  return await network.gateways[name].ask({ do: "apply", table: wanted });
}

export function snapshot(network: Network, name: Name): Promise<Snapshot> {
  return network.gateways[name].ask({ do: "snapshot" });
}

/** Waits until every adjacency and list of the gateway is up. */
export async function allUp(
  network: Network,
  name: Name,
  millis?: number,
): Promise<Snapshot> {
  return await until(
    () => snapshot(network, name),
    (seen) => [...seen.adjacencies, ...seen.lists].every(({ quality }) => quality.state === "up"),
    millis,
  );
}

/** Asks again until it is as wanted; fails with what was seen last. */
export async function until<T>(
  look: () => Promise<T>,
  wanted: (seen: T) => boolean,
  millis = 8000,
): Promise<T> {
  const end = performance.now() + millis;
  for (;;) {
    const seen = await look();
    if (wanted(seen)) return seen;
    if (performance.now() > end) throw new Error(`never as wanted: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export interface Pings {
  readonly sent: number;
  readonly received: number;
}

/** From LAN a to LAN b. */
export async function ping(
  network: Network,
  count: number,
  intervalSeconds: number,
  version: 4 | 6 = 4,
): Promise<Pings> {
  const to = version === 4 ? `${lan4("b")}.2` : `${lan6("b")}:2`;
  const { stdout, stderr } = await exec([
    ...["ip", "netns", "exec", network.host("a"), "ping", "-n", "-q", "-W", "2"],
    ...["-c", `${count}`, "-i", `${intervalSeconds}`, to],
  ]);
  const found = stdout.match(/(\d+) packets transmitted, (\d+) received/);
  if (found === null) throw new Error(`ping said: ${stdout}${stderr}`);
  return { sent: Number(found[1]), received: Number(found[2]) };
}

/** Sends so many bytes over one TCP connection between the LANs; fails unless all arrive. */
export async function tcp(
  network: Network,
  bytes: number,
  version: 4 | 6 = 4,
  { from = "a", seconds = 20 }: { from?: "a" | "b"; seconds?: number } = {},
): Promise<void> {
  const far = from === "a" ? "b" : "a";
  const to = version === 4 ? `${lan4(far)}.2` : `${lan6(far)}:2`;
  const program = new URL("tcp.ts", import.meta.url).pathname;
  const deno = [Deno.execPath(), "run", "-A", "--quiet", program];
  const server = new Deno.Command("ip", {
    args: ["netns", "exec", network.host(far), ...deno, "serve"],
    stdout: "piped",
  }).spawn();
  const lines = server.stdout
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream())
    .getReader();
  try {
    await lines.read();
    const client = ["ip", "netns", "exec", network.host(from), ...deno, "send", to, `${bytes}`];
    const sent = await must("timeout", `${seconds}`, ...client);
    const { value: received } = await lines.read();
    if (received !== sent.trim()) throw new Error(`sent ${sent}, received ${received}`);
    await server.status;
  } catch (error) {
    server.kill("SIGKILL");
    throw error;
  }
}
