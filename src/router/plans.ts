/** The forwarding table that is wanted now, and how measurements and time change it. */

import type { Looks, Probing, Snapshot, Table } from "../model/boundary.ts";
import type { CandidatePath } from "../model/path.ts";
import type { Instant } from "../model/quantity.ts";
import type { PathStanding } from "../model/standing.ts";
import type { RolloutState } from "../ports/router_view.ts";
import { compileTable } from "../sr/compile.ts";
import { allCandidates, type Survey, survey } from "../sr/survey.ts";
import { respelled } from "../sr/transition.ts";
import type { Change } from "../te/select/selection.ts";
import { earliest } from "./due.ts";
import type { Configuration } from "./event.ts";
import { describeHours, type Hours, hoursAt, isCurrent } from "./hours.ts";
import { renumberings } from "./renumber.ts";
import { describePhase, type Heard, Rollout } from "./rollout.ts";
import { Steering } from "./steering.ts";

interface Plan {
  readonly configuration: Configuration;
  readonly surveyed: Survey;
  readonly candidates: readonly CandidatePath[];
  readonly steering: Steering;
  readonly hours: Hours;
  /** null: no router next to this one has to be minded any more. */
  readonly rollout: Rollout | null;
  readonly table: Table;
}

/** What follows from a measurement, or from time. */
export interface Outcome {
  /** For people, a line each. */
  readonly lines: readonly string[];
  /** The table is another. */
  readonly changed: boolean;
  /** It is so in more than the order of paths: what hangs on it may have to change, too. */
  readonly relabelled: boolean;
  /** The engine's prober has to be told; null: it knows. */
  readonly probing: Probing | null;
}

const NOTHING: Outcome = { lines: [], changed: false, relabelled: false, probing: null };

export class Plans {
  #plan: Plan | null = null;
  /** What ran until the file was read last, as long as that may turn out not to run here. */
  #before: Plan | null = null;

  get configuration(): Configuration {
    return this.#current().configuration;
  }

  get table(): Table {
    return this.#current().table;
  }

  /** With the stacks that they have now. */
  get candidates(): readonly CandidatePath[] {
    return this.#plan?.candidates ?? [];
  }

