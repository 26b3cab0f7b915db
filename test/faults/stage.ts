/** A lab in which faults happen: brought up once, hurt and healed again and again. */

import { stringify } from "@std/yaml";
import { fileURLToPath } from "node:url";
import { parseDocument } from "yaml";
import type { Drops, Labels } from "../../src/api/schema.ts";
import { runOrThrow } from "../../src/io/command.ts";
import {
  findPlace,
  type Place,
  requireState,
  siteFolder,
  writeState,
} from "../../src/lab/folder.ts";
import { ask, enter, namespaceOf, startRouter, withGateway } from "../../src/lab/gateway.ts";
import { down, emulatorOf, up } from "../../src/lab/lab.ts";
import { pause, signal } from "../../src/lab/process.ts";
import { allPathsUp, requireRouters } from "../../src/lab/ready.ts";
import { now } from "../../src/io/clock.ts";
import type { Instant } from "../../src/model/quantity.ts";
import type { Streamed } from "./outcome.ts";
import type { Action, Costs, Passed, Scenario } from "./scenario.ts";

const PROGRAM = fileURLToPath(
  new URL("../../native/target/release/labelway-datagrams", import.meta.url),
);
const WAIT_MILLIS = 30_000;
/** Longer than the longest that an adjacency or a ranking holds back. */
const SETTLE_MILLIS = 90_000;
const BYTES = 100;

export interface Stage {
  readonly place: Place;
}

/** `settings` are added to the network's file: `{ bfd: { interval: "10ms" } }`. */
export async function raise(
  lab: string,
  settings: Readonly<Record<string, unknown>>,
  stop: AbortSignal,
): Promise<Stage> {
  const place = await findPlace(lab);
  const stage = { place };
  if (Object.keys(settings).length === 0) return await bringUp(stage, stop);
  const changed = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    const text = await Deno.readTextFile(place.networkFile);
    await Deno.writeTextFile(changed, `${text}\n${stringify(settings)}`);
    await bringUp({ place: { ...place, networkFile: changed } }, stop);
    return stage;
  } finally {
    await Deno.remove(changed);
  }
}

async function bringUp(stage: Stage, stop: AbortSignal): Promise<Stage> {
  await up(stage.place, {
    emulator: "linkem",
    routers: true,
    waitMillis: WAIT_MILLIS,
    report: () => {},
    stop,
  });
  return stage;
}

export async function strike(stage: Stage): Promise<void> {
  await down(stage.place);
}

/** Datagrams from host to host for so long, and what became of each. */
export async function stream(
  { place }: Stage,
  { traffic }: Scenario,
  millis: number,
): Promise<Streamed> {
  const namespace = (node: string) => `/run/netns/${namespaceOf(place, node)}`;
  const config = {
    from: namespace(traffic.from),
    to: namespace(traffic.to),
    address: addressOf(place, traffic.to),
    port: traffic.port,
    bytes: BYTES,
    task: {
      stream: {
        count: Math.round(millis * traffic.rate / 1000),
        intervalMicros: Math.round(1e6 / traffic.rate),
      },
    },
  };
  return JSON.parse(await runOrThrow([PROGRAM, JSON.stringify(config)])) as Streamed;
}

function addressOf(place: Place, node: string): string {
  const [site, segment] = node.split(".");
  const host = place.topology.sites.find(({ name }) => name === site)?.hosts
    .find((host) => host.segment === segment);
  const address = host?.addresses.find((cidr) => !cidr.includes(":"));
  if (address === undefined) throw new TypeError(`${node} has no IPv4 address in ${place.file}`);
  return address.split("/")[0]!;
}

