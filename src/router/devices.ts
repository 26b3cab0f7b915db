import type { Table } from "../model/boundary.ts";
import type { Host } from "../underlay/host.ts";

/** The devices of this site's uplinks: which of them are away, and what people were told of that. */
export class Devices {
  #warnings: readonly string[] = [];
  #missing: readonly string[] = [];
  #present: ReadonlySet<string> = new Set();

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  get missing(): readonly string[] {
    return this.#missing;
  }

  /** @returns warnings that are new, and devices that were missing and are there */
  seen(
    table: Table,
    host: Host,
    warnings: readonly string[],
    problems: readonly string[],
  ): { readonly fresh: string[]; readonly returned: string[] } {
    const fresh = warnings.filter((warning) => !this.#warnings.includes(warning));
    this.#warnings = [...warnings, ...problems];
    this.#present = new Set(host.links.map((link) => link.name));
    const before = this.#missing;
    this.#missing = [...new Set(table.uplinks.map(({ device }) => device))]
      .filter((device) => !this.#present.has(device));
    return { fresh, returned: before.filter((device) => this.#present.has(device)) };
  }

  /** Whether something failed for want of a device that may still come. */
  isAwaited(table: Table, failure: string): boolean {
    return table.uplinks.some((uplink) =>
      !this.#present.has(uplink.device) && failure.includes(uplink.interface)
    );
  }
}
