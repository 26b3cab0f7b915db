/** Waiting for routers: each must answer, and all its adjacencies and paths be up. */

import { now } from "../io/clock.ts";
import { countOf } from "../model/quantity.ts";
import { LabError } from "./error.ts";
import { type LabState, type Place, requireState } from "./folder.ts";
import { ask, logTail } from "./gateway.ts";
import { isAlive, pause } from "./process.ts";

const POLL_MILLIS = 100;

/** Of an adjacency, what the HTTP interface says that matters here. */
export interface AdjacencyState {
  readonly key: string;
  readonly state: string;
}

interface StatusPart {
  readonly adjacencies: { readonly total: number; readonly up: number };
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
  const start = now();
  while (waiting.size > 0) {
    stop?.throwIfAborted();
    const asked = now();
    const late = asked - start >= waitMillis;
    for (const site of waiting) {
      const router = state.gateways[site]?.router;
      if (router == null || !isAlive(router)) await fail(place, site, "has ended");
      const status = await ask<StatusPart>(place, site, "/v1/status");
      if (status !== null && isReady(status)) {
        waiting.delete(site);
        const { adjacencies, paths } = status;
        report(
          `${site} is ready: ${countOf(adjacencies.total, "adjacency", "adjacencies")} and ` +
            `${countOf(paths.up, "path")} up`,
        );
      } else if (late) await fail(place, site, await whatIsMissing(place, site, status));
    }
    // Where an answer takes long, asking must not be what keeps the routers busy.
    if (waiting.size > 0) await pause(Math.max(POLL_MILLIS, 3 * (now() - asked)));
  }
}

function isReady({ adjacencies, paths, sites }: StatusPart): boolean {
  return adjacencies.up === adjacencies.total && paths.up === paths.total &&
    sites.reachable === sites.total;
}

async function whatIsMissing(
  place: Place,
  site: string,
  status: StatusPart | null,
): Promise<string> {
  const adjacencies = await adjacenciesOf(place, site);
  if (status === null || adjacencies === null) return "does not answer";
  const down = adjacencies.filter((adjacency) => adjacency.state !== "up");
  if (down.length > 0) {
    const which = down.map(({ key, state }) => `${key} ${state}`).join(", ");
    return `has adjacencies that are not up: ${which}`;
  }
  const { sites, paths } = status;
  const reached = `reaches ${sites.reachable} of ${sites.total} sites`;
  return `${reached} by ${paths.up} of ${paths.total} paths`;
}

/** Throws with the log's end of a router that has ended. */
export async function requireRouters(place: Place): Promise<void> {
  const { gateways } = await requireState(place);
  for (const [site, { router }] of Object.entries(gateways)) {
    if (router === null || !isAlive(router)) await fail(place, site, "has ended");
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
