/** What became of the neighbours from one snapshot to the next. */

import type { Liveness, Snapshot, Table } from "../model/boundary.ts";
import type { PublicKey } from "../model/quantity.ts";
import type { LogLevel } from "./event.ts";
import type { Heard } from "./rollout.ts";

export interface Notice {
  readonly level: LogLevel;
  readonly message: string;
}

export class Neighbours {
  readonly #states = new Map<string, Liveness>();
  readonly #generations = new Map<string, string>();
  readonly #up = new Set<PublicKey>();
  readonly #runs = new Map<number, "same" | "other">();
  #keys = new Map<string, PublicKey>();

  /** @returns what is worth a line in the log */
  update(table: Table, snapshot: Snapshot): Notice[] {
    const sids = new Map(table.adjacencies.map((one) => [one.key, one.remote_site]));
    this.#runs.clear();
    this.#keys = new Map(table.adjacencies.map((one) => [one.key, one.remote_key as PublicKey]));
    const notices: Notice[] = [];
    this.#up.clear();
    for (const { key, quality, remote_generation } of snapshot.adjacencies) {
      const before = this.#states.get(key) ?? "unknown";
      if (quality.state !== before && quality.state !== "unknown") {
        notices.push({
          level: quality.state === "down" && before === "up" ? "warning" : "info",
          message: quality.state === "up"
            ? `${key} is up${milliseconds(quality.rtt_micros)}`
            : before === "up"
            ? `${key} is down`
            : `${key} does not answer yet`,
        });
      }
      this.#states.set(key, quality.state);
      const remote = this.#keys.get(key);
      if (quality.state === "up" && remote) this.#up.add(remote);
      const sid = sids.get(key);
      if (sid !== undefined && remote_generation !== null) {
        // What was told by an adjacency that is down may be old.
        if (remote_generation === table.generation) {
          if (!this.#runs.has(sid)) this.#runs.set(sid, "same");
        } else if (quality.state === "up") this.#runs.set(sid, "other");
      }
      if (remote_generation !== null && this.#generations.get(key) !== remote_generation) {
        this.#generations.set(key, remote_generation);
        if (remote_generation !== table.generation) {
          notices.push({
            level: "warning",
            message: `${key} runs generation ${remote_generation}, this router ${table.generation}`,
          });
        }
      }
    }
    return notices;
  }

  /** Compared with the table that the last snapshot was of. */
  get heard(): Heard {
    return new Map(this.#runs);
  }

  /** Over some uplink of ours. */
  isUp(remote: PublicKey): boolean {
    return this.#up.has(remote);
  }

  /** Remote uplinks that none of ours has reached for so long. */
  silentFor(millis: number, snapshot: Snapshot): Set<PublicKey> {
    const silent = new Set<PublicKey>();
    for (const { key, quality } of snapshot.adjacencies) {
      const remote = this.#keys.get(key);
      if (!remote || this.#up.has(remote)) continue;
      if (quality.state !== "up" && quality.state_millis >= millis) silent.add(remote);
    }
    return silent;
  }
}

function milliseconds(micros: number | null): string {
  return micros === null ? "" : ` (round trip ${(micros / 1000).toFixed(1)} ms)`;
}
