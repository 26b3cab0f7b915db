/**
 * All choices of a router at once, kept up to date: told what was measured, it says what moved.
 * It computes what a measurement or a moment in time touches, and nothing else; what comes out is
 * the same as if everything were computed. It reads no clock: same events, same effects.
 */

import FlatQueue from "flatqueue";
import type { Instant } from "../../model/quantity.ts";
import type { SloClass } from "../../model/slo.ts";
import { decide, type Decision, type Move } from "./decide.ts";
import { judge, type Judgement } from "./judge.ts";
import { observe, type Observed, type PathMeasurement } from "./measurement.ts";
import type { Choice } from "./rank.ts";

/** What a caller has to hand to the engine, or to say. */
export interface Change {
  /** Of the choice. */
  readonly key: string;
  readonly decision: Decision;
  /** Empty: only the order behind the lead, or who shares with it, is another. */
  readonly moves: readonly Move[];
}

/** A path whose judgement hangs in the balance: probing it more often settles it sooner. */
export interface Undecided {
  readonly path: string;
  /** Some choice has flows on it. */
  readonly inUse: boolean;
}

interface ChoiceEntry {
  readonly choice: Choice;
  readonly classIndex: number;
  /** In the order of its candidates. */
  readonly paths: readonly PathEntry[];
  decision: Decision | undefined;
  /** In the queue for this instant; null: not in it. */
  due: Instant | null;
}

interface PathEntry {
  readonly key: string;
  observed: Observed | undefined;
  /** By class. */
  readonly judgements: (Judgement | undefined)[];
  /** By class: the choices that this path is a candidate of. */
  readonly choices: (ChoiceEntry[] | undefined)[];
  due: Instant | null;
}

export class Selection {
  readonly #paths = new Map<string, PathEntry>();
  readonly #choices = new Map<string, ChoiceEntry>();
  readonly #classes: SloClass[] = [];
  readonly #queue = new FlatQueue<PathEntry | ChoiceEntry>();

  /**
   * Every choice is decided once, at `now`. What `previous` knew of the same paths, classes and
   * choices goes on: a reload moves nothing that it does not mention.
   *
   * @throws RangeError two choices of one key, or a path twice in one choice
   */
  constructor(choices: readonly Choice[], now: Instant, previous?: Selection) {
    const classes = new Map<string, number>();
    const known = new Map<SloClass, number>();
    for (const choice of choices) {
      let classIndex = known.get(choice.class);
      if (classIndex === undefined) {
        const text = JSON.stringify(choice.class);
        classIndex = classes.get(text) ?? this.#classes.push(choice.class) - 1;
        classes.set(text, classIndex);
        known.set(choice.class, classIndex);
      }
      this.#add(choice, classIndex);
    }
    if (previous) this.#takeOver(previous, classes);
    for (const path of this.#paths.values()) this.#judge(path, now);
    for (const entry of this.#choices.values()) this.#decide(entry, now);
  }

  /** Paths that are no candidate of any choice are passed over. In the order of the choices. */
  measure(measurements: readonly PathMeasurement[], now: Instant): Change[] {
    const touched = new Set<ChoiceEntry>();
    for (const measurement of measurements) {
      const path = this.#paths.get(measurement.path);
      if (path === undefined) continue;
      path.observed = observe(path.observed, measurement);
      for (const entry of this.#judge(path, now)) touched.add(entry);
    }
    return this.#settle(touched, now);
  }

  /** What time alone brings; call it at {@link nextTimeout}, sooner does no harm. */
  advance(now: Instant): Change[] {
    return this.#settle(new Set(), now);
  }

  /** The next instant at which something could change without a measurement; null: never. */
  nextTimeout(): Instant | null {
    while (this.#queue.length > 0) {
      const at = this.#queue.peekValue() as Instant;
      if (this.#queue.peek()!.due === at) return at;
      this.#queue.pop();
    }
    return null;
  }

  /** undefined: no such choice. */
  decision(key: string): Decision | undefined {
    return this.#choices.get(key)?.decision;
  }

  choice(key: string): Choice | undefined {
    return this.#choices.get(key)?.choice;
  }

  /** What is known of a path for the class of a choice. */
  judgement(key: string, path: string): Judgement | undefined {
    const entry = this.#choices.get(key);
    return entry && this.#paths.get(path)?.judgements[entry.classIndex];
  }

  observed(path: string): Observed | undefined {
    return this.#paths.get(path)?.observed;
  }

  /** Ascending by path. Looks at every path: for a budget of probes, not for each packet. */
  undecided(): Undecided[] {
    const found: Undecided[] = [];
    for (const path of this.#paths.values()) {
      if (!path.judgements.some((judgement) => judgement?.undecided)) continue;
      const inUse = path.choices.some((entries) =>
        entries?.some(({ decision }) =>
          decision?.equals.includes(path.key) ||
          decision?.kept.some((kept) => kept.path === path.key)
        )
      );
      found.push({ path: path.key, inUse });
    }
    return found.sort((a, b) => a.path < b.path ? -1 : 1);
  }

  #add(choice: Choice, classIndex: number): void {
    if (this.#choices.has(choice.key)) {
      throw new RangeError(`Cannot select: there are two choices "${choice.key}"`);
    }
    const paths = choice.candidates.map((candidate) => this.#path(candidate.path));
    if (new Set(paths).size < paths.length) {
      throw new RangeError(`Cannot select: choice "${choice.key}" has a path twice`);
    }
    const entry: ChoiceEntry = { choice, classIndex, paths, decision: undefined, due: null };
    for (const path of paths) (path.choices[classIndex] ??= []).push(entry);
    this.#choices.set(choice.key, entry);
  }

  #path(key: string): PathEntry {
    let path = this.#paths.get(key);
    if (path === undefined) {
      path = { key, observed: undefined, judgements: [], choices: [], due: null };
      this.#paths.set(key, path);
    }
    return path;
  }

  #takeOver(previous: Selection, classes: ReadonlyMap<string, number>): void {
    for (const [key, path] of this.#paths) {
      const former = previous.#paths.get(key);
      if (former === undefined) continue;
      path.observed = former.observed;
      previous.#classes.forEach((slo, index) => {
        const own = classes.get(JSON.stringify(slo));
        if (own !== undefined) path.judgements[own] = former.judgements[index];
      });
    }
    for (const [key, entry] of this.#choices) {
      entry.decision = previous.#choices.get(key)?.decision;
    }
  }

