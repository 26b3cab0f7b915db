/**
 * A gateway: a network namespace and, because the names of userspace WireGuard sockets are global
 * on a machine, a mount namespace with a /run of its own.
 */

import { run as attempt, runOrThrow as run } from "../io/command.ts";
import { LabError } from "./error.ts";
import {
  type GatewayState,
  type LabState,
  type Place,
  routerLog,
  routerSocket,
  siteFolder,
} from "./folder.ts";
import type { LabSite } from "./topology.ts";
import { endAll, isAlive, pause, type ProcessId, startDaemon } from "./process.ts";
import { labelway } from "./program.ts";

const START_MILLIS = 5000;

export function namespaceOf(place: Place, node: string): string {
  return `${place.prefix}-${node}`;
}

/** Keeps the two namespaces of a gateway together, and its sockets through a router's death. */
export async function startHolder(place: Place, site: string): Promise<ProcessId> {
  const unshare = ["unshare", "--mount", "--propagation", "private", "sleep", "infinity"];
  const log = `${siteFolder(place.folder, site)}/holder.log`;
  const argv = ["ip", "netns", "exec", namespaceOf(place, site), ...unshare];
  const holder = startDaemon(argv, log);
  for (let waited = 0; !await isSleeping(holder); waited += 10) {
    if (!isAlive(holder) || waited > START_MILLIS) {
      const said = (await Deno.readTextFile(log)).trim();
      throw new LabError([`Cannot give ${site} a mount namespace of its own:`, said]);
    }
    await pause(10);
  }
  const inside = ["nsenter", "-t", String(holder.pid), "-m"];
  await run([...inside, "mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"]);
  await run([...inside, "mkdir", "-m", "0700", "/run/wireguard", "/run/labelway"]);
  const shared = `${siteFolder(place.folder, site)}/run`;
  await run([...inside, "mount", "--bind", shared, "/run/labelway"]);
  return holder;
}

/** Begins a command that runs inside a node. */
export function enter(place: Place, state: LabState, node: string): string[] {
  const gateway = state.gateways[node];
  if (gateway === undefined) return ["ip", "netns", "exec", namespaceOf(place, node)];
  if (!isAlive(gateway.holder)) {
    throw new LabError([
      `The gateway ${node} is gone; labelway lab up ${place.file} makes it anew`,
    ]);
  }
  return ["nsenter", "-t", String(gateway.holder.pid), "-m", "-n", "--"];
}

/** Debian's userspace WireGuard, one process for each uplink, under the names that the router uses. */
export async function startWireguardGo(
  place: Place,
  state: LabState,
  site: LabSite,
  interfaces: readonly string[],
): Promise<ProcessId[]> {
  const started: ProcessId[] = [];
  for (const name of interfaces) {
    const log = `${siteFolder(place.folder, site.name)}/${name}.log`;
    // It asks to be told that it is not needed where the kernel has WireGuard; here it is.
    const process = [
      "env",
      "WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD=1",
      "wireguard-go",
      "-f",
      name,
    ];
    const id = startDaemon([...enter(place, state, site.name), ...process], log);
    started.push(id);
    const show = [...enter(place, state, site.name), "wg", "show", name, "dump"];
    for (let waited = 0; (await attempt(show)).code !== 0; waited += 50) {
      if (!isAlive(id) || waited > START_MILLIS) {
        const said = (await Deno.readTextFile(log)).trim().split("\n");
        throw new LabError([`wireguard-go does not start for ${name} at ${site.name}:`, ...said]);
      }
      await pause(50);
    }
  }
  return started;
}

/** Starts the real program, as a gateway's service would; `library`: another native half. */
export function startRouter(
  place: Place,
  state: LabState,
  site: LabSite,
  library?: string,
): ProcessId {
  const own = siteFolder(place.folder, site.name);
  // To the router, wireguard-go's devices are the kernel's: it finds them there and adopts them.
  const backend = site.wireguard === "embedded" ? "embedded" : "kernel";
  const argv = [
    ...enter(place, state, site.name),
    ...labelway(place.folder, library),
    "up",
    `${own}/network.yaml`,
    "--keys",
    `${own}/keys`,
    "--state",
    `${own}/state`,
    "--backend",
    backend,
  ];
  return startDaemon(argv, routerLog(place.folder, site.name));
}

/** Ends a gateway's router and starts it again; what else runs there stays. */
export async function restartRouter(
  place: Place,
  state: LabState,
  site: LabSite,
): Promise<LabState> {
  const gateway = state.gateways[site.name];
  if (gateway === undefined) throw new LabError([`There is no gateway ${site.name}`]);
  if (gateway.router !== null) await endAll([gateway.router], START_MILLIS);
  return withGateway(state, site.name, { ...gateway, router: startRouter(place, state, site) });
}

export function withGateway(state: LabState, site: string, gateway: GatewayState): LabState {
  return { ...state, gateways: { ...state.gateways, [site]: gateway } };
}

/** The end of a router's log, for messages. */
export async function logTail(place: Place, site: string, lines = 15): Promise<string[]> {
  const text = await Deno.readTextFile(routerLog(place.folder, site)).catch(() => "");
  return text.trimEnd().split("\n").slice(-lines).map((line) => `  ${line}`);
}

/** Asks a router over its Unix socket; null where it does not answer. */
export async function ask<T>(place: Place, site: string, path: string): Promise<T | null> {
  using client = Deno.createHttpClient({
    proxy: { transport: "unix", path: routerSocket(place.folder, site) },
  });
  try {
    const response = await fetch(`http://localhost${path}`, { client });
    if (response.ok) return await response.json() as T;
    await response.body?.cancel();
    return null;
  } catch {
    return null;
  }
}

/** The holder's three programs replace each other; mounts are its own when the last one runs. */
async function isSleeping(holder: ProcessId): Promise<boolean> {
  try {
    return (await Deno.readTextFile(`/proc/${holder.pid}/comm`)).trim() === "sleep";
  } catch {
    return false;
  }
}
