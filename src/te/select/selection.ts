/**
 * All choices of a router at once, kept up to date: told what was measured, it says what moved.
 * It computes what a measurement or a moment in time touches, and nothing else; what comes out is
 * the same as if everything were computed. It reads no clock: same events, same effects.
 */

import FlatQueue from "flatqueue";
import type { Instant } from "../../model/quantity.ts";
import type { SloClass } from "../../model/slo.ts";
import { type Beside, isProven, type Ways } from "./blame.ts";
import { decide, type Decision, type Move } from "./decide.ts";
import { judge, type Judgement } from "./judge.ts";
import { observe, type Observed, type PathMeasurement } from "./measurement.ts";
import { type Candidate, type Choice, isClearlyBetter, rankOf } from "./rank.ts";

/** What a caller has to hand to the engine, or to say. */
export interface Change {
  /** Of the choices that this is of: all that differ by nothing but their key. */
  readonly keys: readonly string[];
  readonly decision: Decision;
  /** Empty: only the order behind the lead, or who shares with it, is another. */
  readonly moves: readonly Move[];
}

/** A path whose judgement hangs in the balance: probing it more often settles it sooner. */
export interface Undecided {
  readonly path: string;
  /** Some choice has flows on it. */
  readonly inUse: boolean;
  /** It was good until now for a class that has flows on it: whether it still is decides about them. */
  readonly doubted: boolean;
  /** It gets better or is blamed, and some choice would take it for its lead if it were good. */
  readonly returns: boolean;
}

/** Choices that differ by nothing but their key have one decision: a thousand policies, few classes. */
interface Contest {
  readonly choice: Choice;
  /** Ascending once all are there. */
  readonly keys: string[];
  readonly classIndex: number;
  /** Whose path it keeps away from; undefined: nobody's. */
  other: Contest | undefined;
  /** Those that keep away from its path. */
  readonly followers: Contest[];
  /** Of the chain of others that begins here: each is decided after its other. */
  depth: number;
  decision: Decision | undefined;
  /** In the queue for this instant; null: not in it. */
  due: Instant | null;
}

interface PathEntry {
  readonly key: string;
  observed: Observed | undefined;
  /** By class. */
  readonly judgements: (Judgement | undefined)[];
  /** By class: the contests that this path is a candidate of. */
  readonly contests: (Contest[] | undefined)[];
  due: Instant | null;
}

export class Selection {
  readonly #beside: Beside;
  readonly #paths = new Map<string, PathEntry>();
  /** By the key of each choice. */
  readonly #contests = new Map<string, Contest>();
  /** Each once. */
  readonly #distinct: readonly Contest[];
  readonly #classes: SloClass[] = [];
  readonly #queue = new FlatQueue<PathEntry | Contest>();
  /** Of all contests. */
  #depth = 0;

