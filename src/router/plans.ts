/** The forwarding table that is wanted now, and how measurements change it. */

import type { Snapshot, Table } from "../model/boundary.ts";
import type { CandidatePath } from "../model/path.ts";
import type { Instant } from "../model/quantity.ts";
import { compile, type Compiled, compileTable } from "../sr/compile.ts";
import { type Rankings, sameOrder, updateRankings } from "../sr/rankings.ts";
import type { RoundTrips } from "../te/rank.ts";
import type { Configuration } from "./event.ts";
import { describeHours, type Hours, hoursAt, isCurrent } from "./hours.ts";

interface Plan {
  readonly configuration: Configuration;
  readonly compiled: Compiled;
  readonly rankings: Rankings;
  readonly hours: Hours;
  readonly table: Table;
}

export class Plans {
  #plan: Plan | null = null;

  get configuration(): Configuration {
    return this.#current().configuration;
  }

  get table(): Table {
    return this.#current().table;
  }

  get candidates(): readonly CandidatePath[] {
    return this.#plan?.compiled.candidates ?? [];
  }

  /** What was measured so far stands: a new file alone moves no traffic from path to path. */
  configure(configuration: Configuration, now: Instant): Table {
    const { network, site } = configuration;
    const rankings = this.#plan?.rankings ?? new Map();
    const hours = hoursAt(network, now);
    const compiled = compile(network, site.name, "embedded", rankings, hours.absent);
    const table = withBackends(compiled.table, configuration);
    this.#plan = { configuration, compiled, rankings, hours, table };
    return table;
  }

  /** What is wrong with the clock, as far as policies depend on it. */
  get warnings(): readonly string[] {
    return this.#plan?.hours.warnings ?? [];
  }

  /** When the time of day changes what holds; null: nothing depends on it. */
  nextTimeout(): Instant | null {
    return this.#plan?.hours.next ?? null;
  }

  /**
   * Looks at the time of day, at any time: a clock that was set is noticed with the next look.
   *
   * @returns which policies come and go, a line each, and the table is another; null: none does
   */
  look(now: Instant): string[] | null {
    const { configuration, compiled, rankings, hours: before } = this.#current();
    if (isCurrent(before, now)) return null;
    const hours = hoursAt(configuration.network, now);
    const lines = describeHours(before, hours);
    if (lines.length === 0) {
      this.#plan = { ...this.#current(), hours };
      return null;
    }
    const fresh = compileTable(compiled.survey, "embedded", rankings, hours.absent);
    const table = withBackends(fresh, configuration);
    this.#plan = { configuration, compiled, rankings, hours, table };
    return lines;
  }

  /** @returns what changes places, a line each, and so the table; null: nothing does */
  measure(snapshot: Snapshot, now: Instant): string[] | null {
    const { configuration, compiled, rankings: before, hours } = this.#current();
    const trips = roundTrips(snapshot);
    const rankings = updateRankings(
      compiled.survey,
      trips,
      before.size === 0 ? undefined : before,
      now,
    );
    if (sameOrder(before, rankings)) {
      this.#plan = { ...this.#current(), rankings };
      return null;
    }
    const table = compileTable(compiled.survey, "embedded", rankings, hours.absent);
    const fresh = withBackends(table, configuration);
    const changed = JSON.stringify(fresh) !== JSON.stringify(this.table);
    this.#plan = { configuration, compiled, rankings, hours, table: fresh };
    return changed ? moves(this.#former(before), rankings, trips) : null;
  }

  /** As it stood without measurements, where there were none: by cost. */
  #former(rankings: Rankings): ReadonlyMap<string, readonly string[]> {
    const { choices } = this.#current().compiled.survey;
    return new Map(
      [...choices].flatMap(([key, choice]) =>
        choice.kind === "drop"
          ? []
          : [[key, rankings.get(key)?.order ?? choice.paths.map((path) => path.key)] as const]
      ),
    );
  }

  #current(): Plan {
    if (!this.#plan) throw new Error("No configuration has been read yet");
    return this.#plan;
  }
}

/** Only of paths that are up: what was measured before a failure says nothing about now. */
function roundTrips(snapshot: Snapshot): RoundTrips {
  const trips = new Map<string, number>();
  for (const { key, quality } of [...snapshot.adjacencies, ...snapshot.lists]) {
    if (quality.state === "up" && quality.rtt_micros !== null) trips.set(key, quality.rtt_micros);
  }
  return trips;
}

function moves(
  before: ReadonlyMap<string, readonly string[]>,
  rankings: Rankings,
  trips: RoundTrips,
): string[] {
  const told = (path: string | undefined) => {
    const trip = path === undefined ? undefined : trips.get(path);
    return `${path ?? "none"}${trip === undefined ? "" : ` (${(trip / 1000).toFixed(1)} ms)`}`;
  };
  return [...rankings].flatMap(([key, { order }]) => {
    const former = before.get(key) ?? [];
    if (former.join() === order.join()) return [];
    if (former[0] === order[0]) return [`policy ${key}: paths after the first change places`];
    return [`policy ${key}: ${told(order[0])} takes the place of ${told(former[0])}`];
  });
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
