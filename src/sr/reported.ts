/** What other sites told of their adjacencies, by the names of the file. */

import type { ReportedAdjacency } from "../model/boundary.ts";
import type { Network } from "../model/network.ts";
import type { Figures } from "../model/figures.ts";
import { hopName } from "../te/expected.ts";
import { tunnelAddress } from "./labels.ts";

/** By {@link hopName}; null: it is down. Adjacencies that the file does not know are left out. */
export function reportedHops(
  network: Network,
  reported: readonly ReportedAdjacency[],
): Map<string, Figures | null> {
  const ends = new Map(
    network.sites.flatMap(({ name, sid, uplinks }) =>
      uplinks.map((uplink) =>
        [
          tunnelAddress(network, sid, uplink.number) as string,
          { site: name, sid, uplink: uplink.name },
        ] as const
      )
    ),
  );
  const hops = new Map<string, Figures | null>();
  for (const told of reported) {
    const [from, to] = [ends.get(told.local), ends.get(told.remote)];
    // A site speaks for its own adjacencies alone.
    if (!from || !to || from.sid !== told.site) continue;
    hops.set(
      hopName({ from, to }),
      !told.is_up ? null : {
        rttMicros: told.round_trip_micros,
        jitterMicros: told.jitter_micros,
        lossForward: told.lost_forward,
        lossBackward: told.lost_return,
        mtuBytes: told.mtu,
        bandwidthBitsPerSecond: null,
      },
    );
  }
  return hops;
}
