/** TCP from LAN a to LAN b by iperf3. */

import { send } from "../../../src/lab/traffic.ts";
import type { Stage } from "../stage.ts";
import { HOST, type TopologyName } from "../topology.ts";
import type { Peer } from "../peers/peer.ts";
import { idleDeno, memory, withCpu } from "./processes.ts";
import type { Measurement, Sample } from "./sample.ts";

const WARM_UP_SECONDS = 1;
const SECONDS = 5;
const IPERF_PORT = 5201;

const MEGABYTE = 1e6;

/**
 * Scenario `name`: Gbit/s that arrive, after the warm-up, over so many connections. With it the
 * scenarios `memory` and `memory-native`, MB.
 */
export function tcp(name: string, topology: TopologyName, streams: number): Measurement {
  return {
    topology,
    seconds: 12,
    measure: (stage, peer) => measure(stage, peer, name, streams),
  };
}

async function measure(
  stage: Stage,
  peer: Peer,
  name: string,
  streams: number,
): Promise<Sample> {
  const { flow, cpu } = await withCpu(stage, async () => {
    const flow = await send(stage.place, stage.state, {
      from: "a.lan",
      to: "b.lan",
      address: HOST.b,
      port: IPERF_PORT,
      protocol: "tcp",
      seconds: SECONDS,
      warmUpSeconds: WARM_UP_SECONDS,
      streams,
    });
    return { flow, bytes: flow.sentBytes ?? NaN };
  });
  const rate = { [name]: flow.receivedMbit / 1000 };
  const peak = memory(stage, "peak");
  if (peak === null) return { values: rate, cpu };
  const foreign = peer.name === "labelway" || peer.name === "plain" ? await idleDeno() : 0;
  return {
    values: {
      ...rate,
      "memory": peak / MEGABYTE,
      "memory-native": (peak - foreign) / MEGABYTE,
    },
    cpu,
    peakMemory: peak,
  };
}
