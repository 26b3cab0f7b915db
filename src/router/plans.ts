/** The forwarding table that is wanted now, and how measurements and time change it. */

import type { Looks, Probing, Snapshot, Table } from "../model/boundary.ts";
import type { CandidatePath } from "../model/path.ts";
import type { Instant } from "../model/quantity.ts";
import type { PathStanding } from "../model/standing.ts";
import { compileTable } from "../sr/compile.ts";
import { allCandidates, type Survey, survey } from "../sr/survey.ts";
import type { Change } from "../te/select/selection.ts";
import { earliest } from "./due.ts";
import type { Configuration } from "./event.ts";
import { describeHours, type Hours, hoursAt, isCurrent } from "./hours.ts";
import { Steering } from "./steering.ts";

interface Plan {
  readonly configuration: Configuration;
  readonly surveyed: Survey;
  readonly candidates: readonly CandidatePath[];
  readonly steering: Steering;
  readonly hours: Hours;
  readonly table: Table;
}

/** What follows from a measurement, or from time. */
export interface Outcome {
  /** For people, a line each. */
  readonly lines: readonly string[];
  /** The table is another. */
  readonly changed: boolean;
  /** The engine's prober has to be told; null: it knows. */
  readonly probing: Probing | null;
}

const NOTHING: Outcome = { lines: [], changed: false, probing: null };

export class Plans {
  #plan: Plan | null = null;

  get configuration(): Configuration {
    return this.#current().configuration;
  }

  get table(): Table {
    return this.#current().table;
  }

  get candidates(): readonly CandidatePath[] {
    return this.#plan?.candidates ?? [];
  }

  /** What was measured so far stands: a new file alone moves no traffic from path to path. */
  configure(configuration: Configuration, now: Instant): Table {
    const { network, site } = configuration;
    const hours = hoursAt(network, now);
    const surveyed = survey(network, site.name);
    const steering = new Steering(surveyed, now, this.#plan?.steering);
    const candidates = allCandidates(surveyed);
    const table = tableOf({ configuration, surveyed, steering, hours });
    this.#plan = { configuration, surveyed, candidates, steering, hours, table };
    return table;
  }

  /** What is wrong with the clock, as far as policies depend on it. */
  get warnings(): readonly string[] {
    return this.#plan?.hours.warnings ?? [];
  }

  /** When time alone changes something; null: it does not. */
  nextTimeout(): Instant | null {
    return earliest([this.#plan?.hours.next ?? null, this.#plan?.steering.nextTimeout() ?? null]);
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

  #steer(changes: readonly Change[], now: Instant): Outcome {
    const { steering } = this.#current();
    const changed = changes.length > 0 && this.#renew();
    return {
      // Who moves on a path that nothing is sent by moves nothing.
      lines: changed ? steering.describe(changes, now) : [],
      changed,
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
  { configuration, surveyed, steering, hours }: Omit<Plan, "table" | "candidates">,
): Table {
  const table = compileTable(surveyed, "embedded", steering.placements, hours.absent);
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
