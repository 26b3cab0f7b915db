/**
 * Packets walked through the compiled tables of all sites, by nothing but what a table says:
 * independent of how the tables came to be.
 */

import type { Table } from "../../../src/model/boundary.ts";

export interface Arrival {
  /** The packet's labels end here. Service label: delivered; explicit null at the bottom: "local". */
  readonly outcome: "delivered" | "local" | "dropped";
  readonly reason?: string;
  readonly site: string;
  readonly segment?: { readonly name: string; readonly number: number };
  /** Adjacencies that it crossed, `site1.up0>site2.up3`, with the labels it had there. */
  readonly hops: readonly {
    readonly spelled: string;
    readonly mtu: number;
    readonly labels: number;
  }[];
}

/** Site name → its table; different generations may stand side by side. */
export type Tables = ReadonlyMap<string, Table>;

/** Site, then uplink tunnel address: what an adjacency leads to. */
interface Far {
  readonly table: Table;
  readonly adjacency: number;
}

const TTL = 255;

/** Sends labels over one adjacency of a site. `isUp` may take adjacencies away from routers. */
export function walk(
  tables: Tables,
  from: string,
  adjacency: number,
  labels: readonly number[],
  isUp: (spelled: string) => boolean = () => true,
): Arrival {
  const hops: { spelled: string; mtu: number; labels: number }[] = [];
  const addresses = owners(tables);
  let table = tables.get(from)!;
  let out = adjacency;
  let stack = [...labels];
  for (let ttl = TTL; ttl > 0; ttl--) {
    hops.push({
      spelled: spellAdjacency(table, out),
      mtu: table.adjacencies[out]!.mtu,
      labels: stack.length,
    });
    const far = across(table, out, addresses);
    if (typeof far === "string") {
      return { outcome: "dropped", reason: far, site: table.site.name, hops };
    }
    table = far.table;
    const step = look(table, far.adjacency, stack, isUp);
    if ("outcome" in step) return { ...step, site: table.site.name, hops };
    out = step.adjacency;
    stack = step.stack;
  }
  return { outcome: "dropped", reason: "ttl-expired", site: table.site.name, hops };
}

export function spellAdjacency(table: Table, index: number): string {
  const [near, far] = table.adjacencies[index]!.key.split(">");
  return `${table.site.name}.${near}>${far}`;
}

function look(
  table: Table,
  arrivedBy: number,
  labels: readonly number[],
  isUp: (spelled: string) => boolean,
): Pick<Arrival, "outcome" | "reason" | "segment"> | { adjacency: number; stack: number[] } {
  const stack = [...labels];
  while (stack.length > 0) {
    const label = stack[0]!;
    if (label === 0) {
      stack.shift();
      continue;
    }
    const entry = table.labels.find((one) => one.label === label);
    if (!entry) return { outcome: "dropped", reason: "unknown-label" };
    if (!entry.accept.includes(arrivedBy)) {
      const leadsBack = typeof entry.action === "object" && "forward" in entry.action &&
        entry.action.forward.some((one) => one.adjacency === arrivedBy && !one.repair);
      return { outcome: "dropped", reason: leadsBack ? "would-return" : "not-accepted" };
    }
    if (entry.action === "pop") {
      stack.shift();
      continue;
    }
    if ("deliver" in entry.action) {
      if (stack.length > 1) return { outcome: "dropped", reason: "service-label-not-bottom" };
      const { name, number } = table.segments[entry.action.deliver]!;
      return { outcome: "delivered", segment: { name, number } };
    }
    const isProbe = stack.at(-1) === 0;
    const hop = entry.action.forward.find(({ adjacency, repair }) =>
      isUp(spellAdjacency(table, adjacency)) && (repair ? !isProbe : adjacency !== arrivedBy)
    );
    if (!hop) return { outcome: "dropped", reason: "no-adjacency-up" };
    return { adjacency: hop.adjacency, stack: [...hop.labels, ...stack.slice(1)] };
  }
  return { outcome: "local" };
}

/** The other end: who owns the remote address, and knows our uplink as a peer with our key. */
function across(table: Table, out: number, addresses: ReadonlyMap<string, Table>): Far | string {
  const adjacency = table.adjacencies[out]!;
  const own = table.uplinks[adjacency.uplink]!.tunnel_address;
  const remote = addresses.get(adjacency.remote_address);
  if (!remote) return "nobody-there";
  const index = remote.adjacencies.findIndex((one) =>
    one.remote_address === own &&
    remote.uplinks[one.uplink]!.tunnel_address === adjacency.remote_address
  );
  return index < 0 ? "not-a-peer" : { table: remote, adjacency: index };
}

function owners(tables: Tables): Map<string, Table> {
  return new Map(
    [...tables.values()].flatMap((table) =>
      table.uplinks.map((uplink) => [uplink.tunnel_address, table] as const)
    ),
  );
}
