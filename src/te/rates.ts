/** Rates of paths, by the file. */

import type { Network } from "../model/network.ts";
import type { CandidatePath } from "../model/path.ts";

/** Of the narrowest uplink on the way, bit/s; null: some uplink on it has none in the file. */
export type RateOf = (path: Pick<CandidatePath, "hops">) => number | null;

export function ratesOf(network: Network): RateOf {
  const rates = new Map(
    network.sites.flatMap((site) =>
      site.uplinks.map((uplink) => [`${site.name}.${uplink.name}`, uplink.bandwidthBitsPerSecond])
    ),
  );
  return ({ hops }) => {
    const ends = hops.flatMap(({ from, to }) => [from, to]);
    const known = ends.map(({ site, uplink }) => rates.get(`${site}.${uplink}`));
    return known.every((rate) => rate !== undefined) ? Math.min(...known) : null;
  };
}

const MOST_WEIGHT = 255;

/**
 * Shares of flows, 1–255, by key: as the rates are to each other. Equal where a rate is not known,
 * because nothing says how the others compare with it.
 */
export function weightsOf(
  paths: readonly Pick<CandidatePath, "key" | "hops">[],
  rateOf: RateOf,
): Map<string, number> {
  const rates = paths.map((path) => rateOf(path));
  const known = rates.filter((rate) => rate !== null);
  const most = Math.max(0, ...known);
  const all = known.length === rates.length && most > 0;
  return new Map(paths.map(({ key }, index) => [
    key,
    all ? Math.max(1, Math.round(rates[index]! / most * MOST_WEIGHT)) : 1,
  ]));
}