  /** What a file that changes ways has come to; null: at rest. */
  get rollout(): RolloutState | null {
    if (!this.#plan?.rollout) return null;
    const { rollout, steering } = this.#plan;
    const { until } = rollout;
    return { ...rollout.state, until: until === null ? null : steering.clock.wallAt(until) };
  }

  /** What was measured so far stands: a new file alone moves no traffic from path to path. */
  configure(configuration: Configuration, now: Instant): Table {
    const { network, site } = configuration;
    const surveyed = survey(network, site.name);
    this.#before = this.#plan;
    return this.#enter(configuration, surveyed, this.#rolloutTo(surveyed, now), now);
  }

  /** The file runs: from here on there is no way back. */
  keep(): void {
    this.#before = null;
  }

  /** Back to what ran until {@link configure} was called last. */
  revert(now: Instant): Table {
    const { configuration, surveyed, rollout, steering } = this.#before ?? this.#current();
    this.#before = null;
    // As it was before the file that does not run, which may have known less of what this one has.
    return this.#enter(configuration, surveyed, rollout, now, steering);
  }

  /** What is wrong with the clock, as far as policies depend on it. */
  get warnings(): readonly string[] {
    return this.#plan?.hours.warnings ?? [];
  }

  /** When time alone changes something; null: it does not. */
  nextTimeout(): Instant | null {
    return earliest([
      this.#plan?.hours.next ?? null,
      this.#plan?.steering.nextTimeout() ?? null,
      this.rollout?.until ?? null,
    ]);
  }

  /** Looks at the time, at any time: a clock that was set is noticed with the next look. */
  look(now: Instant): Outcome {
    const { configuration, steering, hours: before } = this.#current();
    const changes = steering.advance(now);
    const moved = changes.length === 0 ? NOTHING : this.#steer(changes, now);
    if (isCurrent(before, now)) return moved;
    const hours = hoursAt(configuration.network, now);
    const lines = describeHours(before, hours);
    this.#plan = { ...this.#current(), hours };
    if (lines.length === 0) return moved;
    const changed = this.#renew();
    return { ...moved, lines: [...moved.lines, ...lines], changed: moved.changed || changed };
  }

  /** The file as it reaches the neighbours, and as time goes by. */
  roll(heard: Heard | null, now: Instant): Outcome {
    const { rollout, steering } = this.#current();
    if (rollout === null) return NOTHING;
    const news = heard !== null && rollout.hear(heard);
    const came = rollout.advance(steering.clock.at(now));
    if (!news && came === null) return NOTHING;
    if (came === "settled") {
      const { surveyed } = this.#current();
      this.#plan = { ...this.#current(), rollout: null, candidates: allCandidates(surveyed) };
    }
    const relabelled = this.#renew();
    return { ...NOTHING, lines: came === null ? [] : [describePhase(came)], relabelled };
  }

  /** What the probes told since it was told last. */
  measure(looks: Looks, now: Instant): Outcome {
    return this.#steer(this.#current().steering.measure(looks, now), now);
  }

  /** Where customers' packets go. */
  count(snapshot: Snapshot): void {
    this.#current().steering.count(snapshot);
  }

  /** Best first; null: the policy says nothing about the egress. */
  standings(policy: string | null, egress: string, now: Instant): readonly PathStanding[] | null {
    return this.#plan?.steering.standings(policy, egress, now) ?? null;
  }

  #rolloutTo(surveyed: Survey, now: Instant): Rollout | null {
    const before = this.#plan;
    if (before === null) return null;
    const { network } = before.configuration;
    if (network.generation === surveyed.network.generation) return before.rollout;
    // Where numbers mean something else than before, the former ways cannot be told any more.
    return renumberings(network, surveyed.network).length > 0
      ? null
      : Rollout.begin(before, surveyed, before.steering.clock.at(now));
  }

  #enter(
    configuration: Configuration,
    surveyed: Survey,
    rollout: Rollout | null,
    now: Instant,
    previous = this.#plan?.steering,
  ): Table {
    const hours = hoursAt(configuration.network, now);
    const steering = new Steering(surveyed, now, previous);
    const candidates = allCandidates(surveyed).map((path) =>
      rollout === null ? path : respelled(surveyed.labelling, path, rollout.transition)
    );
    const table = tableOf({ configuration, surveyed, steering, hours, rollout });
    this.#plan = { configuration, surveyed, candidates, steering, hours, rollout, table };
    return table;
  }

  #steer(changes: readonly Change[], now: Instant): Outcome {
    const { steering } = this.#current();
    const changed = changes.length > 0 && this.#renew();
    return {
      // Who moves on a path that nothing is sent by moves nothing.
      lines: changed ? steering.describe(changes, now) : [],
      changed,
      relabelled: false,
      probing: steering.probing(changes, now),
    };
  }

  /** @returns whether the table is another */
  #renew(): boolean {
    const plan = this.#current();
    const table = tableOf(plan);
    if (JSON.stringify(table) === JSON.stringify(plan.table)) return false;
    this.#plan = { ...plan, table };
    return true;
  }

  #current(): Plan {
    if (!this.#plan) throw new Error("No configuration has been read yet");
    return this.#plan;
  }
}

function tableOf(
  { configuration, surveyed, steering, hours, rollout }: Omit<Plan, "table" | "candidates">,
): Table {
  const transition = rollout === null ? null : rollout.transition;
  const table = compileTable(surveyed, "embedded", steering.placements, hours.absent, transition);
  return withBackends(table, configuration);
}

function withBackends(table: Table, { backends }: Configuration): Table {
  return {
    ...table,
    uplinks: table.uplinks.map((uplink) => ({
      ...uplink,
      backend: backends[uplink.key] ?? uplink.backend,
    })),
  };
}
