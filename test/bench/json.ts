/** The results for programs. */

import type { Cpu } from "./measure/sample.ts";
import type { Figures, PeerFigures } from "./results.ts";

type ByPeer<T> = Record<string, T>;

/** One scenario; everything by peer is in `unit` unless it says otherwise. */
export interface JsonScenario {
  readonly scenario: string;
  readonly unit: string;
  readonly better: "higher" | "lower";
  readonly median: ByPeer<number>;
  readonly min: ByPeer<number>;
  readonly max: ByPeer<number>;
  /** The median of Labelway's figure ÷ the peer's (or another scenario's) of the same run. */
  readonly ratio: ByPeer<number>;
  /** Every run in its order; null where it failed. */
  readonly runs: ByPeer<readonly (number | null)[]>;
  /** Seconds for 1e9 bytes: the whole machine's beyond its idle load, and the peer's processes'. */
  readonly cpuSecondsPerGb?: ByPeer<Cpu>;
  /** Bytes, at the gateway where the peer takes most. */
  readonly peakMemoryBytes?: ByPeer<number>;
  /** Where figures are what is added to the bare veth: the veth's own. */
  readonly veth?: number;
  /** What each peer is. */
  readonly peers: ByPeer<string>;
}

export function toJson(figures: Figures, what: ReadonlyMap<string, string>): JsonScenario {
  const { scenario, peers, base } = figures;
  const by = <T>(value: (peer: PeerFigures) => T | null): ByPeer<T> =>
    Object.fromEntries(peers.flatMap((peer) => {
      const found = value(peer);
      return found === null ? [] : [[peer.peer, found] as const];
    }));
  const cpu = by(({ cpu }) => cpu);
  const memory = by(({ peakMemory }) => peakMemory);
  return {
    scenario: scenario.name,
    unit: scenario.unit,
    better: scenario.better,
    median: by(({ summary }) => summary.median),
    min: by(({ summary }) => summary.min),
    max: by(({ summary }) => summary.max),
    ratio: Object.fromEntries(peers.flatMap(({ peer, ratio }) => {
      if (ratio === null) return [];
      return [[peer === "labelway" ? scenario.against ?? peer : peer, ratio.median] as const];
    })),
    runs: by(({ runs }) => runs),
    ...(Object.keys(cpu).length > 0 ? { cpuSecondsPerGb: cpu } : {}),
    ...(Object.keys(memory).length > 0 ? { peakMemoryBytes: memory } : {}),
    ...(base === null ? {} : { veth: base.median }),
    peers: by(({ peer }) => what.get(peer) ?? null),
  };
}
