/** What was on the system before us, and what is left of us on it when it is over. */

import { EMPTY_HOST, type Host, ours, type Setting } from "../underlay/host.ts";
import { planHost } from "../underlay/host_plan.ts";
import type { Effect } from "./event.ts";

export class Footprint {
  /** Of a router before that could not put them back; kept as they are if this start fails. */
  readonly #inherited: readonly Setting[];
  /** As the start found the system. */
  #initial: Host | null = null;
  /** Settings by path as they were before any router of ours changed them. */
  readonly #originals: Map<string, string>;

  constructor(inherited: readonly Setting[]) {
    this.#inherited = inherited;
    this.#originals = new Map(inherited.map(({ path, value }) => [path, value]));
  }

  /** Whether anything was looked at, and so may have been changed. */
  get isSet(): boolean {
    return this.#initial !== null;
  }

  /** To be told of each look at the system before anything is changed after it. */
  seen(host: Host): Effect[] {
    const fresh = host.settings.filter((one) => isBorrowed(one) && !this.#originals.has(one.path));
    for (const { path, value } of fresh) this.#originals.set(path, value);
    this.#initial ??= host;
    return fresh.length === 0 ? [] : [{ kind: "keep-originals", settings: this.#settings() }];
  }

  /** A failed start: as the system was, with what an earlier run had left there. */
  restore(present: Host): Effect[] {
    const initial = this.#initial ?? EMPTY_HOST;
    const kept = ours(initial);
    const target = {
      ...kept,
      // Devices of segments went with the engine.
      links: kept.links.filter((link) => link.kind === "wireguard"),
      settings: thoseThere(initial.settings.filter(isBorrowed), present),
    };
    return [
      ...changes(target, present),
      { kind: "keep-originals", settings: this.#inherited },
    ];
  }

  /** A stop: nothing of ours. */
  erase(present: Host): Effect[] {
    const target = { ...EMPTY_HOST, settings: thoseThere(this.#settings(), present) };
    return [...changes(target, present), { kind: "keep-originals", settings: [] }];
  }

  #settings(): Setting[] {
    return [...this.#originals].map(([path, value]) => ({ path, value }));
  }
}

function changes(target: Host, present: Host): Effect[] {
  const changes = planHost(target, present);
  return changes.length === 0 ? [] : [{ kind: "change-host", changes }];
}

/** Settings to put back. Forwarding stays on: other programs may count on it by now. */
function isBorrowed({ path }: Setting): boolean {
  return /rp_filter|accept_ra/.test(path);
}

function thoseThere(settings: readonly Setting[], present: Host): Setting[] {
  const there = new Set(present.settings.map(({ path }) => path));
  return settings.filter(({ path }) => there.has(path));
}
