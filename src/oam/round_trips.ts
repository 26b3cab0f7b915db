import type { Snapshot } from "../model/boundary.ts";

/** Median round trips in µs by key: of segment lists, and of adjacencies (paths of one hop). */
export function roundTrips(snapshot: Snapshot): Map<string, number> {
  const trips = new Map<string, number>();
  for (const { key, quality } of [...snapshot.adjacencies, ...snapshot.lists]) {
    if (quality.rtt_micros !== null) trips.set(key, quality.rtt_micros);
  }
  return trips;
}
