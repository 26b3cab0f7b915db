/** Runs the selection among simulated paths, on a simulated clock. */

import type { Instant } from "../../src/model/quantity.ts";
import type { SloClass } from "../../src/model/slo.ts";
import type { Decision, Move } from "../../src/te/select/decide.ts";
import type { Verdict } from "../../src/te/select/reason.ts";
import { Selection } from "../../src/te/select/selection.ts";
import { Link, type Weather } from "./link.ts";
import { Prober } from "./prober.ts";
import { uniform } from "./random.ts";

export interface Simulation {
  readonly seed: number;
  readonly seconds: number;
  /** Probes a second; `closer` on paths that are undecided, `closest` on those of them that were good. */
  readonly rate: number;
  readonly closer: number;
  readonly closest: number;
  /** The shortest window, ms. */
  readonly look: number;
  readonly slo: SloClass;
  /** Cost of the path in the file is its place: the first is preferred where all else is equal. */
  readonly paths: Readonly<Record<string, Weather>>;
  /** Between these times (ms) nothing is measured, though probes go on. */
  readonly gap?: readonly [number, number];
}

export interface TimedMove extends Move {
  readonly millis: number;
}

export interface Course {
  readonly moves: readonly TimedMove[];
  /** Each change of the verdict of a path. */
  readonly verdicts: readonly {
    readonly millis: number;
    readonly path: string;
    readonly verdict: Verdict;
  }[];
  /** At the end. */
  readonly decision: Decision;
  readonly selection: Selection;
}

/** How often liveness is looked at, ms. */
const STEP_MILLIS = 50;
const KEY = "sim > egress";

export function simulate(simulation: Simulation): Course {
  const { seed, seconds, rate, closer, closest, look, slo, paths, gap } = simulation;
  const names = Object.keys(paths);
  const spans = [...new Set([look, 1_000, 10_000, 60_000])].sort((a, b) => a - b);
  const probers = names.map((name, index) =>
    new Prober(name, new Link(paths[name]!, uniform(seed * 1_009 + index)), spans)
  );
  const candidates = names.map((path, index) => ({
    path,
    cost: index + 1,
    labels: 0,
    preference: 0,
    resort: "always" as const,
    weight: 1,
  }));
  const selection = new Selection(
    [{ key: KEY, class: slo, candidates, balance: false }],
    0 as Instant,
  );
  const moves: TimedMove[] = [];
  const verdicts: { millis: number; path: string; verdict: Verdict }[] = [];
  const last = new Map<string, Verdict>();
  const rates = new Map<string, number>();
  const note = (millis: number, changes: ReturnType<Selection["advance"]>) => {
    for (const change of changes) {
      moves.push(...change.moves.map((move) => ({ ...move, millis })));
    }
    for (const name of names) {
      const { verdict } = selection.judgement(KEY, name)!;
      if (last.get(name) !== verdict) verdicts.push({ millis, path: name, verdict });
      last.set(name, verdict);
    }
  };
  for (let millis = STEP_MILLIS; millis <= seconds * 1_000; millis += STEP_MILLIS) {
    for (let due = selection.nextTimeout(); due !== null && due <= millis;) {
      note(due, selection.advance(due));
      due = selection.nextTimeout();
    }
    const flipped = probers.filter((prober) => prober.run(millis, rates.get(prober.path) ?? rate));
    const measured = millis % look === 0 ? probers : flipped;
    if (measured.length === 0 || gap && millis > gap[0] && millis <= gap[1]) continue;
    const now = millis as Instant;
    note(millis, selection.measure(measured.map((prober) => prober.measure(millis)), now));
    rates.clear();
    for (const { path, doubted } of selection.undecided()) {
      rates.set(path, doubted ? closest : closer);
    }
  }
  return { moves, verdicts, decision: selection.decision(KEY)!, selection };
}

/** Of new flows away from the path, in order of time. */
export function departures({ moves }: Course, path: string): TimedMove[] {
  return moves.filter((move) => move.from === path && move.flows !== "existing");
}

export function returns({ moves }: Course, path: string): TimedMove[] {
  return moves.filter((move) =>
    move.to === path && move.from !== null && move.flows !== "existing"
  );
}
