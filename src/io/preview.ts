/** What a start or a reload would change here, in order, without doing any of it. */

import { parseNetwork } from "../config/mod.ts";
import type { Table } from "../model/boundary.ts";
import { remoteUplinks, underlayOf } from "../router/assemble.ts";
import { EndpointNames } from "../router/endpoints.ts";
import { Plans } from "../router/plans.ts";
import { describeSteps, reconcile } from "../router/reconcile.ts";
import { settingPaths } from "../underlay/desired.ts";
import { now } from "./clock.ts";
import { movedPort } from "./tcp_port.ts";
import { load, type LoadOptions } from "./load.ts";
import { resolveName } from "./names.ts";
import { readHost } from "./netlink.ts";
import { changedSecurity } from "./probe_keys.ts";
import { readLastGood } from "./state_folder.ts";
import { SystemWireguard } from "./wireguard/system.ts";

export interface Preview {
  readonly site: string;
  readonly generation: string;
  /** Generation of the router that runs here; null: none does. */
  readonly running: string | null;
  /** One change a line. */
  readonly changes: readonly string[];
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

export async function preview(
  options: LoadOptions & { readonly state: string; readonly socket: string },
): Promise<Preview | { readonly problems: readonly string[] }> {
  const former = await readLastGood(options.state).catch(() => null);
  const loaded = await load(options, { text: former, backends: {} });
  if ("problems" in loaded) return loaded;
  const { configuration } = loaded;
  const { network, site } = configuration;
  const running = await runningGeneration(options.socket);
  // Only a router that runs has former ways to keep, and a port to move; --listen or --no-tcp of its
  // start keep it as it is.
  const before = running === null || former === null
    ? undefined
    : parseNetwork(former, options.file).network;
  const plans = new Plans();
  const formerSite = before?.sites.find(({ name }) => name === site.name);
  if (before && formerSite) {
    plans.configure({ ...configuration, network: before, site: formerSite }, now());
  }
  const table = plans.configure(configuration, now());

  const names = new EndpointNames();
  names.configure(remoteUplinks(network, table), null, now());
  await Promise.all(
    names.take(now()).map(async (name) => {
      try {
        names.resolved(name, await resolveName(name), []);
      } catch (error) {
        names.unresolved(name, (error as Error).message, now());
      }
    }),
  );
  const wireguard = new SystemWireguard();
  const [host, states] = await Promise.all([
    readHost(settingPaths(underlayOf(network, site, table))),
    Promise.all(table.uplinks.map((uplink) => wireguard.show(uplink.interface))),
  ]);
  const plan = reconcile(
    configuration,
    table,
    appliedTable(table, running),
    names,
    { host, wireguard: states.filter((state) => state !== null) },
    now(),
    plans.rollout?.phase,
  );
  // Which keys the running router has, nobody tells.
  const { probes } = loaded;
  const besides = before === undefined ? [] : [
    ...changedSecurity({ ...probes, mode: before.probe.authentication }, probes),
    ...movedPort(before, network),
  ];
  return {
    site: site.name,
    generation: network.generation,
    running,
    changes: [...besides, ...describeSteps(plan.steps, configuration)],
    problems: plan.problems,
    warnings: [...loaded.warnings, ...plan.warnings, ...names.warnings()],
  };
}

/** What is known of the running router's table: its generation. */
function appliedTable(table: Table, generation: string | null): Table | null {
  return generation === null ? null : { ...table, generation };
}

async function runningGeneration(socket: string): Promise<string | null> {
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
  try {
    const response = await fetch("http://localhost/v1/status", { client });
    if (!response.ok) {
      await response.body?.cancel();
      return null;
    }
    const status = await response.json() as { generation?: unknown };
    return typeof status.generation === "string" ? status.generation : null;
  } catch {
    // Nobody answers: nothing runs here.
    return null;
  }
}
