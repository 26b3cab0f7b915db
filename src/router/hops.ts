/** What is known of single adjacencies: this site's own as it measures them, others as they told. */

import type { Look, Looks } from "../model/boundary.ts";
import type { Instant } from "../model/quantity.ts";
import { reportedHops } from "../sr/reported.ts";
import type { Survey } from "../sr/survey.ts";
import type { Figures } from "../model/figures.ts";
import { hopName, type KnownHops } from "../te/expected.ts";
import { adjacency, adjacencyKey } from "../te/topology.ts";

/** A site with many adjacencies tells them page by page; what is older says nothing any more. */
const STALE_MILLIS = 600_000;

interface Known {
  readonly figures: Figures;
  readonly at: Instant;
}

export class Hops {
  readonly #surveyed: Survey;
  /** Key of an own adjacency → its name for all. */
  readonly #own: ReadonlyMap<string, string>;
  /** Keys of own adjacencies to sites that paths pass, to ask these over. */
  readonly asked: readonly string[];
  readonly #known: Map<string, Known>;

  constructor(surveyed: Survey, previous?: Hops) {
    this.#surveyed = surveyed;
    this.#known = new Map(previous && previous.#known);
    const { siteIndex, labelling } = surveyed;
    const { topology } = labelling.paths.view;
    const relays = relaysOf(surveyed);
    const own: (readonly [string, string])[] = [];
    const asked: string[] = [];
    for (let hop = topology.first[siteIndex]!; hop < topology.first[siteIndex + 1]!; hop++) {
      const named = adjacency(topology, hop);
      own.push([adjacencyKey(named), hopName(named)]);
      if (relays.has(named.to.site)) asked.push(adjacencyKey(named));
    }
    this.#own = new Map(own);
    this.asked = asked;
  }

  take({ looks, reported }: Looks, now: Instant): void {
    for (const look of looks) {
      const name = this.#own.get(look.key);
      if (name === undefined) continue;
      if (look.state === "up") this.#known.set(name, { figures: figuresOf(look), at: now });
      else this.#known.delete(name);
    }
    if (reported.length === 0) return;
    for (const [name, figures] of reportedHops(this.#surveyed.network, reported)) {
      if (figures === null) this.#known.delete(name);
      else this.#known.set(name, { figures, at: now });
    }
  }

  known(now: Instant): KnownHops {
    for (const [name, { at }] of this.#known) {
      if (now - at > STALE_MILLIS) this.#known.delete(name);
    }
    return new Map([...this.#known].map(([name, { figures }]) => [name, figures]));
  }
}

function relaysOf(surveyed: Survey): Set<string> {
  const relays = new Set<string>();
  for (const choice of surveyed.choices.values()) {
    if (choice.kind === "drop") continue;
    for (const { hops } of choice.paths) {
      for (const { from } of hops.slice(1)) relays.add(from.site);
    }
  }
  return relays;
}

/** Of the last minute, as far as there were probes. */
function figuresOf({ minute }: Look): Figures {
  const { sent, lost_forward: there, lost_return: back } = minute;
  return {
    rttMicros: minute.round_trip?.p50 ?? null,
    jitterMicros: minute.jitter_micros,
    lossForward: share(there, sent),
    lossBackward: share(back, sent - (there ?? 0)),
    mtuBytes: null,
    bandwidthBitsPerSecond: null,
  };
}

function share(part: number | null, whole: number): number | null {
  return part === null || whole <= 0 ? null : part / whole;
}
