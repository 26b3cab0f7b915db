/** What is measured: the scenarios by name, and the measurements that give their figures. */

import type { Measurement } from "./measure/sample.ts";
import { tcp } from "./measure/tcp.ts";
import type { PeerName } from "./peers/peer.ts";

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
