/** What fails together with an adjacency, and the network without it (SRLG: RFC 4202 §2.3). */

import type { View } from "./shortest_path.ts";
import type { Topology } from "./topology.ts";

/** What a repair survives, the most first: where there is a way, the first of these is taken. */
export const PROTECTIONS = ["node and group", "node", "group", "link"] as const;

/**
 * `link`: the adjacency alone. `group`: all that share an uplink, a device or a group number with it,
 * at either end. `node`: the neighbour. A neighbour that is itself the destination cannot be survived.
 */
export type Protection = (typeof PROTECTIONS)[number];

/** Group of each adjacency beyond uplinks and devices; 0: none. Both directions have the same. */
export type RiskGroups = ArrayLike<number>;

/** The network less one failure at a time. Its view is one object: good until the next failure. */
export class Failing {
  readonly view: View;
  readonly #whole: View;
  readonly #groups: RiskGroups | undefined;
  readonly #byGroup: ReadonlyMap<number, number[]>;
  /** By uplink of a site (site × 8 + number): those on the same device, itself included. */
  readonly #sameDevice: readonly (readonly number[])[];
  readonly #byUplink: ReadonlyMap<number, number[]>;
  /** By adjacency: what of the present failure takes it away. */
  readonly #reasons: Uint16Array;
  readonly #closed: number[] = [];
  /** The same for the near uplink, which stays closed while failures of it follow each other. */
  readonly #closedNear: number[] = [];
  #near = -1;
  #closedSite = -1;

  constructor(whole: View, groups?: RiskGroups) {
    const { topology } = whole;
    this.#whole = whole;
    this.view = { ...whole, usable: whole.usable.slice(), transit: whole.transit.slice() };
    this.#groups = groups;
    this.#sameDevice = devices(topology);
    this.#byUplink = grouped(
      topology,
      (hop) => topology.from[hop]! * 8 + topology.fromUplink[hop]!,
    );
    this.#byGroup = groups === undefined ? new Map() : grouped(topology, (hop) => groups[hop]!);
    this.#reasons = new Uint16Array(topology.from.length);
  }

  /** Leaves in {@link view} what is there when `hop`, and what `protection` counts with it, is not. */
  fail(hop: number, protection: Protection): void {
    const { topology } = this.#whole;
    this.#restore(this.#closed);
    this.#close(hop, this.#closed);
    const near = protection.includes("group")
      ? topology.from[hop]! * 8 + topology.fromUplink[hop]!
      : -1;
    if (near !== this.#near) {
      this.#restore(this.#closedNear);
      if (near >= 0) this.#closeUplink(near, this.#closedNear);
      this.#near = near;
    }
    if (near >= 0) {
      this.#closeUplink(topology.to[hop]! * 8 + topology.toUplink[hop]!, this.#closed);
      const group = this.#groups?.[hop] ?? 0;
      if (group !== 0) {
        for (const other of this.#byGroup.get(group)!) this.#close(other, this.#closed);
      }
    }
    if (this.#closedSite >= 0) {
      this.view.transit[this.#closedSite] = this.#whole.transit[this.#closedSite]!;
    }
    this.#closedSite = protection.includes("node") ? topology.to[hop]! : -1;
    if (this.#closedSite >= 0) this.view.transit[this.#closedSite] = 0;
  }

  #closeUplink(uplink: number, into: number[]): void {
    for (const same of this.#sameDevice[uplink]!) {
      for (const hop of this.#byUplink.get(same) ?? []) this.#close(hop, into);
    }
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

function grouped(topology: Topology, key: (hop: number) => number): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (let hop = 0; hop < topology.from.length; hop++) {
    const known = found.get(key(hop));
    if (known === undefined) found.set(key(hop), [hop]);
    else known.push(hop);
  }
  return found;
}

function devices(topology: Topology): number[][] {
  const same: number[][] = [];
  topology.sites.forEach((site, index) => {
    for (const { number, device } of site.uplinks) {
      same[index * 8 + number] = site.uplinks
        .filter((other) => other.device === device)
        .map((other) => index * 8 + other.number);
    }
  });
  return same;
}
