/** What is measured: the scenarios by name, and the measurements that give their figures. */

import type { Measurement } from "./measure/sample.ts";
import { rttIdle, rttLoad } from "./measure/rtt.ts";
import { tcp } from "./measure/tcp.ts";
import { udp } from "./measure/udp.ts";
import type { PeerName } from "./peers/peer.ts";
import type { TopologyName } from "./topology.ts";

export interface Scenario {
  readonly name: string;
  readonly unit: string;
  readonly better: "higher" | "lower";
  readonly what: string;
  /** The figure is what a peer adds to that of the bare veth in the same run. */
  readonly overVeth?: true;
  /** Labelway alone, and its figure is compared with this scenario's in the same run. */
  readonly against?: string;
}

/** One measurement of one peer; gives the figures of one or more scenarios. */
export interface Plan {
  readonly scenarios: readonly Scenario[];
  readonly measurement: Measurement;
  /** Absent: all. */
  readonly peers?: readonly PeerName[];
}

/** Plans that are compared with each other: each run goes through all of them. */
export type Group = readonly Plan[];

const MEMORY: Scenario = {
  name: "memory",
  unit: "MB",
  better: "lower",
  what: "peak resident memory of a gateway's processes under tcp-direct",
};
const MEMORY_NATIVE: Scenario = {
  name: "memory-native",
  unit: "MB",
  better: "lower",
  what: "the same, for Labelway without what an idle Deno of the same version takes",
};

export const GROUPS: readonly Group[] = [
  [
    {
      scenarios: [rate("tcp-direct", "one TCP stream"), MEMORY, MEMORY_NATIVE],
      measurement: tcp("tcp-direct", "direct", 1),
    },
  ],
  [
    {
      scenarios: [rate("tcp-direct-4", "four TCP streams")],
      measurement: tcp("tcp-direct-4", "direct", 4),
    },
  ],
  [
    {
      scenarios: [rate("tcp-transit", "one TCP stream through a transit site")],
      measurement: tcp("tcp-transit", "transit", 1),
    },
  ],
  [
    {
      scenarios: [rate("tcp-transit-4", "four TCP streams through a transit site")],
      measurement: tcp("tcp-transit-4", "transit", 4),
    },
  ],
  [packets("udp-1400", "direct", 1400, ", which every tunnel here has to fragment")],
  [packets("udp-1300", "direct", 1300, ", which fit into every tunnel")],
  [packets("udp-100", "direct", 100)],
  [packets("udp-100-transit", "transit", 100, " through a transit site")],
  [
    {
      scenarios: [
        {
          name: "rtt-idle",
          unit: "µs",
          better: "lower",
          what: "median round trip of a datagram that is added to that of the bare veth",
          overVeth: true,
        },
        {
          name: "memory-idle",
          unit: "MB",
          better: "lower",
          what: "resident memory of a gateway's processes while nothing is sent",
        },
      ],
      measurement: rttIdle(),
    },
  ],
  [
    {
      scenarios: [
        roundTrip("rtt-load", "median round trip of a datagram beside one TCP stream"),
        roundTrip("rtt-load-p99", "the same, 99th percentile"),
      ],
      measurement: rttLoad(),
    },
  ],
];

export const SCENARIOS: readonly Scenario[] = GROUPS.flat().flatMap((plan) => plan.scenarios);

/** What gives the figures of these scenarios and no more, in the order of {@link GROUPS}. */
export function groupsFor(names: readonly string[]): readonly Group[] {
  return GROUPS
    .map((group) =>
      group.flatMap((plan) => {
        const scenarios = plan.scenarios.filter(({ name }) => names.includes(name));
        return scenarios.length === 0 ? [] : [{ ...plan, scenarios }];
      })
    )
    .filter((group) => group.length > 0);
}

function rate(name: string, what: string): Scenario {
  return { name, unit: "Gbit/s", better: "higher", what };
}

function packets(name: string, topology: TopologyName, bytes: number, more = ""): Plan {
  const what = `UDP datagrams of ${bytes} bytes${more}, delivered`;
  return {
    scenarios: [{ name, unit: "packets/s", better: "higher", what }],
    measurement: udp(name, topology, bytes),
  };
}

function roundTrip(name: string, what: string): Scenario {
  return { name, unit: "µs", better: "lower", what };
}
