/**
 * The heart of the running router: told what happened, it says what to do. It touches nothing, reads
 * no clock and waits for nothing, so that every situation can be replayed.
 */

import type { Looks, Snapshot, Table } from "../model/boundary.ts";
import type { Instant } from "../model/quantity.ts";
import type { PathStanding } from "../model/standing.ts";
import type { ReloadResult } from "../ports/router_view.ts";
import type { Setting } from "../underlay/host.ts";
import { peersNamed, peersOf, remoteUplinks, whatToObserve } from "./assemble.ts";
import { Devices } from "./devices.ts";
import { earliest, Every, isDue } from "./due.ts";
import { EndpointNames, SUSPECT_AFTER_MILLIS } from "./endpoints.ts";
import { type Configuration, type Effect, goesOn, info, log, type RouterEvent } from "./event.ts";
import { Footprint } from "./footprint.ts";
import { Neighbours } from "./neighbours.ts";
import { type Outcome, Plans } from "./plans.ts";
import { describeSteps, type Observation, reconcile, summariseSteps } from "./reconcile.ts";
import { Retry } from "./retry.ts";
import { describePhase } from "./rollout.ts";
import { effectOf, type Round } from "./round.ts";
import type { Running } from "./running.ts";

/** How often it is noticed which neighbours come and go. */
const SNAPSHOT_EVERY_MILLIS = 1_000;
/** How often paths are judged by what the probes told: a brown-out is left by the third look. */
const LOOK_EVERY_MILLIS = 250;
/** The system's state is looked at as a whole, whether or not anything seemed to change. */
const OBSERVE_EVERY_MILLIS = 60_000;

type Phase = "starting" | "running" | "failing" | "stopping" | "over";

export class Router {
  #phase: Phase = "starting";
  /** What is wanted: the file read last that can be used. */
  #wanted: Configuration | null = null;
  /** The wanted one before it, to go back to when the engine refuses the new one. */
  #before: Configuration | null = null;
  #problems: string[] = [];
  #plans = new Plans();
  #names = new EndpointNames();
  #neighbours = new Neighbours();
  #observed: Observation | null = null;
  readonly #footprint: Footprint;
  #applied: Table | null = null;
  #appliedAt: Instant | null = null;
  #lastReload: ReloadResult | null = null;
  #reloading = false;
  /** What the file that cannot run here is answered, once the old one runs again. */
  #refusal: ReloadResult | null = null;
  /** What changes with the file outside of the router. */
  #besides: readonly string[] = [];
  /** Asked for before the start was over. */
  #reloadAsked = false;
  /** Of the round of steps under way. */
  #round: Round | null = null;
  #devices = new Devices();
  #retry = new Retry();
  readonly #snapshots = new Every(SNAPSHOT_EVERY_MILLIS);
  readonly #looks = new Every(LOOK_EVERY_MILLIS);
  #nextObserve: number | null = null;

  /** `originals`: settings that a router before could not put back. */
  constructor(originals: readonly Setting[] = []) {
    this.#footprint = new Footprint(originals);
  }

