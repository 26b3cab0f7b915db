/** The figures of all runs, and what they come to: a pure value for the table, the JSON, the plot. */

import type { Cpu, Sample } from "./measure/sample.ts";
import type { PeerName } from "./peers/peer.ts";
import type { Scenario } from "./scenarios.ts";
import { difference, ratio, type Runs, summarize, type Summary } from "./statistics.ts";

/** Peer → what each run gave; null where it failed. */
export type Samples = ReadonlyMap<PeerName, readonly (Sample | null)[]>;

export interface Figures {
  readonly scenario: Scenario;
  readonly peers: readonly PeerFigures[];
  /** Of the bare veth, where the scenario is what is added to it. */
  readonly base: Summary | null;
}

export interface PeerFigures {
  readonly peer: PeerName;
  readonly runs: Runs;
  readonly summary: Summary;
  /**
   * Labelway's figure ÷ this one's, run by run. Labelway's own is null, or ÷ its figure in the
   * scenario that this one is compared with.
   */
  readonly ratio: Summary | null;
  /** Medians; where the figure is a rate. */
  readonly cpu: Cpu | null;
  readonly peakMemory: number | null;
}

/** Null where no peer has a figure. `reference`: Labelway's of {@link Scenario.against}. */
export function evaluate(
  scenario: Scenario,
  samples: Samples,
  asked: readonly PeerName[],
  reference: Runs = [],
): Figures | null {
  const raw = (peer: PeerName): Runs =>
    (samples.get(peer) ?? []).map((sample) => sample?.values[scenario.name] ?? null);
  const runsOf = (peer: PeerName) =>
    scenario.overVeth === true ? difference(raw(peer), raw("veth")) : raw(peer);
  const ours = runsOf("labelway");
  const peers = asked.flatMap((peer): PeerFigures[] => {
    if (scenario.overVeth === true && peer === "veth") return [];
    const runs = runsOf(peer);
    const summary = summarize(runs);
    if (summary === null) return [];
    const present = (samples.get(peer) ?? []).filter((sample) => sample !== null);
    return [{
      peer,
      runs,
      summary,
      ratio: ratio(ours, peer === "labelway" ? reference : runs),
      ...(scenario.better === "higher"
        ? { cpu: cpuOf(present), peakMemory: peakOf(present) }
        : { cpu: null, peakMemory: null }),
    }];
  });
  if (peers.length === 0) return null;
  return { scenario, peers, base: scenario.overVeth === true ? summarize(raw("veth")) : null };
}

function peakOf(samples: readonly Sample[]): number | null {
  return summarize(samples.map((sample) => sample.peakMemory ?? null))?.median ?? null;
}

function cpuOf(samples: readonly Sample[]): Cpu | null {
  const machine = summarize(samples.map((sample) => sample.cpu?.machine ?? null));
  const processes = summarize(samples.map((sample) => sample.cpu?.processes ?? null));
  const load = summarize(samples.map((sample) => sample.cpu?.idleLoad ?? null));
  if (machine === null || processes === null || load === null) return null;
  return { machine: machine.median, processes: processes.median, idleLoad: load.median };
}
