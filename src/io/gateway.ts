/** A whole running gateway: everything that can fail is tried before anything is changed. */

import { countOf } from "../model/quantity.ts";
import type { Engine } from "../ports/engine.ts";
import type { RouterView } from "../ports/router_view.ts";
import { Driver } from "./driver.ts";
import { defaultKeysFolder } from "./keys.ts";
import { type Former, load, type Loaded, type LoadOptions, type LoadResult } from "./load.ts";
import type { Log } from "./log.ts";
import { openEngine } from "./native/engine.ts";
import { parseThreads, THREADS } from "./native/threads.ts";
import { serviceManager } from "./notify.ts";
import { changedSecurity } from "./probe_keys.ts";
import { missingPrivilege } from "./privilege.ts";
import { type Handler, type Server, serveTcp, serveUnix } from "./server.ts";
import { lastGoodPath, StateFolder } from "./state_folder.ts";
import { movedPort, TcpPort } from "./tcp_port.ts";
import { requireWg, SystemWireguard } from "./wireguard/system.ts";

export interface GatewayOptions extends LoadOptions {
  readonly state: string;
  readonly socket: string;
  /** Absent: loopback and the file's port; null: no TCP. */
  readonly listen?: { readonly hostname: string; readonly port: number } | null;
  /** What serves packets without this process stays when it stops. */
  readonly keep: boolean;
  /** Start from the last file that was good when this one is not. */
  readonly lastGood: boolean;
}

export interface Surroundings {
  readonly version: string;
  /** `port`: of the TCP socket; null for the Unix socket. */
  createHandler(view: RouterView, port: number | null): Handler;
  readonly log: Log;
  /** Ends when the router has to stop. */
  readonly stop: AbortSignal;
  environment(name: string): string | undefined;
}

const UAPI_FOLDER = "/var/run/wireguard";

/** @returns what went wrong; nothing of a failed start is left behind */
export async function runGateway(
  options: GatewayOptions,
  around: Surroundings,
): Promise<readonly string[]> {
  // From the beginning: who asks for a reload too early must not end the program.
  const reload: Reload = { now: () => {} };
  const hangup = () => reload.now();
  Deno.addSignalListener("SIGHUP", hangup);
  try {
    return await prepare(options, around, reload);
  } finally {
    Deno.removeSignalListener("SIGHUP", hangup);
  }
}

/** What SIGHUP does at the moment. */
interface Reload {
  now: () => void;
}

async function prepare(
  options: GatewayOptions,
  around: Surroundings,
  reload: Reload,
): Promise<readonly string[]> {
  const problems: string[] = [];
  // Asked beside the rest: a process takes a while to start, and packets wait for this program.
  const wg = requireWg().then(() => null, (error: Error) => error.message);
  const lacking = await missingPrivilege();
  // Without privileges the state folder and the system would only say so again.
  const state = lacking !== null ? null : await StateFolder.open(options.state)
    .catch((error: Error) => {
      problems.push(error.message);
      return null;
    });
  try {
    const former: Former = { text: await state?.lastGood() ?? null, backends: {} };
    const first = await firstLoad(options, former, around.log);
    problems.unshift(...[lacking, await wg].filter((problem) => problem !== null));
    if ("problems" in first) problems.push(...first.problems);
    if ("problems" in first || state === null || problems.length > 0) return problems;
    return await serve(options, around, reload, state, first);
  } finally {
    state?.close();
  }
}

