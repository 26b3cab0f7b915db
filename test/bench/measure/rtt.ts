/** Round trips of datagrams of 100 bytes between the LANs, idle and beside a TCP stream. */

import { send } from "../../../src/lab/traffic.ts";
import { pause } from "../../../src/lab/process.ts";
import { median } from "../statistics.ts";
import type { Stage } from "../stage.ts";
import { HOST } from "../topology.ts";
import { echo } from "./datagrams.ts";
import { memory } from "./processes.ts";
import type { Measurement, Sample } from "./sample.ts";

const BYTES = 100;
const MEGABYTE = 1e6;
const COUNT = 800;
const INTERVAL_MICROS = 3000;
/** The stream's start is left out, and it goes on for longer than the echoes. */
const STREAM_LEAD_MILLIS = 1500;
const STREAM_SECONDS = 7;
const ECHO_MILLIS = 4500;
/** Without a word on the network, before resident memory counts as idle. */
const QUIET_MILLIS = 1000;

/** Scenarios `rtt-idle` (µs) and `memory-idle` (MB). */
export function rttIdle(): Measurement {
  return { topology: "direct", seconds: 10, measure: measureIdle };
}

/** Scenarios `rtt-load` and `rtt-load-p99` (µs). */
export function rttLoad(): Measurement {
  return { topology: "direct", seconds: 14, measure: measureLoad };
}

async function measureIdle(stage: Stage): Promise<Sample> {
  await pause(QUIET_MILLIS);
  const resident = memory(stage, "now");
  const { rttMicros } = await echo(stage, BYTES, {
    count: COUNT,
    intervalMicros: INTERVAL_MICROS,
  });
  return {
    values: {
      "rtt-idle": median(rttMicros),
      ...(resident === null ? {} : { "memory-idle": resident / MEGABYTE }),
    },
  };
}

async function measureLoad(stage: Stage): Promise<Sample> {
  const stream = send(stage.place, stage.state, {
    from: "a.lan",
    to: "b.lan",
    address: HOST.b,
    port: 5201,
    protocol: "tcp",
    seconds: STREAM_SECONDS,
  });
  const echoes = async () => {
    await pause(STREAM_LEAD_MILLIS);
    return await echo(stage, BYTES, {
      count: COUNT,
      intervalMicros: INTERVAL_MICROS,
      mostMillis: ECHO_MILLIS,
    });
  };
  const [{ rttMicros }] = await Promise.all([echoes(), stream]);
  const sorted = rttMicros.toSorted((a, b) => a - b);
  return {
    values: {
      "rtt-load": median(sorted),
      "rtt-load-p99": sorted[Math.floor(sorted.length * 0.99)] ?? NaN,
    },
  };
}
