/** TCP over links between the gateways that lose and reorder. */

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Emulator } from "../../src/lab/emulator.ts";
import { CLEAR, type Impairment } from "../../src/lab/impairment.ts";
import { buildEmulated, type Emulated } from "./engine/emulated.ts";
import { allUp, apply, NAMES, type Network, snapshot, tcp } from "./engine/network.ts";

const BYTES = 20_000_000;
const SECONDS = 60;
/** On every link, so that what overtakes on one may be overtaken on the next. */
const REORDERING: Impairment = { ...CLEAR, delayMillis: 1, reorderPercent: 30 };
/** On one that every packet crosses: 5 % of a path's packets are lost. */
const LOSING: Impairment = { ...REORDERING, lossPercent: 5 };

let emulated: Emulated | undefined;
let network: Network;
let emulator: Emulator;

beforeAll(async () => {
  emulated = await buildEmulated(REORDERING);
  ({ network, emulator } = emulated);
}, 60_000);

beforeEach(async () => {
  await emulator.change("a", "both", REORDERING);
  await Promise.all(NAMES.map((name) => allUp(network, name)));
  await emulator.change("a", "both", LOSING);
}, 30_000);

afterAll(() => emulated?.remove(), 30_000);

for (const way of ["direct", "through-h"] as const) {
  for (const from of ["a", "b"] as const) {
    test(`TCP from ${from} survives 5 % loss and 30 % reordering, ${way}`, async () => {
      await apply(network, "a", { ways: [way] });
      await apply(network, "b", { ways: [way] });
      const before = await seen();
      await tcp(network, BYTES, 4, { from, seconds: SECONDS });
      const after = await seen();
      // Not one drop of a router's own: no packet was taken for replayed or out of place.
      expect(after.drops).toEqual(before.drops);
      expect(after.transit - before.transit > BYTES / 1500, "crossed h").toBe(way === "through-h");
      const link = (of: typeof after) => of.links.find(({ link }) => link === "a")!;
      for (const direction of ["up", "down"] as const) {
        const [now, then] = [link(after)[direction].counters, link(before)[direction].counters];
        const came = now.packets - then.packets;
        expect(now.reordered - then.reordered).toBeGreaterThan(0.2 * came);
        expect(now.dropped - then.dropped).toBeGreaterThan(0.03 * came);
      }
    }, (SECONDS + 20) * 1000);
  }
}

async function seen() {
  const snapshots = await Promise.all(NAMES.map((name) => snapshot(network, name)));
  return {
    // The gateway's own system looks for routers on the TUN now and then; that goes nowhere.
    drops: snapshots.map(({ drops }) => ({ ...drops, "customer-not-unicast": 0 })),
    transit: snapshots[NAMES.indexOf("h")]!.adjacencies
      .reduce((sum, { tx_packets }) => sum + tx_packets, 0),
    links: await emulator.show(),
  };
}