async function serve(
  options: GatewayOptions,
  around: Surroundings,
  reload: Reload,
  state: StateFolder,
  first: Loaded,
): Promise<readonly string[]> {
  const { log } = around;
  const manager = serviceManager(around.environment);
  const { network } = first.configuration;
  const tcp = options.listen === undefined
    ? { hostname: "127.0.0.1", port: network.api.port }
    : options.listen;
  let following: TcpPort | null = null;
  // Taken by the driver for its first table.
  let engine: Engine | null = null;
  const driver = new Driver({
    version: around.version,
    file: options.file,
    first,
    state,
    wireguard: new SystemWireguard(),
    openEngine: () => {
      const opened = engine!;
      engine = null;
      return opened;
    },
    originals: await state.originals(),
    read: async (loaded) => {
      const former = { text: loaded.text, backends: loaded.configuration.backends };
      const result = await load(options, former);
      if ("problems" in result || following === null) return result;
      try {
        await following.prepare(result.configuration.network.api.port);
        return result;
      } catch (error) {
        return { problems: [(error as Error).message] };
      }
    },
    besides: (next, former) => [
      ...changedSecurity(former.probes, next.probes),
      ...(following === null
        ? []
        : movedPort(former.configuration.network, next.configuration.network)),
    ],
    settled: async (runs) => await following?.settle(runs),
    log,
    ready: () => {
      log("info", forwarding(driver, options.socket, tcp));
      manager.tell(`READY=1\nSTATUS=Forwarding as ${first.configuration.site.name}`);
    },
  });
  const servers: Server[] = [];
  const problems: string[] = [];
  const open = async (start: () => Server | Promise<Server>) => {
    try {
      servers.push(await start());
    } catch (error) {
      problems.push((error as Error).message);
    }
  };
  try {
    engine = openEngine(undefined, {
      uapi_folder: UAPI_FOLDER,
      threads: parseThreads(Deno.env.get(THREADS)),
    });
  } catch (error) {
    problems.push((error as Error).message);
  }
  await open(() => serveUnix(options.socket, whenReady(driver, around, null)));
  if (tcp !== null) {
    const serve = (port: number) => serveTcp(tcp.hostname, port, whenReady(driver, around, port));
    await open(() => {
      if (options.listen !== undefined) return serve(tcp.port);
      return following = new TcpPort(serve, tcp.port);
    });
  }
  let watchdog: ReturnType<typeof setInterval> | undefined;
  reload.now = () => void driver.reload();
  try {
    if (problems.length > 0) return problems;
    for (const warning of first.warnings) log("warning", warning);
    const stop = () => {
      manager.tell("STOPPING=1");
      driver.stop("asked to", options.keep);
    };
    around.stop.addEventListener("abort", stop, { once: true });
    if (manager.watchdogMillis !== null) {
      watchdog = setInterval(() => {
        const fault = driver.fault();
        if (fault === null) manager.tell("WATCHDOG=1");
        else log("error", fault);
      }, manager.watchdogMillis);
    }
    const ended = driver.run();
    if (around.stop.aborted) stop();
    const failures = await ended;
    if (failures.length === 0) log("info", "stopped");
    return failures;
  } finally {
    clearInterval(watchdog);
    reload.now = () => {};
    await Promise.all(servers.map((server) => server.close()));
    engine?.close();
    manager.close();
  }
}

/** With `lastGood`, a gateway that restarts with a broken file goes on as it was. */
async function firstLoad(options: GatewayOptions, former: Former, log: Log): Promise<LoadResult> {
  const result = await load(options, former);
  if (!("problems" in result) || !options.lastGood || former.text === null) return result;
  for (const problem of result.problems) log("error", problem);
  log("warning", `${options.file} cannot be used; starting from the last good file`);
  const keys = options.keys ?? defaultKeysFolder(options.file);
  return load({ ...options, file: lastGoodPath(options.state), keys }, former);
}

/** Sockets are there before the router is, so that a port in use stops the start in time. */
function whenReady(driver: Driver, around: Surroundings, port: number | null): Handler {
  let handler: Handler | null = null;
  return (request) => {
    if (!driver.isForwarding()) {
      return Response.json(
        { type: "about:blank", title: "Starting or stopping", status: 503 },
        { status: 503, headers: { "content-type": "application/problem+json" } },
      );
    }
    handler ??= around.createHandler(driver, port);
    return handler(request);
  };
}

function forwarding(
  driver: Driver,
  socket: string,
  tcp: { hostname: string; port: number } | null,
): string {
  const { site, backend, table } = driver.current();
  const host = tcp?.hostname.includes(":") ? `[${tcp.hostname}]` : tcp?.hostname;
  const where = tcp === null ? socket : `${socket}, http://${host}:${tcp.port}/`;
  return `Forwarding: site ${site.name}, ${backend} WireGuard, ` +
    `${countOf(table.uplinks.length, "uplink")}, ` +
    `${countOf(table.adjacencies.length, "adjacency", "adjacencies")}, ` +
    `${countOf(table.segments.length, "segment")}; ask at ${where}`;
}
