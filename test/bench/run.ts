/** Goes through the plans, run by run and peer by peer, each on a network of its own. */

import type { Sample } from "./measure/sample.ts";
import type { Peer, PeerName } from "./peers/peer.ts";
import type { Group, Plan } from "./scenarios.ts";
import { staged } from "./stage.ts";

export interface Progress {
  readonly plan: Plan;
  readonly peer: PeerName;
  /** From 1. */
  readonly run: number;
  readonly result: Sample | Error;
}

/** Plan → peer → run. */
export type Measured = ReadonlyMap<Plan, ReadonlyMap<PeerName, readonly (Sample | null)[]>>;

/** The peers that a plan needs of those asked for: the veth too, where figures are added to it. */
export function peersOf(plan: Plan, asked: readonly PeerName[]): readonly PeerName[] {
  const able = asked.filter((peer) => plan.peers === undefined || plan.peers.includes(peer));
  const needsVeth = plan.scenarios.some(({ overVeth }) => overVeth === true);
  return needsVeth && able.length > 0 && !able.includes("veth") ? ["veth", ...able] : able;
}

/** Expected duration of everything, seconds. */
export function expectedSeconds(
  groups: readonly Group[],
  asked: readonly PeerName[],
  runs: number,
): number {
  return groups.flat().reduce(
    (sum, plan) => sum + plan.measurement.seconds * peersOf(plan, asked).length * runs,
    0,
  );
}

/**
 * Runs outermost, then plans, then peers: what changes on the machine meanwhile meets all of them
 * alike. A failed measurement is told and the others go on. `stop` ends it with an error.
 */
export async function runGroup(
  group: Group,
  peers: ReadonlyMap<PeerName, Peer>,
  asked: readonly PeerName[],
  runs: number,
  report: (progress: Progress, tookSeconds: number) => void,
  stop: AbortSignal,
): Promise<Measured> {
  const measured = new Map(group.map((plan) => [
    plan,
    new Map(peersOf(plan, asked).map((name) => [name, [] as (Sample | null)[]])),
  ]));
  for (let run = 1; run <= runs; run++) {
    for (const [plan, samples] of measured) {
      for (const [name, figures] of samples) {
        const peer = peers.get(name);
        if (peer === undefined) throw new TypeError(`${name} is not prepared`);
        const start = performance.now();
        const result = await attempt(plan, peer);
        stop.throwIfAborted();
        figures.push(result instanceof Error ? null : result);
        report({ plan, peer: name, run, result }, (performance.now() - start) / 1000);
      }
    }
  }
  return measured;
}

async function attempt({ measurement }: Plan, peer: Peer): Promise<Sample | Error> {
  try {
    return await staged(
      measurement.topology,
      measurement.stand?.() ?? peer,
      (stage) => measurement.measure(stage, peer),
    );
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
