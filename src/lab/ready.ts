/** Waiting for routers: each must answer, and all its adjacencies and paths be up. */

import { LabError } from "./error.ts";
import type { LabState, Place } from "./folder.ts";
import { ask, logTail } from "./gateway.ts";
import { isAlive, pause } from "./process.ts";

const POLL_MILLIS = 100;

/** Of an adjacency, what the HTTP interface says that matters here. */
export interface AdjacencyState {
  readonly key: string;
  readonly state: string;
}

interface StatusPart {
  readonly paths: { readonly total: number; readonly up: number };
  readonly sites: { readonly total: number; readonly reachable: number };
}

/** Throws with the log's end of the first router that dies or never gets ready. */
export async function awaitRouters(
  place: Place,
  state: LabState,
  sites: readonly string[],
  waitMillis: number,
  report: (line: string) => void,
  stop?: AbortSignal,
): Promise<void> {
  const waiting = new Set(sites);
  for (let waited = 0; waiting.size > 0; waited += POLL_MILLIS) {
    stop?.throwIfAborted();
    for (const site of waiting) {
      const router = state.gateways[site]?.router;
      if (router == null || !isAlive(router)) await fail(place, site, "has ended");
      const status = await ask<StatusPart>(place, site, "/v1/status");
      const adjacencies = await adjacenciesOf(place, site);
      if (adjacencies === null || status === null) {
        if (waited >= waitMillis) await fail(place, site, "does not answer");
        continue;
      }
      const down = adjacencies.filter((adjacency) => adjacency.state !== "up");
      const { sites, paths } = status;
      if (down.length === 0 && sites.reachable === sites.total && paths.up === paths.total) {
        waiting.delete(site);
        report(`${site} is ready: ${adjacencies.length} adjacencies and ${paths.up} paths up`);
      } else if (waited >= waitMillis && down.length === 0) {
        const reached = `reaches ${sites.reachable} of ${sites.total} sites`;
        await fail(place, site, `${reached} by ${paths.up} of ${paths.total} paths`);
      } else if (waited >= waitMillis) {
        const which = down.map(({ key, state }) => `${key} ${state}`).join(", ");
        await fail(place, site, `has adjacencies that are not up: ${which}`);
      }
    }
    if (waiting.size > 0) await pause(POLL_MILLIS);
  }
}

/** Whether every path of a router is up. */
export async function allPathsUp(place: Place, site: string): Promise<boolean> {
  const status = await ask<StatusPart>(place, site, "/v1/status");
  return status !== null && status.paths.up === status.paths.total;
}

export async function adjacenciesOf(
  place: Place,
  site: string,
): Promise<readonly AdjacencyState[] | null> {
  const answer = await ask<{ adjacencies: readonly AdjacencyState[] }>(
    place,
    site,
    "/v1/adjacencies",
  );
  return answer?.adjacencies ?? null;
}

async function fail(place: Place, site: string, what: string): Promise<never> {
  throw new LabError([
    `The router of ${site} ${what}; its log ends:`,
    ...await logTail(place, site),
  ]);
}
