/** What a path would measure, by what the sites on it measure on their own adjacencies. */

import type { Adjacency } from "../model/network.ts";
import type { CandidatePath } from "../model/path.ts";
import type { Figures } from "../model/figures.ts";
import { compose } from "./compose.ts";
import { adjacencyKey } from "./topology.ts";

/** Figures of adjacencies by {@link hopName}: this site's own, and those that others told. */
export type KnownHops = ReadonlyMap<string, Figures>;

/** An adjacency, whoever speaks of it: `lisbon.fibre>hub.fibre`. */
export function hopName(hop: Pick<Adjacency, "from" | "to">): string {
  return `${hop.from.site}.${adjacencyKey(hop)}`;
}

/** An adjacency of which only the far end told something is the other's, turned round. */
export function expectedOf(path: Pick<CandidatePath, "hops">, known: KnownHops): Figures {
  return compose(path.hops.map((hop) => known.get(hopName(hop)) ?? reversed(hop, known)));
}

function reversed({ from, to }: Adjacency, known: KnownHops): Figures {
  const other = known.get(hopName({ from: to, to: from }));
  if (other === undefined) return UNKNOWN;
  return { ...other, lossForward: other.lossBackward, lossBackward: other.lossForward };
}

/**
 * What paths are ranked by before they are measured: the mean time until one packet got through and
 * its answer came back, if each that is lost is sent again at once; µs. null: not known.
 */
export function expectedMicros({ rttMicros, lossForward, lossBackward }: Figures): number | null {
  if (rttMicros === null) return null;
  const through = (1 - (lossForward ?? 0)) * (1 - (lossBackward ?? 0));
  return through > 0 ? rttMicros / through : Infinity;
}

const UNKNOWN: Figures = {
  rttMicros: null,
  jitterMicros: null,
  lossForward: null,
  lossBackward: null,
  mtuBytes: null,
  bandwidthBitsPerSecond: null,
};
