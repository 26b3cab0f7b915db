/** What is measured → the order of every policy's paths, and how often each path is to be probed. */

import type { Looks, Probing, Snapshot } from "../model/boundary.ts";
import { countOf, type Instant } from "../model/quantity.ts";
import type { CandidatePath } from "../model/path.ts";
import type { PathStanding } from "../model/standing.ts";
import { choiceKey, type Placement, type Placements, type Survey } from "../sr/survey.ts";
import { expectedOf } from "../te/expected.ts";
import type { Decision, Move } from "../te/select/decide.ts";
import { causeInWords } from "../te/select/explain.ts";
import { News } from "../te/select/news.ts";
import { type Change, Selection } from "../te/select/selection.ts";
import { standingsOf } from "../te/select/standing.ts";
import { choicesOf, measurables, waysOf } from "./choices.ts";
import { Hops } from "./hops.ts";
import { Prober } from "./prober.ts";
import { SteadyClock } from "./steady.ts";

export class Steering {
  /** One for as long as the router runs; what else counts time by it shares it. */
  readonly clock: SteadyClock;
  readonly #keys: readonly string[];
  readonly #selection: Selection;
  readonly #news: News;
  readonly #prober: Prober;
  readonly #hops: Hops;
  readonly #paths: ReadonlyMap<string, CandidatePath>;

  /** What `previous` knew goes on: a new file alone moves no traffic that it does not mention. */
  constructor(surveyed: Survey, now: Instant, previous?: Steering) {
    this.clock = previous ? previous.clock : new SteadyClock();
    const choices = choicesOf(surveyed);
    this.#keys = choices.map(({ key }) => key);
    const before = previous && previous.#selection;
    this.#selection = new Selection(choices, this.clock.at(now), before, waysOf(surveyed));
    this.#news = new News(measurables(surveyed), previous && previous.#news);
    this.#prober = new Prober(surveyed, previous && previous.#prober);
    this.#hops = new Hops(surveyed, previous && previous.#hops);
    this.#paths = new Map(
      [...surveyed.choices.values()].flatMap((choice) =>
        choice.kind === "drop" ? [] : choice.paths.map((path) => [path.key, path] as const)
      ),
    );
  }

  /** As they stand now. */
  get placements(): Placements {
    return new Map(this.#keys.map((key) => [key, placementOf(this.#selection.decision(key)!)]));
  }

  /** @returns what changed: some order, or who moves */
  measure(looks: Looks, now: Instant): readonly Change[] {
    const steady = this.clock.at(now);
    this.#hops.take(looks, steady);
    return this.#selection.measure(this.#news.take(looks, steady), steady);
  }

  /** What time alone brings. */
  advance(now: Instant): readonly Change[] {
    return this.#selection.advance(this.clock.at(now));
  }

  /** On the clock on the wall; null: nothing changes by time alone. */
  nextTimeout(): Instant | null {
    const next = this.#selection.nextTimeout();
    return next === null ? null : this.clock.wallAt(next);
  }

  /** A line for each move that people are told of. */
  describe(changes: readonly Change[], now: Instant): string[] {
    const steady = this.clock.at(now);
    return changes.flatMap(({ keys, moves }) => {
      const others = keys.length > 1 ? ` and ${countOf(keys.length - 1, "other")}` : "";
      const choice = keys[0]!.startsWith(">") ? `no policy ${keys[0]}` : `policy ${keys[0]}`;
      return moves.map(({ flows, from, to, cause }) =>
        `${choice}${others}: ${to} ${TAKES[flows]} ${from ?? "none"}: ${
          causeInWords(cause, steady)
        }`
      );
    });
  }

  /** Where customers' packets go. */
  count(snapshot: Snapshot): void {
    this.#prober.count(snapshot);
  }

  /** What the engine's prober has to be told after such changes; null: what it was told last. */
  probing(changes: readonly Change[], now: Instant): Probing | null {
    const moved = changes.length > 0;
    return this.#prober.tell(
      this.#selection,
      this.#keys,
      moved,
      this.#hops,
      this.clock.at(now),
    );
  }

  /** Best first; null: the policy says nothing about the egress, or drops what goes there. */
  standings(policy: string | null, egress: string, now: Instant): PathStanding[] | null {
    const steady = this.clock.at(now);
    const known = this.#hops.known(steady);
    const byHops = (key: string) => {
      const path = this.#paths.get(key);
      return path === undefined || path.hops.length === 1 ? null : expectedOf(path, known);
    };
    return standingsOf(this.#selection, choiceKey(policy, egress), byHops, steady);
  }
}

const TAKES: Readonly<Record<Move["flows"], string>> = {
  all: "takes over from",
  new: "takes new flows, before",
  existing: "takes the flows that had stayed on",
};

/** Those that share stand at the head. */
function placementOf({ order, equals, kept }: Decision): Placement {
  const shared = order.filter((path) => equals.includes(path));
  return {
    order: [...shared, ...order.filter((path) => !equals.includes(path))],
    equal: Math.max(1, shared.length),
    keep: kept.map((one) => one.path),
  };
}
