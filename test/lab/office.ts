/** The four-site lab that a test has brought up, and what its tests ask of it. */

import { expect } from "vitest";
import type { LabState, Place } from "../../src/lab/folder.ts";
import { ask } from "../../src/lab/gateway.ts";
import { adjacenciesOf } from "../../src/lab/ready.ts";
import { type Flow, ping, send } from "../../src/lab/traffic.ts";
import { current, inside, until } from "./four_sites.ts";

export let place: Place;
export let state: LabState;

/** After the lab has come up, and after each restart in it. */
export async function attach(): Promise<void> {
  ({ place, state } = await current());
}

export const OFFICE_HOST = {
  lisbon: { 4: "10.1.0.10", 6: "2001:db8:1:1::10" },
  porto: { 4: "10.2.0.10", 6: "2001:db8:1:2::10" },
  hub: { 4: "10.3.0.10", 6: "2001:db8:1:3::10" },
  cabin: { 4: "10.4.0.10", 6: "2001:db8:1:4::10" },
} as const;
export type Site = keyof typeof OFFICE_HOST;

export async function flow(from: Site, to: Site, family: 4 | 6, more: Partial<Flow> = {}) {
  return await send(place, state, {
    from: `${from}.office`,
    to: `${to}.office`,
    address: OFFICE_HOST[to][family],
    port: 5201,
    protocol: "tcp",
    seconds: 1,
    ...more,
  });
}

export interface PathsPart {
  readonly paths: readonly {
    key: string;
    egress: string;
    state: string;
    inUse: boolean;
    txPackets: number;
    hops: readonly { toSite: string }[];
  }[];
}

export async function pathsTo(from: Site, to: Site): Promise<PathsPart["paths"]> {
  return (await ask<PathsPart>(place, from, `/v1/paths?site=${to}`))?.paths ?? [];
}

export async function adjacency(site: Site, key: string): Promise<string | undefined> {
  return (await adjacenciesOf(place, site))?.find((one) => one.key === key)?.state;
}

/** Interface and peer's key → what `wg show all dump` says of it. */
export async function peers(site: Site) {
  const { out } = await inside(site, "wg", "show", "all", "dump");
  const rows = out.split("\n").map((line) => line.split("\t")).filter((row) => row.length === 9);
  return rows.map(([device, key, , endpoint, , handshake, received, sent]) => ({
    device,
    key,
    endpoint,
    handshake: Number(handshake),
    received: Number(received),
    sent: Number(sent),
  }));
}

/** Three pings in a row are answered, before long: a loaded machine may lose some on the way. */
export async function reaches(
  node: string,
  address: string,
  more: readonly string[] = [],
): Promise<void> {
  await until(`${node} reaches ${address}`, 10, async () => {
    const three = { count: 3, intervalMillis: 50, more };
    return (await ping(place, state, node, address, three)).received === 3;
  });
}

export async function editFile(site: Site, edit: (text: string) => string): Promise<void> {
  const file = `${place.folder}/${site}/network.yaml`;
  const before = await Deno.readTextFile(file);
  const after = edit(before);
  expect(after).not.toBe(before);
  await Deno.writeTextFile(file, after);
}

export async function reload(site: Site): Promise<string> {
  const { code, out, err } = await inside(site, "labelway", "reload");
  expect(code, err).toBe(0);
  return out + err;
}