  /**
   * Every choice is decided once, at `now`. What `previous` knew of the same paths, classes and
   * choices goes on: a reload moves nothing that it does not mention. `ways`: what paths have in
   * common; absent: nothing is known of that.
   *
   * @throws RangeError two choices of one key, a path twice in one choice, or choices that keep away
   *   from each other in a circle
   */
  constructor(
    choices: readonly Choice[],
    now: Instant,
    previous?: Selection,
    ways: Ways = () => [],
  ) {
    this.#beside = {
      ways,
      isProven: (path, allowed) => isProven(this.#paths.get(path)!.observed?.looks ?? [], allowed),
    };
    const classIndices = new Numbers<SloClass>(JSON.stringify);
    const candidateSets = new Numbers<readonly Candidate[]>(JSON.stringify);
    const decisions = new Numbers<Decision | undefined>();
    const known = new Map<string, Contest>();
    for (const choice of choices) {
      const { key, balance, candidates, apart } = choice;
      if (this.#contests.has(key)) {
        throw new RangeError(`Cannot select: there are two choices "${key}"`);
      }
      const classIndex = classIndices.of(choice.class);
      this.#classes[classIndex] ??= choice.class;
      const decision = previous?.decision(key);
      // Equal choices with another past may stand elsewhere, and go on from there.
      const same = [classIndex, candidateSets.of(candidates), balance, decisions.of(decision)];
      const name = apart === undefined ? same.join(" ") : `apart ${key}`;
      let contest = known.get(name);
      if (contest === undefined) {
        contest = {
          choice,
          keys: [],
          classIndex,
          other: undefined,
          followers: [],
          depth: 0,
          decision,
          due: null,
        };
        this.#enter(contest);
        known.set(name, contest);
      }
      contest.keys.push(key);
      this.#contests.set(key, contest);
    }
    if (previous) this.#takeOver(previous, classIndices);
    for (const path of this.#paths.values()) this.#judge(path, now);
    const contests = this.#distinct = [...known.values()];
    for (const contest of contests) {
      contest.keys.sort();
      this.#follow(contest);
    }
    for (const contest of contests) {
      this.#depth = Math.max(this.#depth, sound(contest, contests.length));
    }
    for (const contest of contests.toSorted((a, b) => a.depth - b.depth)) {
      this.#decide(contest, now);
    }
  }

  /** Paths that are no candidate of any choice are passed over. Changes come by key. */
  measure(measurements: readonly PathMeasurement[], now: Instant): Change[] {
    const touched = new Set<Contest>();
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
    return this.#contests.get(key)?.decision;
  }

  choice(key: string): Choice | undefined {
    const contest = this.#contests.get(key);
    return contest && { ...contest.choice, key };
  }

  /** Path that a choice keeps away from; undefined: none. */
  pathToAvoid(key: string): string | undefined {
    return this.#contests.get(key)?.other?.decision?.order[0];
  }

  /** What is known of a path for the class of a choice. */
  judgement(key: string, path: string): Judgement | undefined {
    const entry = this.#contests.get(key);
    return entry && this.#paths.get(path)?.judgements[entry.classIndex];
  }

  observed(path: string): Observed | undefined {
    return this.#paths.get(path)?.observed;
  }

  /** Ascending by path. Looks at every path: for a budget of probes, not for each packet. */
  undecided(): Undecided[] {
    const found: Undecided[] = [];
    const blamed = this.#blamed();
    for (const path of this.#paths.values()) {
      if (!blamed.has(path) && !path.judgements.some((judgement) => judgement?.undecided)) continue;
      const uses = path.contests.map((entries) =>
        entries?.some(({ decision }) =>
          decision?.equals.includes(path.key) ||
          decision?.kept.some((kept) => kept.path === path.key)
        )
      );
      const inUse = uses.includes(true);
      const returns = blamed.has(path) ||
        path.contests.some((entries, index) =>
          path.judgements[index]!.verdict === "recovering" &&
          entries?.some((contest) => this.#isWanted(path, contest))
        );
      const doubted = path.judgements.some((judgement, index) =>
        judgement?.undecided && judgement.bad === null && uses[index]
      );
      found.push({ path: path.key, inUse, doubted, returns });
    }
    return found.sort((a, b) => a.path < b.path ? -1 : 1);
  }

  /** Who would lead but for blame: a closer look tells until then how good it is. */
  #blamed(): Set<PathEntry> {
    const found = new Set<PathEntry>();
    for (const contest of this.#distinct) {
      for (const key of contest.decision?.blame?.paths ?? []) {
        const path = this.#paths.get(key);
        // A path that the file before had.
        if (!path?.contests[contest.classIndex]?.includes(contest)) continue;
        if (this.#isWanted(path, contest)) found.add(path);
      }
    }
    return found;
  }

  /** Would it lead if it met the SLO? */
  #isWanted(path: PathEntry, { choice, classIndex, decision, other }: Contest): boolean {
    const rank = (key: string, judgement: Judgement) => {
      const candidate = choice.candidates.find((one) => one.path === key)!;
      return rankOf(candidate, judgement, choice, other?.decision?.order[0]);
    };
    const lead = this.#paths.get(decision?.order[0] ?? "");
    if (lead === undefined || lead === path) return false;
    const good = { ...path.judgements[classIndex]!, verdict: "meets" as const };
    return isClearlyBetter(
      rank(path.key, good),
      rank(lead.key, lead.judgements[classIndex]!),
      choice.class,
    );
  }

  #enter(contest: Contest): void {
    const { choice, classIndex } = contest;
    const paths = new Set(choice.candidates.map((candidate) => this.#path(candidate.path)));
    if (paths.size < choice.candidates.length) {
      throw new RangeError(`Cannot select: choice "${choice.key}" has a path twice`);
    }
    for (const path of paths) (path.contests[classIndex] ??= []).push(contest);
  }

  #follow(contest: Contest): void {
    const { apart } = contest.choice;
    contest.other = apart && this.#contests.get(apart.from);
    contest.other?.followers.push(contest);
  }

  #path(key: string): PathEntry {
    let path = this.#paths.get(key);
    if (path === undefined) {
      path = { key, observed: undefined, judgements: [], contests: [], due: null };
      this.#paths.set(key, path);
    }
    return path;
  }

