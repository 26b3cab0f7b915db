import { expect, test } from "vitest";
import { parseNetwork } from "../../../src/config/mod.ts";
import type { ReportedAdjacency } from "../../../src/model/boundary.ts";
import type { Instant } from "../../../src/model/quantity.ts";
import { Hops } from "../../../src/router/hops.ts";
import { Steering } from "../../../src/router/steering.ts";
import { tunnelAddress } from "../../../src/sr/labels.ts";
import { survey } from "../../../src/sr/survey.ts";
import { steadyLooks } from "../../fixtures/looks.ts";
import { FIXTURE_FILE } from "../../fixtures/router.ts";

const { network } = parseNetwork(FIXTURE_FILE, "test.yaml");
const surveyed = survey(network!, "lisbon");
const end = (site: string, uplink: string) => {
  const { sid, uplinks } = network!.sites.find(({ name }) => name === site)!;
  return {
    sid,
    address: tunnelAddress(network!, sid, uplinks.find(({ name }) => name === uplink)!.number),
  };
};

function reported(from: [string, string], to: [string, string], millis: number): ReportedAdjacency {
  return {
    site: end(...from).sid,
    local: end(...from).address,
    remote: end(...to).address,
    is_up: true,
    round_trip_micros: millis * 1_000,
    jitter_micros: 100,
    lost_forward: 0.01,
    lost_return: 0,
    mtu: null,
  };
}

test("sites that paths pass are asked, over every adjacency to them", () => {
  expect([...new Hops(surveyed).asked].sort()).toEqual([
    "fibre>hub.fibre",
    "fibre>porto.fibre",
    "lte>hub.fibre",
    "lte>porto.fibre",
  ]);
});

test("what is known of hops is forgotten when it is down or old", () => {
  const hops = new Hops(surveyed);
  const told = [reported(["hub", "fibre"], ["porto", "fibre"], 8)];
  hops.take({ ...steadyLooks(0, { "fibre>hub.fibre": 5 }), reported: told }, 0 as Instant);
  const names = (now: number) => [...hops.known(now as Instant).keys()];
  expect(names(1_000)).toEqual(["lisbon.fibre>hub.fibre", "hub.fibre>porto.fibre"]);
  hops.take(steadyLooks(2_000, { "fibre>hub.fibre": null }), 2_000 as Instant);
  expect(names(3_000)).toEqual(["hub.fibre>porto.fibre"]);
  expect(new Hops(surveyed, hops).known(3_000 as Instant).size).toBe(1);
  const down = [{ ...told[0]!, is_up: false }];
  hops.take({ ...steadyLooks(3_000, {}), reported: down }, 3_000 as Instant);
  expect(names(3_000)).toEqual([]);
  hops.take({ ...steadyLooks(4_000, {}), reported: told }, 4_000 as Instant);
  expect(names(4_000)).toEqual(["hub.fibre>porto.fibre"]);
  expect(names(700_000)).toEqual([]);
});

test("a standing tells what its hops sum up to beside what the path measures", () => {
  const steering = new Steering(surveyed, 0 as Instant);
  const told = [reported(["hub", "fibre"], ["porto", "fibre"], 8)];
  const samples = { "fibre>hub.fibre": 5, "fibre>hub.fibre,fibre>porto.fibre": 14 };
  steering.measure({ ...steadyLooks(1_000, samples), reported: told }, 1_000 as Instant);
  const standings = steering.standings(null, "porto", 1_000 as Instant)!;
  const over = standings.find(({ key }) => key === "fibre>hub.fibre,fibre>porto.fibre")!;
  expect(over.byHops).toMatchObject({ rttMicros: 13_000, lossForward: 0.01 });
  expect(over.figures).toMatchObject({ rttMicros: 14_000 });
  expect(standings.find(({ key }) => key === "fibre>porto.fibre")!.byHops).toBeNull();
});
