/** Which lists can carry traffic and which path of a ranking does, decided as the engine decides. */

import type { Liveness, SegmentList, Snapshot, Table, Verdict } from "../model/boundary.ts";

export interface ListStanding {
  readonly key: string;
  /** Up: usable. Unknown or down: not, and `reason` says why. */
  readonly state: Liveness;
  readonly reason: string | null;
  /** Something that it passes seems dead from here: used where nothing else is usable. */
  readonly suspect: boolean;
}

export interface PathStanding {
  readonly key: string;
  readonly state: Liveness;
  /** So are all of its lists that are up. */
  readonly suspect: boolean;
  /** Why no list of it is usable; null while one is. */
  readonly reason: string | null;
}

/** The standing of everything in one table at one instant. */
export interface Standings {
  readonly lists: readonly ListStanding[];
  readonly paths: readonly PathStanding[];
}

export function standings(table: Table, snapshot: Snapshot): Standings {
  const adjacencies = new Map(snapshot.adjacencies.map((one) => [one.key, one.quality.state]));
  const probes = new Map(snapshot.lists.map((one) => [one.key, one.quality.state]));
  const suspects = new Set(snapshot.lists.filter((one) => one.suspect).map((one) => one.key));
  const lists = table.lists.map((list) => ({
    ...listStanding(table, list, adjacencies, probes),
    suspect: suspects.has(list.key),
  }));
  const paths = table.paths.map((path) => {
    const own = path.lists.map((index) => lists[index]).filter((list) => list !== undefined);
    const usable = own.some((list) => list.state === "up");
    const state = usable
      ? "up"
      : own.some((list) => list.state === "unknown")
      ? "unknown"
      : "down" satisfies Liveness;
    const reasons = new Set(own.map((list) => list.reason).filter((reason) => reason !== null));
    const suspect = usable && !own.some((list) => list.state === "up" && !list.suspect);
    const reason = usable ? null : [...reasons].join("; ");
    return { key: path.key, state, suspect, reason } as const;
  });
  return { lists, paths };
}

/** Index into the table's paths; null: nothing in the ranking is up, or it says drop. */
export function pathInUse(verdict: Verdict, { paths }: Standings): number | null {
  if (verdict === "drop") return null;
  const up = verdict.paths.order.filter((index) => paths[index]?.state === "up");
  return up.find((index) => !paths[index]!.suspect) ?? up[0] ?? null;
}

/**
 * A list is usable while its first adjacency is up and its own probe is. A list without labels is
 * not probed: it is as its adjacency is.
 */
function listStanding(
  table: Table,
  list: SegmentList,
  adjacencies: ReadonlyMap<string, Liveness>,
  probes: ReadonlyMap<string, Liveness>,
): Omit<ListStanding, "suspect"> {
  const first = table.adjacencies[list.adjacency]?.key ?? "";
  const adjacency = adjacencies.get(first) ?? "unknown";
  if (adjacency !== "up") {
    const reason = adjacency === "down"
      ? `adjacency ${first} is down`
      : `adjacency ${first} has not answered yet`;
    return { key: list.key, state: adjacency, reason };
  }
  if (list.labels.length === 0) return { key: list.key, state: "up", reason: null };
  const probe = probes.get(list.key) ?? "unknown";
  const reasons = {
    up: null,
    down: "its own probe gets no reply",
    unknown: "its own probe has not been answered yet",
  };
  return { key: list.key, state: probe, reason: reasons[probe] };
}
