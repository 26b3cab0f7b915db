/** TCP from LAN a to LAN b by iperf3. */

import { send } from "../../../src/lab/traffic.ts";
import type { Stage } from "../stage.ts";
import { HOST, type TopologyName } from "../topology.ts";
import { memory, withCpu } from "./processes.ts";
import type { Measurement, Sample } from "./sample.ts";

const WARM_UP_SECONDS = 1;
const SECONDS = 5;
const IPERF_PORT = 5201;

/** Scenario `name`: Gbit/s that arrive, after the warm-up, over so many connections. */
export function tcp(name: string, topology: TopologyName, streams: number): Measurement {
  return {
    topology,
    seconds: 12,
    measure: (stage) => measure(stage, name, streams),
  };
}

async function measure(stage: Stage, name: string, streams: number): Promise<Sample> {
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
  const peak = memory(stage, "peak");
  return {
    values: { [name]: flow.receivedMbit / 1000 },
    cpu,
    ...(peak === null ? {} : { peakMemory: peak }),
  };
}
