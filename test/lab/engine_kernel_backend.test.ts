/**
 * A gateway whose WireGuard is not the engine's: Debian's wireguard-go here, between gateways with
 * the embedded one. The engine sends and receives inner packets through that interface.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import {
  allUp,
  apply,
  build,
  NAMES,
  type Network,
  ping,
  snapshot,
  start,
  startKernel,
  tcp,
} from "./engine/network.ts";
import { hop, table } from "./engine/tables.ts";

let network: Network;

/**
 * Two wireguard-go that greet each other at the same moment have no session: each takes the other's
 * first message and forgets its own. They try again after 5 s, and may meet again then.
 */
const GREETINGS_MILLIS = 20_000;

beforeAll(async () => {
  network = await build();
  await Promise.all([start(network, "a"), startKernel(network, "b"), startKernel(network, "h")]);
  await Promise.all(NAMES.map((name) => allUp(network, name, GREETINGS_MILLIS)));
}, 60_000);

afterAll(() => network?.net.remove(), 30_000);

const ways = (ways: ("direct" | "through-h")[]) =>
  Promise.all([
    apply(network, "a", { ways }),
    apply(network, "b", { ways, backend: "kernel" }),
  ]);

test("between the embedded backend and another WireGuard", async () => {
  await ways(["direct"]);
  expect(await ping(network, 20, 0.01, 4)).toEqual({ sent: 20, received: 20 });
  expect(await ping(network, 20, 0.01, 6)).toEqual({ sent: 20, received: 20 });
  await tcp(network, 2_000_000);
  const seen = await snapshot(network, "b");
  expect(seen.adjacencies[0]!.rx_packets).toBeGreaterThan(1000);
}, 30_000);

test("through a transit gateway with another WireGuard", async () => {
  await ways(["through-h"]);
  expect(await ping(network, 20, 0.01, 4)).toEqual({ sent: 20, received: 20 });
  expect(await ping(network, 20, 0.01, 6)).toEqual({ sent: 20, received: 20 });
  await tcp(network, 2_000_000);
  const labels = await network.gateways.h.ask({ do: "labels" });
  const hits = labels.find(({ label }: { label: number }) => label === hop("b"));
  expect(hits.packets).toBeGreaterThan(500);
}, 30_000);

test("swaps under traffic lose no packet", async () => {
  const tables = (["direct", "through-h"] as const)
    .map((way) => table("b", network.keys, { ways: [way], backend: "kernel" }));
  const [pings] = await Promise.all([
    ping(network, 500, 0.003),
    network.gateways.b.ask({ do: "apply-repeatedly", tables, times: 100, pauseMillis: 10 }),
  ]);
  expect(pings).toEqual({ sent: 500, received: 500 });
}, 30_000);
