/** What fails together with an adjacency, and the network without it (SRLG: RFC 4202 §2.3). */

import type { View } from "./shortest_path.ts";
import type { Topology } from "./topology.ts";

/** What a repair survives, the most first: where there is a way, the first of these is taken. */
export const PROTECTIONS = ["node and group", "node", "group", "link"] as const;

/**
 * `link`: the adjacency alone. `group`: all that share an uplink or a device with it at either end,
 * or a risk of either uplink anywhere. `node`: the neighbour. A neighbour that is itself the
 * destination cannot be survived.
 */
export type Protection = (typeof PROTECTIONS)[number];

/** The network less one failure at a time. Its view is one object: good until the next failure. */
export class Failing {
  readonly view: View;
  readonly #whole: View;
  /** By uplink of a site (site × 8 + number): those on the same device, itself included. */
  readonly #sameDevice: readonly (readonly number[])[];
  readonly #risks: Risks;
  readonly #byUplink: ReadonlyMap<number, number[]>;
  /** By adjacency: what of the present failure takes it away. */
  readonly #reasons: Uint16Array;
  readonly #closed: number[] = [];
  /** The same for the near uplink, and for each risk; closed while failures have them in common. */
  readonly #closedNear: number[] = [];
  readonly #closedRisks = new Map<number, number[]>();
  #near = -1;
  #closedSite = -1;

  constructor(whole: View) {
    const { topology } = whole;
    this.#whole = whole;
    this.view = { ...whole, usable: whole.usable.slice(), transit: whole.transit.slice() };
    this.#sameDevice = devices(topology);
    this.#risks = risksOf(topology);
    this.#byUplink = byUplink(topology);
    this.#reasons = new Uint16Array(topology.from.length);
  }

  /** The order in which failures after each other have most in common: then they are the quickest. */
  compare(a: number, b: number): number {
    const { fromUplink } = this.#whole.topology;
    const { set } = this.#risks;
    return fromUplink[a]! - fromUplink[b]! || set[this.#far(a)]! - set[this.#far(b)]! || a - b;
  }

  /** Leaves in {@link view} what is there when `hop`, and what `protection` counts with it, is not. */
  fail(hop: number, protection: Protection): void {
    const { topology } = this.#whole;
    const group = protection.includes("group");
    this.#restore(this.#closed);
    this.#close(hop, this.#closed);
    this.#closeNear(group ? this.#nearOf(hop) : -1);
    this.#closeRisks(
      group ? [...this.#risksOf(this.#nearOf(hop)), ...this.#risksOf(this.#far(hop))] : [],
    );
    if (group) this.#closeDevice(this.#far(hop), this.#closed);
    if (this.#closedSite >= 0) {
      this.view.transit[this.#closedSite] = this.#whole.transit[this.#closedSite]!;
    }
    this.#closedSite = protection.includes("node") ? topology.to[hop]! : -1;
    if (this.#closedSite >= 0) this.view.transit[this.#closedSite] = 0;
  }

  #nearOf(hop: number): number {
    const { from, fromUplink } = this.#whole.topology;
    return from[hop]! * 8 + fromUplink[hop]!;
  }

  #far(hop: number): number {
    const { to, toUplink } = this.#whole.topology;
    return to[hop]! * 8 + toUplink[hop]!;
  }

  #risksOf(uplink: number): readonly number[] {
    return this.#risks.sets[this.#risks.set[uplink]!]!;
  }

  #closeNear(near: number): void {
    if (near === this.#near) return;
    this.#near = near;
    this.#restore(this.#closedNear);
    if (near >= 0) this.#closeDevice(near, this.#closedNear);
  }

  #closeRisks(risks: readonly number[]): void {
    for (const [risk, closed] of this.#closedRisks) {
      if (risks.includes(risk)) continue;
      this.#restore(closed);
      this.#closedRisks.delete(risk);
    }
    for (const risk of risks) {
      if (this.#closedRisks.has(risk)) continue;
      const closed: number[] = [];
      for (const uplink of this.#risks.sharers[risk]!) this.#closeUplink(uplink, closed);
      this.#closedRisks.set(risk, closed);
    }
  }

  #closeDevice(uplink: number, into: number[]): void {
    for (const same of this.#sameDevice[uplink]!) this.#closeUplink(same, into);
  }

  #closeUplink(uplink: number, into: number[]): void {
    for (const hop of this.#byUplink.get(uplink) ?? []) this.#close(hop, into);
  }

  #close(hop: number, into: number[]): void {
    for (const one of [hop, this.#whole.topology.reverse[hop]!]) {
      this.#reasons[one] = this.#reasons[one]! + 1;
      this.view.usable[one] = 0;
      into.push(one);
    }
  }

  #restore(closed: number[]): void {
    for (const hop of closed) {
      const reasons = this.#reasons[hop]! - 1;
      this.#reasons[hop] = reasons;
      if (reasons === 0) this.view.usable[hop] = this.#whole.usable[hop]!;
    }
    closed.length = 0;
  }
}

/** Risks are numbered from the one with the most uplinks on: it is the dearest to close anew. */
export interface Risks {
  /** By uplink of a site: its set of risks. Sets that begin alike stand together. */
  readonly set: Uint32Array;
  /** By set: the risks in it, ascending. The first is empty. */
  readonly sets: readonly (readonly number[])[];
  /** By risk: the uplinks that have it. */
  readonly sharers: readonly (readonly number[])[];
}

export function risksOf({ sites }: Topology): Risks {
  const uplinks = sites.flatMap((site, index) =>
    site.uplinks.map(({ number, risks = [] }) => ({ uplink: index * 8 + number, risks }))
  );
  const byName = new Map<string, number[]>();
  for (const { uplink, risks } of uplinks) {
    for (const risk of risks) {
      const known = byName.get(risk);
      if (known === undefined) byName.set(risk, [uplink]);
      else known.push(uplink);
    }
  }
  const order = [...byName].sort(([, a], [, b]) => b.length - a.length);
  const numbers = new Map(order.map(([risk], number) => [risk, number]));
  const numbered = uplinks.map(({ uplink, risks }) => ({
    uplink,
    risks: risks.map((risk) => numbers.get(risk)!).sort((a, b) => a - b),
  }));
  const byKey = new Map(numbered.map(({ risks }) => [risks.join(), risks]));
  byKey.set("", []);
  const sets = [...byKey.values()].sort(compareLists);
  const places = new Map(sets.map((risks, place) => [risks.join(), place]));
  const set = new Uint32Array(sites.length * 8);
  for (const { uplink, risks } of numbered) set[uplink] = places.get(risks.join())!;
  return { set, sets, sharers: order.map(([, sharers]) => sharers) };
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((one, place) => one !== b[place]);
  return at < 0 ? a.length - b.length : a[at]! - (b[at] ?? -1);
}

function byUplink({ from, fromUplink }: Topology): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (let hop = 0; hop < from.length; hop++) {
    const uplink = from[hop]! * 8 + fromUplink[hop]!;
    const known = found.get(uplink);
    if (known === undefined) found.set(uplink, [hop]);
    else known.push(hop);
  }
  return found;
}

function devices({ sites }: Topology): number[][] {
  const same: number[][] = [];
  sites.forEach((site, index) => {
    for (const { number, device } of site.uplinks) {
      same[index * 8 + number] = site.uplinks
        .filter((other) => other.device === device)
        .map((other) => index * 8 + other.number);
    }
  });
  return same;
}
