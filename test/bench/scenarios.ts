/** What is measured: the scenarios by name, and the measurements that give their figures. */

import type { Measurement } from "./measure/sample.ts";
import { rttIdle, rttLoad } from "./measure/rtt.ts";
import { manyLabels, manyPolicies, manyPrefixes, stackDepth } from "./measure/tables.ts";
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
  [packets("udp-1400", "direct", 1400, ", which all but nebula have to fragment")],
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
  [1, 2, 3, 4, 5, 6].map((depth) => {
    const name = `labels-${depth}`;
    const what = depth === 1 ? "the segment's label alone" : `a stack of ${depth} labels`;
    return alone(name, what, depth === 1 ? null : "labels-1", stackDepth(name, depth));
  }),
  sizes("table-labels", [1000, 10_000, 100_000, 1_000_000], "labels at the egress", manyLabels),
  sizes("table-prefixes", [1000, 10_000, 100_000], "prefixes at the ingress", manyPrefixes),
  sizes("table-policies", [10, 100, 1000], "policies that do not match", manyPolicies),
];

export const SCENARIOS: readonly Scenario[] = GROUPS.flat().flatMap((plan) => plan.scenarios);

/**
 * What gives the figures of these scenarios, in the order of {@link GROUPS}, and of those that they
 * are compared with.
 */
export function groupsFor(names: readonly string[]): readonly Group[] {
  const wanted = new Set(
    SCENARIOS.filter(({ name }) => names.includes(name))
      .flatMap(({ name, against }) => against === undefined ? [name] : [name, against]),
  );
  return GROUPS
    .map((group) =>
      group.flatMap((plan) => {
        const scenarios = plan.scenarios.filter(({ name }) => wanted.has(name));
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

/** One plan for each size, the smallest first, which the others are compared with. */
function sizes(
  head: string,
  counts: readonly number[],
  what: string,
  measure: (name: string, count: number) => Measurement,
): Group {
  const names = counts.map((count) =>
    `${head}-${count >= 1e6 ? `${count / 1e6}m` : count >= 1000 ? `${count / 1000}k` : count}`
  );
  return counts.map((count, index) => {
    const name = names[index] ?? head;
    const against = index === 0 ? null : names[0] ?? null;
    return alone(name, `${count.toLocaleString("en")} ${what}`, against, measure(name, count));
  });
}

/** Labelway's engine alone, and how it does against another scenario of the group. */
function alone(
  name: string,
  what: string,
  against: string | null,
  measurement: Measurement,
): Plan {
  return {
    scenarios: [{
      name,
      unit: "packets/s",
      better: "higher",
      what: `the engine alone, datagrams of 100 bytes, ${what}`,
      ...(against === null ? {} : { against }),
    }],
    measurement,
    peers: ["labelway"],
  };
}

function roundTrip(name: string, what: string): Scenario {
  return { name, unit: "µs", better: "lower", what };
}
