/** How many threads move packets, as the environment may ask for. */

import type { ThreadCounts } from "../../model/boundary.ts";

/** Name of the environment variable. */
export const THREADS = "LABELWAY_THREADS";

/** Most of a direction; the engine refuses more. */
const MOST = 64;

/**
 * Parses `INGRESS,UNDERLAY`. Null where nothing is asked for: then the engine runs what fits the
 * processors that the process may use.
 *
 * @throws {Error} Says what is accepted.
 */
export function parseThreads(text: string | undefined): ThreadCounts | null {
  if (text === undefined || text.trim() === "") return null;
  const [ingress, underlay] = /^(\d{1,2}),(\d{1,2})$/.exec(text.trim())?.slice(1).map(Number) ?? [];
  const possible = (count: number | undefined): count is number =>
    count !== undefined && count >= 1 && count <= MOST;
  if (possible(ingress) && possible(underlay)) return { ingress, underlay };
  throw new Error(
    `Cannot read ${THREADS}=${JSON.stringify(text)}: the numbers of ingress and of underlay ` +
      `threads are meant, each from 1 to ${MOST}, e.g. ${THREADS}=2,2; without it they fit the ` +
      "processors",
  );
}
