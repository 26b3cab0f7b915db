/** Datagrams a second that arrive, at the offered rate of which most do. */

import type { Stage } from "../stage.ts";
import type { TopologyName } from "../topology.ts";
import { type Flood, flood } from "./datagrams.ts";
import { withCpu } from "./processes.ts";
import type { Measurement, Sample } from "./sample.ts";
import { highestDelivered } from "./search.ts";

const SETTLE_MILLIS = 250;
const STEP_MILLIS = 750;
const FINAL_MILLIS = 3000;

/** Scenario `name`: datagrams of `bytes` payload. */
export function udp(name: string, topology: TopologyName, bytes: number): Measurement {
  return { topology, seconds: 22, measure: (stage) => measureRate(stage, name, bytes) };
}

/** `spread`: over how many flows, and to which addresses. */
export async function measureRate(
  stage: Stage,
  name: string,
  bytes: number,
  spread: Pick<Flood, "flows" | "stride"> & { readonly address?: string } = {},
): Promise<Sample> {
  const { address, ...shape } = spread;
  const best = await highestDelivered(async (rate) => {
    const task = { ...shape, rate, millis: STEP_MILLIS, settleMillis: SETTLE_MILLIS };
    const { received, seconds } = await flood(stage, bytes, task, address);
    return received / seconds;
  });
  const { result, cpu } = await withCpu(stage, async () => {
    const task = { ...shape, rate: best.rate, millis: FINAL_MILLIS, settleMillis: SETTLE_MILLIS };
    const result = await flood(stage, bytes, task, address);
    // What came while it settled counts for the time that it took, too.
    const share = (FINAL_MILLIS + SETTLE_MILLIS) / FINAL_MILLIS;
    return { result, bytes: result.received * bytes * share };
  });
  return { values: { [name]: result.received / result.seconds }, cpu };
}
