/** The measured half of ranking: latency policies, as they stand now. */

import type { CandidatePath } from "../model/path.ts";
import type { Instant } from "../model/quantity.ts";
import { rankByLatency, type RoundTrips, type Standing } from "../te/rank.ts";
import type { Survey } from "./survey.ts";

/** By the key of a choice; only choices by latency. */
export type Rankings = ReadonlyMap<string, Standing>;

/** What follows from the previous rankings and the present round trips. Pure; may run any time. */
export function updateRankings(
  surveyed: Survey,
  trips: RoundTrips,
  previous: Rankings | undefined,
  now: Instant,
): Rankings {
  const rankings = new Map<string, Standing>();
  for (const [key, choice] of surveyed.choices) {
    if (choice.kind !== "latency") continue;
    const grade = ({ key }: CandidatePath) => choice.grades.get(key) ?? 0;
    rankings.set(key, rankByLatency(choice.paths, trips, previous?.get(key), now, grade));
  }
  return rankings;
}

/** Do both put every path in the same place? Then the table is the same, too. */
export function sameOrder(a: Rankings, b: Rankings): boolean {
  return a.size === b.size && [...a].every(([key, standing]) => {
    const other = b.get(key)?.order;
    return other !== undefined && other.length === standing.order.length &&
      other.every((path, place) => path === standing.order[place]);
  });
}
