/** Which endpoint names are known, and when to ask for them (again). Pure: `now` is handed in. */

import type { Network, Uplink } from "../model/network.ts";
import type { PublicKey } from "../model/quantity.ts";
import { type Endpoints, isAddress } from "./assemble.ts";

/** First pause after a name that did not resolve; it doubles up to {@link LONGEST_PAUSE_MILLIS}. */
const FIRST_PAUSE_MILLIS = 1_000;
const LONGEST_PAUSE_MILLIS = 60_000;
/** A neighbour that has not answered for so long may have moved: its name is asked for again. */
export const SUSPECT_AFTER_MILLIS = 15_000;
/** But no more often than this. */
const ASK_AGAIN_MILLIS = 30_000;

interface Name {
  addresses: readonly string[];
  asking: boolean;
  failures: number;
  /** When to ask next; null: when somebody is missing. */
  due: number | null;
  lastAsked: number;
  reason: string | null;
}

export class EndpointNames implements Endpoints {
  readonly #names = new Map<string, Name>();
  readonly #fresh = new Set<PublicKey>();

  /** Takes over the names of a new file; peers whose endpoint differs from before are new. */
  configure(
    remotes: ReadonlyMap<PublicKey, Uplink>,
    previous: Network | null,
    now: number,
  ): void {
    const before = new Map(
      (previous?.sites ?? []).flatMap((site) =>
        site.uplinks.map((uplink) => [uplink.publicKey, text(uplink)])
      ),
    );
    const wanted = new Set<string>();
    for (const [key, uplink] of remotes) {
      if (before.has(key) && before.get(key) !== text(uplink)) this.#fresh.add(key);
      const host = uplink.endpoint?.host;
      if (host === undefined || isAddress(host)) continue;
      wanted.add(host);
      if (!this.#names.has(host)) {
        this.#names.set(host, {
          addresses: [],
          asking: false,
          failures: 0,
          due: now,
          lastAsked: -Infinity,
          reason: null,
        });
      }
    }
    for (const name of this.#names.keys()) {
      if (!wanted.has(name)) this.#names.delete(name);
    }
    for (const key of this.#fresh) {
      if (!remotes.has(key)) this.#fresh.delete(key);
    }
  }

  addressesOf(host: string): readonly string[] {
    return isAddress(host) ? [host] : this.#names.get(host)?.addresses ?? [];
  }

  isNew(peer: PublicKey): boolean {
    return this.#fresh.has(peer);
  }

  /** The interface has been told: from here on these peers may roam. */
  told(peers: Iterable<PublicKey>): void {
    for (const peer of peers) this.#fresh.delete(peer);
  }

  /** Names to ask for now. */
  take(now: number): string[] {
    const names: string[] = [];
    for (const [host, name] of this.#names) {
      if (name.asking || name.due === null || name.due > now) continue;
      name.asking = true;
      name.lastAsked = now;
      names.push(host);
    }
    return names;
  }

  /** @returns whether anything is different for it */
  resolved(host: string, addresses: readonly string[], lost: Iterable<PublicKey>): boolean {
    const name = this.#names.get(host);
    if (!name) return false;
    const sorted = [...addresses].sort();
    const changed = sorted.join() !== name.addresses.join();
    Object.assign(name, { addresses: sorted, asking: false, failures: 0, due: null, reason: null });
    if (changed) { for (const peer of lost) this.#fresh.add(peer); }
    return changed;
  }

  /** @returns what is new of {@link warnings} by it */
  unresolved(host: string, reason: string, now: number): string[] {
    const known = this.warnings();
    const name = this.#names.get(host);
    if (!name) return [];
    const pause = Math.min(FIRST_PAUSE_MILLIS * 2 ** name.failures, LONGEST_PAUSE_MILLIS);
    Object.assign(name, { asking: false, failures: name.failures + 1, due: now + pause, reason });
    return this.warnings().filter((warning) => !known.includes(warning));
  }

  /** Nobody answers at an address that this name gave. */
  suspect(host: string, now: number): void {
    const name = this.#names.get(host);
    if (!name || name.asking || name.due !== null) return;
    name.due = Math.max(now, name.lastAsked + ASK_AGAIN_MILLIS);
  }

  nextTimeout(): number | null {
    let next: number | null = null;
    for (const { due, asking } of this.#names.values()) {
      if (!asking && due !== null && (next === null || due < next)) next = due;
    }
    return next;
  }

  /** For people: what does not resolve, and that it is retried. */
  warnings(): string[] {
    return [...this.#names].flatMap(([host, name]) =>
      name.reason === null
        ? []
        : [`endpoint name ${host} does not resolve (${name.reason}); asking again`]
    );
  }
}

function text(uplink: Uplink): string {
  return uplink.endpoint ? `${uplink.endpoint.host} ${uplink.endpoint.port}` : "";
}
