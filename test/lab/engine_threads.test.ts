/**
 * Gateways with two threads of each direction, whatever the machine has: the embedded WireGuard at
 * a and h, another one at b. What every flow and device does there is in native/io/tests/threads.rs.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import {
  allUp,
  apply,
  build,
  type Network,
  ping,
  snapshot,
  start,
  startKernel,
  tcp,
} from "./engine/network.ts";

let network: Network;

beforeAll(async () => {
  network = await build(undefined, { LABELWAY_THREADS: "2,2" });
  await Promise.all([start(network, "a"), startKernel(network, "b"), start(network, "h")]);
  await Promise.all([allUp(network, "a"), allUp(network, "b"), allUp(network, "h")]);
}, 60_000);

afterAll(() => network?.net.remove(), 30_000);

test.each([["direct"], ["through-h"]] as const)("everything crosses, %s", async (way) => {
  await Promise.all([
    apply(network, "a", { ways: [way] }),
    apply(network, "b", { ways: [way], backend: "kernel" }),
  ]);
  expect(await ping(network, 20, 0.01, 4)).toEqual({ sent: 20, received: 20 });
  expect(await ping(network, 20, 0.01, 6)).toEqual({ sent: 20, received: 20 });
  await tcp(network, 2_000_000, 4);
  await tcp(network, 2_000_000, 6, { from: "b" });
}, 30_000);

test("the threads are told with what they have taken", async () => {
  for (const name of ["a", "b", "h"] as const) {
    const { threads, segments, adjacencies } = await snapshot(network, name);
    expect(threads.map((thread) => thread.name)).toEqual([
      "lw-ingress-0",
      "lw-ingress-1",
      "lw-underlay-0",
      "lw-underlay-1",
    ]);
    const sum = (direction: string) =>
      threads.filter((thread) => thread.direction === direction)
        .reduce((total, { packets }) => total + packets, 0);
    const ingress = segments.reduce((total, segment) => total + segment.ingress_packets, 0);
    expect(sum("ingress"), name).toBe(ingress);
    const received = adjacencies.reduce((total, adjacency) => total + adjacency.rx_packets, 0);
    // Probes come in while it is read.
    expect(Math.abs(sum("underlay") - received), name).toBeLessThan(20);
  }
});

test("a kernel's flows are parted among its threads", async () => {
  await Promise.all([
    apply(network, "a", { ways: ["direct"] }),
    apply(network, "b", { ways: ["direct"], backend: "kernel" }),
  ]);
  const taken = async () =>
    (await snapshot(network, "b")).threads
      .filter(({ direction }) => direction === "underlay").map(({ packets }) => packets);
  const before = await taken();
  // Each connection has an entropy port of its own, and the kernel parts by it.
  for (let connection = 0; connection < 12; connection++) await tcp(network, 300_000);
  const after = await taken();
  // Probes are the first one's, so more than those is wanted of both.
  for (const [index, packets] of after.entries()) {
    expect(packets - before[index]!, `thread ${index}`).toBeGreaterThan(100);
  }
}, 60_000);