export async function act({ place }: Stage, action: Action): Promise<void> {
  if (action.kind === "wait") return await pause(action.millis);
  const state = await requireState(place);
  switch (action.kind) {
    case "misread":
    case "restore": {
      const file = `${siteFolder(place.folder, action.site)}/network.yaml`;
      const text = await Deno.readTextFile(`${place.folder}/network.yaml`);
      await Deno.writeTextFile(
        file,
        action.kind === "restore" ? text : recosted(text, action.costs),
      );
      const router = state.gateways[action.site]?.router;
      if (router) signal(router, "SIGHUP");
      return;
    }
    case "impair":
      await emulatorOf(place, state).change(action.link, action.direction, action.change);
      return;
    case "device": {
      const argv = ["ip", "link", "set", "dev", action.device, action.up ? "up" : "down"];
      await runOrThrow([...enter(place, state, action.site), ...argv]);
      return;
    }
    case "kill": {
      const router = state.gateways[action.site]?.router;
      if (router) signal(router, "SIGKILL");
      return;
    }
    case "start": {
      const site = place.topology.sites.find(({ name }) => name === action.site);
      const gateway = state.gateways[action.site];
      if (site === undefined || gateway === undefined) {
        throw new TypeError(`There is no site ${action.site} in ${place.file}`);
      }
      const router = startRouter(place, state, site);
      await writeState(place, withGateway(state, action.site, { ...gateway, router }));
    }
  }
}

function recosted(text: string, costs: Costs): string {
  const document = parseDocument(text);
  for (const [name, cost] of Object.entries(costs)) {
    const [site, uplink] = name.split(".");
    document.setIn(["sites", site, "uplinks", uplink, "cost"], cost);
  }
  return document.toString();
}

/** Packets that all sites have dropped for this reason, so far. */
export async function droppedBy({ place }: Stage, reason: string): Promise<number> {
  const all = await Promise.all(
    place.topology.sites.map(({ name }) => ask<Drops>(place, name, "/v1/drops")),
  );
  return all.flatMap((answer) => answer?.drops ?? [])
    .reduce((sum, one) => one.reason === reason ? sum + one.packets : sum, 0);
}

/** Packets with this label that the site has taken, so far. */
export async function passedBy({ place }: Stage, { site, label }: Passed): Promise<number> {
  const answer = await ask<Labels>(place, site, "/v1/labels");
  const entry = answer?.labels.find(({ meaning }) => meaning === label);
  if (entry === undefined) throw new TypeError(`${site} has no label ${label}`);
  return entry.packets;
}

export interface Settled {
  /** Null: nothing. */
  readonly missing: string | null;
  /** Every path of both ends has been up since then. */
  readonly upSince: Instant;
}

/**
 * Until every path of both ends is up and these are in use (see {@link inUse}): a fault of a path
 * that nothing takes costs nothing.
 */
export async function settle(
  stage: Stage,
  scenario: Scenario,
  wanted: readonly string[],
): Promise<Settled> {
  const { from, to } = scenario.traffic;
  const sites = [from, to].map((node) => node.split(".")[0]!);
  const end = now() + SETTLE_MILLIS;
  let missing: string | null = null;
  let upSince: Instant | null = null;
  while (now() < end) {
    await requireRouters(stage.place);
    const ready = await Promise.all(sites.map((site) => allPathsUp(stage.place, site)));
    const used = await inUse(stage, scenario);
    const away = wanted.filter((line) => !used.includes(line));
    upSince = ready.every(Boolean) ? upSince ?? now() : null;
    missing = upSince !== null
      ? away.length === 0 ? null : `not in use: ${away.join(", ")}`
      : `at ${sites.filter((_, index) => !ready[index]).join(" and ")} not every path is up`;
    if (missing === null) break;
    await pause(100);
  }
  return { missing, upSince: upSince ?? now() };
}

interface Ranked {
  readonly key: string;
  readonly uses: readonly { readonly policy: string | null; readonly inUse: boolean }[];
}

/** The path that each policy's traffic to the far end has now, one line a policy. */
export async function inUse({ place }: Stage, { traffic }: Scenario): Promise<string[]> {
  const [from, to] = [traffic.from, traffic.to].map((node) => node.split(".")[0]!);
  const answer = await ask<{ paths: readonly Ranked[] }>(place, from!, `/v1/paths?site=${to}`);
  return (answer?.paths ?? []).flatMap(({ key, uses }) =>
    uses.filter((use) => use.inUse).map((use) => `${use.policy ?? "by default"}: ${key}`)
  ).toSorted();
}