  handle(event: RouterEvent, now: Instant): Effect[] {
    if (this.#phase === "over") return [];
    switch (event.kind) {
      case "loaded":
        this.#besides = event.besides ?? [];
        return this.#loaded(event.configuration, now);
      case "refused":
        return this.#refused(event.problems, now);
      case "reload":
        return this.#reload();
      case "observed":
        return this.#seen(event, now);
      case "unobserved":
        return this.#unseen(event.reason, now);
      case "disturbed":
        // What failed may have failed for what just changed: no long pause after it.
        this.#retry.soon();
        return this.#phase === "running" ? this.#observe() : [];
      case "resolved":
        return this.#resolved(event.name, event.addresses, now);
      case "unresolved":
        return this.#names.unresolved(event.name, event.reason, now)
          .map((warning) => log("warning", warning));
      case "snapshot":
        return this.#heard(event.snapshot, now);
      case "looks":
        return this.#measured(event.looks, now);
      case "host-changed":
        return this.#stepDone(event.failures, now);
      case "synced":
        return this.#synced(event.interface, event.problem, now);
      case "table-applied":
        return this.#tableApplied(now);
      case "table-refused":
        return this.#tableRefused(event.problems, now);
      case "timeout":
        return this.#timeout(now);
      case "stop":
        return this.#stop(event.reason, event.keep);
    }
  }

  /** When `timeout` wants to be told; null: only when something happens. */
  nextTimeout(): Instant | null {
    if (this.#phase !== "running") return null;
    return earliest([
      this.#snapshots.next,
      this.#looks.next,
      this.#nextObserve,
      this.#names.nextTimeout(),
      this.#plans.nextTimeout(),
    ]);
  }

  /** Null until the start is over: before, some of it is not there yet. */
  running(): Running | null {
    if (this.#phase === "starting" || !this.#wanted || !this.#applied || this.#appliedAt === null) {
      return null;
    }
    return {
      configuration: this.#wanted,
      table: this.#applied,
      candidates: this.#plans.candidates,
      appliedAt: this.#appliedAt,
      lastReload: this.#lastReload,
      warnings: [
        ...this.#plans.warnings,
        ...this.#devices.warnings,
        ...this.#names.warnings(),
        ...this.#retry.failures,
      ],
      missingDevices: this.#devices.missing,
      rollout: this.#plans.rollout,
    };
  }

  /** Best first; null: the policy (null: none) says nothing about the egress, or drops it. */
  standings(policy: string | null, egress: string, now: Instant): readonly PathStanding[] | null {
    return this.#plans.standings(policy, egress, now);
  }

  #loaded(configuration: Configuration, now: Instant): Effect[] {
    if (this.#phase !== "starting" && this.#phase !== "running") return [];
    this.#before = this.#wanted;
    this.#wanted = configuration;
    const table = this.#plans.configure(configuration, now);
    this.#names.configure(
      remoteUplinks(configuration.network, table),
      this.#before?.network ?? null,
      now,
    );
    const { network, site } = configuration;
    const begins = network.generation !== this.#before?.network.generation && this.#plans.rollout;
    return [
      info(`read the file: network ${network.name}, generation ${network.generation}`),
      ...(this.#before ? [] : [info(`this is site ${site.name} (SID ${site.sid})`)]),
      ...(begins ? [info(describePhase(begins.phase))] : []),
      ...this.#ask(now),
      ...this.#observe(),
    ];
  }

  #refused(problems: readonly string[], now: Instant): Effect[] {
    if (this.#phase === "starting") {
      this.#phase = "over";
      return [{ kind: "finish", problems }];
    }
    if (this.#phase !== "running") return [];
    return [...goesOn(problems, this.#wanted), ...this.#reloaded({ ok: false, at: now, problems })];
  }

  #reload(): Effect[] {
    if (this.#phase === "starting") this.#reloadAsked = true;
    if (this.#phase !== "running" || this.#reloading) return [];
    this.#reloading = true;
    return [info("reading the file again"), { kind: "read-file" }];
  }

  #observe(): Effect[] {
    const { configuration, table } = this.#plans;
    return [{ kind: "observe", ...whatToObserve(configuration, table) }];
  }

  #seen(observation: Observation, now: Instant): Effect[] {
    this.#observed = { host: observation.host, wireguard: observation.wireguard };
    if (this.#phase === "stopping" || this.#phase === "failing") return this.#undo();
    if (!this.#wanted) return [];
    this.#nextObserve = now + OBSERVE_EVERY_MILLIS;
    return [...this.#footprint.seen(observation.host), ...this.#reconcile(now)];
  }

  #unseen(reason: string, now: Instant): Effect[] {
    const problem = `Cannot look at the system: ${reason}`;
    if (this.#phase !== "running") {
      // Nothing was changed yet, or what there is to undo cannot be known.
      this.#phase = "over";
      return [{ kind: "close-engine" }, {
        kind: "finish",
        problems: [...this.#problems, problem],
      }];
    }
    if (this.#reloading) return this.#goBack([problem], now);
    return this.#roundDone([problem], [], now);
  }

  #reconcile(now: Instant): Effect[] {
    const wanted = this.#wanted!;
    const { steps, problems, warnings } = reconcile(
      wanted,
      this.#plans.table,
      this.#applied,
      this.#names,
      this.#observed!,
      now,
      this.#plans.rollout?.phase,
    );
    if (problems.length > 0 && this.#applied === null) return this.#fail(problems);
    if (problems.length > 0 && this.#reloading) return this.#goBack(problems, now);
    const { fresh, returned } = this.#devices.seen(
      this.#plans.table,
      this.#observed!.host,
      warnings,
      problems,
    );
    const effects: Effect[] = [
      ...fresh.map((warning) => log("warning", warning)),
      ...returned.map((device) => info(`device ${device} is there now`)),
    ];
    if (steps.length === 0) return [...effects, ...this.#roundDone([], [], now)];
    const lines = describeSteps(steps, wanted);
    this.#round = { left: steps.length, failures: [], refused: [], lines, ranking: false };
    return [
      ...effects,
      ...summariseSteps(steps, wanted).map((line) => info(line)),
      ...steps.map(effectOf),
    ];
  }

  #stepDone(failures: readonly string[], now: Instant): Effect[] {
    const round = this.#round;
    if (!round) return [];
    round.failures.push(...failures);
    round.left -= 1;
    if (round.left > 0) return [];
    this.#round = null;
    if (this.#phase !== "starting" && this.#phase !== "running") return [];
    if (round.ranking && round.failures.length === 0) return [];
    if (this.#reloading && round.refused.length > 0) return this.#goBack(round.refused, now);
    return this.#roundDone(round.failures, round.lines, now);
  }

  #synced(name: string, problem: string | null, now: Instant): Effect[] {
    if (problem !== null) {
      if (!this.#retry.failures.includes(problem)) this.#round?.refused.push(problem);
      return this.#stepDone([problem], now);
    }
    this.#names.told(peersOf(this.#plans.table, name));
    return this.#stepDone([], now);
  }

  #tableApplied(now: Instant): Effect[] {
    this.#applied = this.#plans.table;
    this.#appliedAt = now;
    return this.#stepDone([], now);
  }

  #tableRefused(problems: readonly string[], now: Instant): Effect[] {
    if (this.#applied === null) return this.#fail(problems);
    if (this.#reloading) return this.#goBack(problems, now);
    // What was to follow was meant for that table and is not done.
    if (this.#round) this.#round.left = 1;
    return this.#stepDone(problems, now);
  }

  /** All steps were made, or there were none to make. */
  #roundDone(failures: readonly string[], lines: readonly string[], now: Instant): Effect[] {
    this.#nextObserve = now + OBSERVE_EVERY_MILLIS;
    if (failures.length > 0 && this.#phase === "starting") {
      const fatal = failures.filter((failure) =>
        !this.#devices.isAwaited(this.#plans.table, failure)
      );
      if (fatal.length > 0) return this.#fail(fatal);
    }
    const effects: Effect[] = failures
      .filter((failure) => !this.#retry.failures.includes(failure))
      .map((failure) => log("warning", `${failure}; trying again`));
    if (this.#retry.failures.length > 0 && failures.length === 0) {
      effects.push(info("all is well again"));
    }
    const pause = this.#retry.after(failures);
    if (pause !== null) this.#nextObserve = now + pause;
    if (this.#phase === "starting") {
      this.#phase = "running";
      this.#snapshots.begin(now);
      this.#looks.begin(now);
      effects.push({ kind: "remember" }, { kind: "ready" });
      if (this.#reloadAsked) effects.push(...this.#reload());
    } else if (this.#reloading) {
      this.#plans.keep();
      const generation = this.#wanted!.network.generation;
      const changes = [...this.#besides, ...lines];
      effects.push(
        info(changes.length === 0 ? "nothing to change" : `generation ${generation} runs`),
        { kind: "remember" },
        ...this.#reloaded({ ok: true, at: now, generation, changes }),
      );
    } else if (this.#refusal) {
      effects.push(...this.#reloaded(this.#refusal));
      this.#refusal = null;
    }
    return effects;
  }

  #reloaded(result: ReloadResult): Effect[] {
    this.#reloading = false;
    this.#lastReload = result;
    return [{ kind: "reloaded", result }];
  }

  /** The new file passed its checks and still cannot run here: the old one goes on. */
  #goBack(problems: readonly string[], now: Instant): Effect[] {
    const before = this.#before;
    this.#round = null;
    if (before) {
      this.#names.configure(
        remoteUplinks(before.network, this.#plans.revert(now)),
        this.#wanted?.network ?? null,
        now,
      );
      this.#wanted = before;
    }
    this.#reloading = false;
    this.#refusal = { ok: false, at: now, problems };
    return [...goesOn(problems, this.#wanted), ...this.#observe()];
  }

  #resolved(name: string, addresses: readonly string[], now: Instant): Effect[] {
    const { network } = this.#plans.configuration;
    const lost = peersNamed(network, this.#plans.table, name)
      .filter((key) => !this.#neighbours.isUp(key));
    const changed = this.#names.resolved(name, addresses, lost);
    if (!changed) return this.#ask(now);
    return [info(`endpoint name ${name} is ${addresses.join(", ")}`), ...this.#observe()];
  }

  #heard(snapshot: Snapshot, now: Instant): Effect[] {
    if (this.#phase !== "running" || !this.#applied || !this.#wanted) return [];
    const effects: Effect[] = this.#neighbours.update(this.#applied, snapshot)
      .map(({ level, message }) => log(level, message));
    const suspects = this.#neighbours.silentFor(SUSPECT_AFTER_MILLIS, snapshot);
    for (const [key, uplink] of remoteUplinks(this.#wanted.network, this.#applied)) {
      if (uplink.endpoint && suspects.has(key)) this.#names.suspect(uplink.endpoint.host, now);
    }
    this.#plans.count(snapshot);
    // A file that is not applied yet was not told to anybody either.
    if (this.#applied.generation !== this.#wanted.network.generation) return effects;
    return [...effects, ...this.#follow(this.#plans.roll(this.#neighbours.heard, now))];
  }

  #measured(looks: Looks, now: Instant): Effect[] {
    return this.#phase === "running" ? this.#follow(this.#plans.measure(looks, now)) : [];
  }

  #follow({ lines, changed, relabelled, probing }: Outcome): Effect[] {
    const effects: Effect[] = lines.map(info);
    if (relabelled) {
      effects.push(...this.#observe());
    } else if (changed) {
      // Steps under way keep their own account, with one more.
      if (this.#round) this.#round.left++;
      else this.#round = { left: 1, failures: [], refused: [], lines: [], ranking: true };
      effects.push({ kind: "apply-table", table: this.#plans.table });
    }
    // After the table, which may have brought the path.
    if (probing) effects.push({ kind: "probe", probing });
    return effects;
  }

  #timeout(now: Instant): Effect[] {
    if (this.#phase !== "running") return [];
    const rolled = this.#plans.roll(null, now);
    // One change of the table at a time: what else is due is due again at once.
    const effects = [
      ...this.#follow(rolled.relabelled ? rolled : this.#plans.look(now)),
      ...this.#ask(now),
    ];
    if (isDue(this.#nextObserve, OBSERVE_EVERY_MILLIS, now)) {
      this.#nextObserve = now + OBSERVE_EVERY_MILLIS;
      effects.push(...this.#observe());
    }
    if (this.#snapshots.take(now)) effects.push({ kind: "read-snapshot" });
    if (this.#looks.take(now)) effects.push({ kind: "take-looks" });
    return effects;
  }

  #ask(now: number): Effect[] {
    return this.#names.take(now).map((name) => ({ kind: "resolve", name }));
  }

  #fail(problems: readonly string[]): Effect[] {
    this.#phase = "failing";
    this.#problems = [...problems];
    this.#round = null;
    return [{ kind: "close-engine" }, ...this.#observe()];
  }

  #stop(reason: string, keep: boolean): Effect[] {
    if (this.#phase === "failing" || this.#phase === "stopping") return [];
    this.#phase = "stopping";
    this.#round = null;
    const effects: Effect[] = [info(`stopping: ${reason}`), { kind: "close-engine" }];
    if (this.#footprint.isSet && !keep) return [...effects, ...this.#observe()];
    this.#phase = "over";
    return [...effects, { kind: "finish", problems: [] }];
  }

  /** A failed start goes back to what was there before it; a stop leaves nothing of ours. */
  #undo(): Effect[] {
    const { host } = this.#observed!;
    const effects = this.#phase === "failing"
      ? this.#footprint.restore(host)
      : this.#footprint.erase(host);
    this.#phase = "over";
    return [...effects, { kind: "finish", problems: this.#problems }];
  }
}
