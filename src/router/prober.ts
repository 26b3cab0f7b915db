/** How much each path matters to who measures it. */

import type { ProbedPath, ProbeRank, Probing, Snapshot } from "../model/boundary.ts";
import type { Policy } from "../model/network.ts";
import type { Instant } from "../model/quantity.ts";
import type { CandidatePath } from "../model/path.ts";
import type { Survey } from "../sr/survey.ts";
import { expectedMicros, expectedOf, type KnownHops } from "../te/expected.ts";
import { chooseProbed, type LastProbed, type Prospect } from "../te/probed.ts";
import { windowOf } from "../te/select/measurement.ts";
import type { Selection } from "../te/select/selection.ts";
import { Every } from "./due.ts";
import type { Hops } from "./hops.ts";

/**
 * Of the paths to one egress, so many are probed as candidates; the engine's total is bounded
 * besides. Eight is what an ordinary policy chooses from.
 */
const PROBED_AN_EGRESS = 8;
/** So many of them take turns with those that are probed just to be noticed. */
const TURNS_AN_EGRESS = 2;
/** A turn is long enough to be judged by. */
const TURN_MILLIS = 60_000;
/** Five hundred probes a second are a twentieth of it each way: a narrower uplink would feel them. */
const LEAST_FOR_CLOSEST_BITS_PER_SECOND = 20_000_000;
/** TC 0: traffic that asks for nothing. */
const BEST_EFFORT = 1;

export class Prober {
  /** By key. */
  readonly #paths = new Map<string, CandidatePath>();
  /** Classes (TC) of the policies whose path it is, bit 0 for TC 0. */
  readonly #classes = new Map<string, number>();
  #last: LastProbed = new Map();
  /** Whose turn it is. */
  #chosen: ReadonlySet<string> = new Set();
  #used: Used | null = null;
  /** Customers' packets put on each list, as counted last; and where they became more. */
  #counted: ReadonlyMap<string, number> = new Map();
  #carrying: ReadonlySet<string> = new Set();
  #round = 0;
  readonly #turns: Every;
  /** As the engine was told last. */
  #told: string | null = null;

  constructor(surveyed: Survey, previous?: Prober) {
    for (const choice of surveyed.choices.values()) {
      if (choice.kind === "drop") continue;
      const { policy, paths } = choice;
      const classes = policy === null ? BEST_EFFORT : classesOf(policy);
      for (const path of paths) {
        const { key } = path;
        this.#paths.set(key, path);
        this.#classes.set(key, (this.#classes.get(key) ?? 0) | classes);
      }
    }
    this.#turns = previous ? previous.#turns : new Every(TURN_MILLIS);
    if (previous === undefined) return;
    this.#last = previous.#last;
    this.#chosen = previous.#chosen;
    this.#counted = previous.#counted;
    this.#carrying = previous.#carrying;
    this.#round = previous.#round;
    this.#told = previous.#told;
  }

