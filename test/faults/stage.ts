/** A lab in which faults happen: brought up once, hurt and healed again and again. */

import { fileURLToPath } from "node:url";
import { runOrThrow } from "../../src/io/command.ts";
import { findPlace, type Place, requireState, writeState } from "../../src/lab/folder.ts";
import { ask, enter, namespaceOf, startRouter, withGateway } from "../../src/lab/gateway.ts";
import { down, emulatorOf, up } from "../../src/lab/lab.ts";
import { pause, signal } from "../../src/lab/process.ts";
import { allPathsUp } from "../../src/lab/ready.ts";
import { now } from "../../src/io/clock.ts";
import type { Streamed } from "./outcome.ts";
import type { Action, Scenario } from "./scenario.ts";

const PROGRAM = fileURLToPath(
  new URL("../../native/target/release/labelway-datagrams", import.meta.url),
);
const WAIT_MILLIS = 30_000;
/** 1,000 packets a second. */
const INTERVAL_MICROS = 1000;
const BYTES = 100;

export interface Stage {
  readonly place: Place;
}

export async function raise(lab: string, stop: AbortSignal): Promise<Stage> {
  const place = await findPlace(lab);
  await up(place, {
    emulator: "linkem",
    routers: true,
    waitMillis: WAIT_MILLIS,
    report: () => {},
    stop,
  });
  return { place };
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
        count: Math.round(millis * 1000 / INTERVAL_MICROS),
        intervalMicros: INTERVAL_MICROS,
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
  const state = await requireState(place);
  switch (action.kind) {
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

/** Until every path of both ends is up again. */
export async function settle({ place }: Stage, { traffic }: Scenario): Promise<boolean> {
  const sites = [traffic.from, traffic.to].map((node) => node.split(".")[0]!);
  const end = now() + WAIT_MILLIS;
  while (now() < end) {
    const ready = await Promise.all(sites.map((site) => allPathsUp(place, site)));
    if (ready.every(Boolean)) return true;
    await pause(100);
  }
  return false;
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
