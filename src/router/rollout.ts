/** How far a new file has come that changes ways of node SIDs: see `sr/transition.ts`. */

import type { Instant } from "../model/quantity.ts";
import type { RolloutPhase, RolloutState } from "../ports/router_view.ts";
import { Former } from "../sr/former.ts";
import type { Survey } from "../sr/survey.ts";
import { matters, type Transition } from "../sr/transition.ts";

/** What a neighbour that was heard of runs, by its SID. */
export type Heard = ReadonlyMap<number, "same" | "other">;

/** Who waits for a neighbour that says nothing gives up after so many times the hold time. */
const PATIENCE = 20;
/** Files that one router follows after each other without coming to rest: each is kept in memory. */
const MOST_FORMERS = 4;

/** What ran before. */
export interface Before {
  readonly surveyed: Survey;
  readonly rollout: Rollout | null;
}

export class Rollout {
  readonly #formers: readonly Former[];
  readonly #holdMillis: number;
  /** Names of the sites next to this one, by SID. */
  readonly #neighbours: ReadonlyMap<number, string>;
  readonly #begun: Instant;
  #since: Instant;
  #held: Former | null;
  #heard: Heard = new Map();

  /** null: whatever ran before, this router does the same at once. Times are of a steady clock. */
  static begin(before: Before, surveyed: Survey, now: Instant): Rollout | null {
    const former = new Former(before.surveyed.labelling.paths);
    const earlier = before.rollout && before.rollout.transition;
    const rollout = new Rollout(
      [...earlier?.formers ?? [], former].slice(-MOST_FORMERS),
      earlier?.held ?? former,
      surveyed,
      now,
    );
    return matters(surveyed, rollout.transition) ? rollout : null;
  }

  private constructor(formers: readonly Former[], held: Former, surveyed: Survey, now: Instant) {
    const { siteIndex, labelling, network } = surveyed;
    const { topology } = labelling.paths.view;
    this.#formers = formers;
    this.#held = held;
    this.#holdMillis = network.rollout.holdMillis;
    this.#neighbours = new Map(
      [...topology.to.slice(topology.first[siteIndex], topology.first[siteIndex + 1])]
        .map((site) => [topology.sites[site]!.sid, topology.sites[site]!.name]),
    );
    this.#begun = this.#since = now;
  }

  get transition(): Transition {
    const joined = [...this.#heard].filter(([, runs]) => runs === "same").map(([sid]) => sid);
    return { formers: this.#formers, held: this.#held, joined: new Set(joined) };
  }

  get phase(): RolloutPhase {
    return this.#held === null ? "switched" : "segment-routed";
  }

  /** When time alone brings the next phase; null: a neighbour that runs another file is waited for. */
  get until(): Instant | null {
    const held = this.#since + this.#holdMillis as Instant;
    const awaited = [...this.#neighbours.keys()].map((sid) => this.#heard.get(sid))
      .filter((runs) => runs !== "same");
    if (awaited.length === 0) return held;
    // To be at rest next to one that runs another file is what could make a circle.
    if (this.#held === null && awaited.includes("other")) return null;
    return Math.max(held, this.#begun + PATIENCE * this.#holdMillis) as Instant;
  }

  get state(): Omit<RolloutState, "until"> {
    return {
      phase: this.phase,
      awaited: [...this.#neighbours]
        .filter(([sid]) => this.#heard.get(sid) !== "same")
        .map(([, name]) => name).sort(),
    };
  }

  /** @returns whether that is news */
  hear(heard: Heard): boolean {
    const known = this.#heard;
    this.#heard = heard;
    return known.size !== heard.size || [...heard].some(([sid, runs]) => known.get(sid) !== runs);
  }

  /** @returns what it has come to; null: nothing new */
  advance(now: Instant): "switched" | "settled" | null {
    const { until } = this;
    if (until === null || now < until) return null;
    if (this.#held === null) return "settled";
    this.#held = null;
    this.#since = now;
    return "switched";
  }
}

/** A line for the log. */
export function describePhase(phase: RolloutPhase | "settled"): string {
  switch (phase) {
    case "segment-routed":
      return "ways of node SIDs change: the former ones are kept, and paths spelled out hop by hop, " +
        "until every neighbour runs this generation";
    case "switched":
      return "node SIDs follow this generation; paths stay spelled out hop by hop for a while";
    case "settled":
      return "every way follows this generation, and stacks are short again";
  }
}