  /**
   * `moved`: some decision is another than before.
   *
   * @returns null: nothing has changed since it was told last
   */
  tell(
    selection: Selection,
    choices: readonly string[],
    moved: boolean,
    hops: Hops,
    now: Instant,
  ): Probing | null {
    if (this.#used === null || moved) this.#used = inUse(selection, choices);
    const used = this.#used;
    if (this.#turns.next === null || this.#turns.take(now)) {
      this.#turns.begin(now);
      this.#round++;
      this.#choose(selection, used, hops.known(now), now);
    }
    const undecided = new Map(selection.undecided().map((one) => [one.path, one]));
    const rankOf = (key: string): ProbeRank => {
      const open = undecided.get(key);
      if (open?.inUse && open.doubted && this.#isCheap(selection, key)) return "closest";
      if (open?.inUse || this.#isWatched(key, used)) return "closer";
      // On the way back it needs proof: at 1 % of loss, 1,600 probes.
      if (open?.returns && !this.#isMetered(key)) return "closer";
      if (open || used.paths.has(key)) return "in-use";
      return this.#chosen.has(key) ? "candidate" : "rest";
    };
    const paths = [...this.#classes].flatMap(([key, classes]): ProbedPath[] => {
      const rank = rankOf(key);
      // What is not named is a candidate of best effort.
      return rank === "candidate" && classes === BEST_EFFORT ? [] : [{ key, rank, classes }];
    });
    const probing: Probing = { paths, asked: [...hops.asked] };
    const text = JSON.stringify(probing);
    if (text === this.#told) return null;
    this.#told = text;
    return probing;
  }

  /** Where customers' packets go is read off the counters. */
  count({ lists }: Snapshot): void {
    this.#carrying = new Set(
      lists.filter(({ key, tx_packets }) => tx_packets > (this.#counted.get(key) ?? tx_packets))
        .map(({ key }) => key),
    );
    this.#counted = new Map(lists.map(({ key, tx_packets }) => [key, tx_packets]));
  }

  /**
   * Ten probes a second tell a loss of 3 % by the fifth second or later: somebody who asks for less
   * and sends now is worth a hundred. Not where each of them is paid for.
   */
  #isWatched(key: string, used: Used): boolean {
    return used.guarded.has(key) && this.#carrying.has(key) && !this.#isMetered(key);
  }

  /** Room and money for many probes; an uplink without a rate in the file is taken for a wide one. */
  #isCheap(selection: Selection, key: string): boolean {
    const rate = selection.observed(key)?.measurement.bandwidthBitsPerSecond ?? Infinity;
    return !this.#isMetered(key) && rate >= LEAST_FOR_CLOSEST_BITS_PER_SECOND;
  }

  #isMetered(key: string): boolean {
    return this.#paths.get(key)!.metered;
  }

  #choose(selection: Selection, used: Used, known: KnownHops, now: Instant): void {
    const budget = { paths: PROBED_AN_EGRESS, turns: TURNS_AN_EGRESS };
    const byEgress = Map.groupBy(this.#paths.values(), ({ egress }) => egress);
    const chosen = [...byEgress.values()].map((paths) => {
      const prospects = paths.map((path): Prospect => ({
        key: path.key,
        expected: measuredMicros(selection, path.key, now - 2 * TURN_MILLIS) ??
          expectedMicros(expectedOf(path, known)) ?? measuredMicros(selection, path.key),
        inUse: used.paths.has(path.key),
      }));
      return chooseProbed(prospects, budget, this.#last, this.#round);
    });
    this.#chosen = new Set(chosen.flatMap(({ keys }) => keys));
    this.#last = new Map(chosen.flatMap(({ last }) => [...last]));
  }
}

interface Used {
  /** What leads and what follows it, what shares, and where flows have stayed. */
  readonly paths: ReadonlySet<string>;
  /** Of them, where there are flows whose class limits the loss. */
  readonly guarded: ReadonlySet<string>;
}

function inUse(selection: Selection, choices: readonly string[]): Used {
  const paths = new Set<string>();
  const guarded = new Set<string>();
  for (const key of choices) {
    const { order, equals, kept } = selection.decision(key)!;
    const loaded = [...equals, ...kept.map((one) => one.path)];
    for (const path of [...order.slice(0, 2), ...loaded]) paths.add(path);
    if (selection.choice(key)!.class.slo.loss === undefined) continue;
    for (const path of loaded) guarded.add(path);
  }
  return { paths, guarded };
}

/** Its round trip as measured last, dead or alive: what was near once is worth a look. */
function measuredMicros(selection: Selection, path: string, since = 0): number | null {
  const measurement = selection.observed(path)?.measurement;
  if (measurement === undefined || measurement.at < since) return null;
  const { windows } = measurement;
  return windowOf(windows, Infinity)?.rttMicros?.p50 ?? null;
}

/** Class selectors of the DSCPs that a policy matches: what travels in TC (RFC 5462 §3). */
function classesOf({ match }: Policy): number {
  if (match.dscps.length > 0) return bitsOf(match.dscps);
  const terms = match.applications.flatMap((application) => application.terms);
  if (terms.length === 0) return BEST_EFFORT;
  return terms.reduce(
    (bits, { dscps }) => bits | (dscps.length > 0 ? bitsOf(dscps) : BEST_EFFORT),
    0,
  );
}

function bitsOf(dscps: readonly number[]): number {
  return dscps.reduce((bits, dscp) => bits | 1 << (dscp >> 3), 0);
}
