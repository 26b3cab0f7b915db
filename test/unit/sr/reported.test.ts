import { expect, test } from "vitest";
import { tunnelAddress } from "../../../src/sr/labels.ts";
import { reportedHops } from "../../../src/sr/reported.ts";
import type { Sid, UplinkNumber } from "../../../src/model/quantity.ts";
import { network } from "./small_network.ts";

test("reports are read by the file's names, each site's of its own adjacencies", () => {
  const file = network();
  const address = (sid: number, uplink: number) =>
    tunnelAddress(file, sid as Sid, uplink as UplinkNumber);
  const told = (site: number, from: [number, number], to: [number, number], is_up = true) => ({
    site,
    local: address(...from),
    remote: address(...to),
    is_up,
    round_trip_micros: 9_000 + site,
    jitter_micros: 1,
    lost_forward: 0.25,
    lost_return: null,
    mtu: null,
  });
  const hops = reportedHops(file, [
    told(2, [2, 0], [1, 0]),
    told(3, [2, 0], [3, 0]), // not its own
    told(2, [2, 0], [99, 0]), // a site that is not in the file
    told(3, [3, 1], [1, 1], false), // down
  ]);
  expect([...hops]).toEqual([["site2.up0>site1.up0", {
    rttMicros: 9_002,
    jitterMicros: 1,
    lossForward: 0.25,
    lossBackward: null,
    mtuBytes: null,
    bandwidthBitsPerSecond: null,
  }], ["site3.up1>site1.up1", null]]);
});