  #takeOver(previous: Selection, classIndices: Numbers<SloClass>): void {
    for (const [key, path] of this.#paths) {
      const former = previous.#paths.get(key);
      if (former === undefined) continue;
      path.observed = former.observed;
      previous.#classes.forEach((slo, index) => {
        const own = classIndices.of(slo);
        if (path.contests[own]) path.judgements[own] = former.judgements[index];
      });
    }
  }

  /** Judges for every class that has the path; gives the contests to which it makes a difference. */
  #judge(path: PathEntry, now: Instant): Contest[] {
    const touched: Contest[] = [];
    let due: Instant | null = null;
    path.contests.forEach((entries, index) => {
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

  /** Everything whose time has come, then the contests touched by it or before. */
  #settle(touched: Set<Contest>, now: Instant): Change[] {
    for (let at = this.nextTimeout(); at !== null && at <= now; at = this.nextTimeout()) {
      const entry = this.#queue.pop()!;
      entry.due = null;
      if ("choice" in entry) touched.add(entry);
      else for (const one of this.#judge(entry, now)) touched.add(one);
    }
    const changes: Change[] = [];
    for (let depth = 0; depth <= this.#depth; depth++) {
      // A follower that joins here is deeper, so its turn is still to come.
      for (const entry of touched) {
        if (entry.depth !== depth) continue;
        const before = entry.decision;
        const decision = this.#decide(entry, now);
        if (before?.order[0] !== decision.order[0]) {
          for (const follower of entry.followers) touched.add(follower);
        }
        if (before && decision.moves.length === 0 && sameOutcome(before, decision)) continue;
        changes.push({ keys: entry.keys, decision, moves: decision.moves });
      }
    }
    return changes.sort((a, b) => a.keys[0]! < b.keys[0]! ? -1 : 1);
  }

  #decide(entry: Contest, now: Instant): Decision {
    const { classIndex, choice, other } = entry;
    const judgementOf = (path: string) => this.#paths.get(path)!.judgements[classIndex]!;
    const away = other?.decision?.order[0];
    entry.decision = decide(entry.decision, choice, judgementOf, now, away, this.#beside);
    this.#schedule(entry, entry.decision.next);
    return entry.decision;
  }

  /** An entry has one place in the queue that counts: that of its `due`. */
  #schedule(entry: PathEntry | Contest, due: Instant | null): void {
    if (entry.due === due) return;
    entry.due = due;
    if (due !== null) this.#queue.push(entry, due);
  }
}

/** Sets how deep it is in its chain: less than `count`, of all contests. */
function sound(contest: Contest, count: number): number {
  contest.depth = 0;
  for (let other = contest.other; other !== undefined; other = other.other) {
    contest.depth++;
    if (contest.depth < count) continue;
    throw new RangeError(`Cannot select: choice "${contest.choice.key}" keeps away in a circle`);
  }
  return contest.depth;
}

/** Numbers things from 0, equal ones alike: by identity first, then by the text given for them. */
class Numbers<Thing> {
  readonly #byThing = new Map<Thing, number>();
  readonly #byText = new Map<unknown, number>();
  readonly #text: (thing: Thing) => unknown;

  constructor(text: (thing: Thing) => unknown = (thing) => thing) {
    this.#text = text;
  }

  of(thing: Thing): number {
    let number = this.#byThing.get(thing);
    if (number === undefined) {
      const text = this.#text(thing);
      number = this.#byText.get(text) ?? this.#byText.size;
      this.#byText.set(text, number);
      this.#byThing.set(thing, number);
    }
    return number;
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