  /** Judges for every class that has the path; gives the choices to which it makes a difference. */
  #judge(path: PathEntry, now: Instant): ChoiceEntry[] {
    const touched: ChoiceEntry[] = [];
    let due: Instant | null = null;
    path.choices.forEach((entries, index) => {
      const before = path.judgements[index];
      const judgement = judge(before, path.observed, this.#classes[index]!, now);
      path.judgements[index] = judgement;
      if (judgement.next !== null && (due === null || judgement.next < due)) due = judgement.next;
      const same = before?.verdict === judgement.verdict && before.figure === judgement.figure;
      if (!same) { for (const entry of entries!) touched.push(entry); }
    });
    this.#schedule(path, due);
    return touched;
  }

  /** Everything whose time has come, then the choices touched by it or before. */
  #settle(touched: Set<ChoiceEntry>, now: Instant): Change[] {
    for (let at = this.nextTimeout(); at !== null && at <= now; at = this.nextTimeout()) {
      const entry = this.#queue.pop()!;
      entry.due = null;
      if ("choice" in entry) touched.add(entry);
      else for (const one of this.#judge(entry, now)) touched.add(one);
    }
    const changes: Change[] = [];
    for (const entry of touched) {
      const before = entry.decision;
      const decision = this.#decide(entry, now);
      if (before && decision.moves.length === 0 && sameOutcome(before, decision)) continue;
      changes.push({ key: entry.choice.key, decision, moves: decision.moves });
    }
    return changes.sort((a, b) => a.key < b.key ? -1 : 1);
  }

  #decide(entry: ChoiceEntry, now: Instant): Decision {
    const { classIndex, choice } = entry;
    const judgementOf = (path: string) => this.#paths.get(path)!.judgements[classIndex]!;
    entry.decision = decide(entry.decision, choice, judgementOf, now);
    this.#schedule(entry, entry.decision.next);
    return entry.decision;
  }

  /** An entry has one place in the queue that counts: that of its `due`. */
  #schedule(entry: PathEntry | ChoiceEntry, due: Instant | null): void {
    if (entry.due === due) return;
    entry.due = due;
    if (due !== null) this.#queue.push(entry, due);
  }
}

/** For those who forward: the same paths in the same order, the same shares, the same kept. */
function sameOutcome(a: Decision, b: Decision): boolean {
  return sameTexts(a.order, b.order) && sameTexts(a.equals, b.equals) &&
    sameTexts(a.kept.map((one) => one.path), b.kept.map((one) => one.path));
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}
