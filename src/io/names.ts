/** Resolves endpoint names as the system does (hosts file, then DNS), within a bounded time. */

import { lookup } from "node:dns/promises";

/** A resolver that is down lets a lookup hang for half a minute. */
const TIMEOUT_MILLIS = 5_000;

/** @returns literal addresses; throws an error whose message is the reason alone */
export async function resolveName(name: string): Promise<string[]> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new Error(`no answer within ${TIMEOUT_MILLIS / 1000} s`)),
    TIMEOUT_MILLIS,
  );
  try {
    const found = await Promise.race([lookup(name, { all: true }), timeout.promise]);
    return [...new Set(found.map((entry) => entry.address))];
  } catch (error) {
    throw new Error(reason(error));
  } finally {
    clearTimeout(timer);
  }
}

function reason(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  if (code === "ENOTFOUND") return "no such name";
  if (code === "EAI_AGAIN") return "no name server answers";
  return error instanceof Error ? error.message : String(error);
}
