/** Two generations of the file meet while a change rolls out. */

import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { Table } from "../../../src/model/boundary.ts";
import type { Network } from "../../../src/model/network.ts";
import { compile } from "../../../src/sr/compile.ts";
import { networkShape, randomNetwork, toNetwork } from "../te/random_network.ts";
import { type Tables, walk } from "./walk.ts";

// Hundreds of random networks each: seconds where other work shares the processor.
vi.setConfig({ testTimeout: 60_000 });

test("a packet arrives at the right site and segment or is dropped, whoever has reloaded", () => {
  const seen = { delivered: 0, dropped: 0, local: 0 };
  // Nothing but the numbers is common: sites come and go, and colors, costs, LANs, policies, transit
  // and the penultimate hop's habit change. Uplink 2 of site 5 is uplink 2 of site 5 in both.
  const before = networkShape([1, 2, 5, 7, 30]);
  const after = networkShape([1, 2, 5, 7, 90, 91]);
  fc.assert(
    fc.property(
      before,
      after,
      fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
      (one, other, reloaded) => {
        const old = toNetwork(one, "0000000000000001");
        const fresh = toNetwork(other, "0000000000000002");
        const tables = mix(old, fresh, reloaded);
        for (const table of tables.values()) {
          for (const path of table.paths) {
            const list = table.lists[path.lists[0]!]!;
            for (const segment of table.segments) {
              const labels = [...list.labels, segment.service_label];
              const arrival = walk(tables, table.site.name, list.adjacency, labels);
              seen[arrival.outcome]++;
              expect(arrival.outcome).not.toBe("local");
              if (arrival.outcome === "dropped") continue;
              expect(arrival.site).toBe(`site${path.egress}`);
              expect(arrival.segment).toEqual({ name: segment.name, number: segment.number });
            }
          }
        }
      },
    ),
    { numRuns: 300 },
  );
  expect(seen.delivered).toBeGreaterThan(100);
  expect(seen.dropped).toBeGreaterThan(100);
});

test("the same network gives the same bytes, whatever the order in the file", () => {
  fc.assert(
    fc.property(randomNetwork(), (network) => {
      const turned: Network = {
        ...network,
        meet: network.meet.toReversed().map(([a, b]) => [b, a] as const),
        sites: network.sites.toReversed().map((site) => ({
          ...site,
          uplinks: site.uplinks.toReversed(),
        })),
        segments: network.segments.toReversed().map((segment) => ({
          ...segment,
          lans: segment.lans.toReversed().map((lan) => ({
            ...lan,
            prefixes: lan.prefixes.toReversed(),
          })),
        })),
      };
      for (const { name } of network.sites) {
        const { table, candidates } = compile(network, name, "embedded");
        const again = compile(turned, name, "embedded");
        expect(JSON.stringify(again.table)).toBe(JSON.stringify(table));
        expect(JSON.stringify(again.candidates)).toBe(JSON.stringify(candidates));
      }
    }),
    { numRuns: 100 },
  );
});

test("what the engine checks of a table holds: ascending unique labels and keys, indices in range", () => {
  fc.assert(
    fc.property(randomNetwork(), (network) => {
      for (const { name } of network.sites) {
        const { table } = compile(network, name, "embedded");
        const labels = table.labels.map((entry) => entry.label);
        expect(labels).toEqual([...new Set(labels)].sort((a, b) => a - b));
        for (const keyed of [table.uplinks, table.adjacencies, table.paths, table.lists]) {
          expect(new Set(keyed.map((one) => one.key)).size).toBe(keyed.length);
        }
        for (const entry of table.labels) {
          expect(entry.accept).toEqual([...new Set(entry.accept)].sort((a, b) => a - b));
          expect(entry.accept.every((at) => at < table.adjacencies.length)).toBe(true);
        }
        expect(table.adjacencies.every((one) => one.uplink >= 0)).toBe(true);
        expect(table.lists.every((list) => list.adjacency >= 0)).toBe(true);
        for (const segment of table.segments) {
          for (const { rules, fallback } of segment.steerings) {
            for (const verdict of [...rules.map((rule) => rule.verdict), fallback]) {
              if (verdict === "drop") continue;
              expect(verdict.paths.order.every((at) => table.paths[at] !== undefined)).toBe(true);
            }
          }
          expect(segment.routes.every((one) => segment.steerings[one.steering])).toBe(true);
        }
      }
    }),
    { numRuns: 100 },
  );
});

function mix(old: Network, fresh: Network, reloaded: readonly boolean[]): Tables {
  const names = [...new Set([...old.sites, ...fresh.sites].map((site) => site.name))].sort();
  const tables = new Map<string, Table>();
  names.forEach((name, index) => {
    const has = (network: Network) => network.sites.some((site) => site.name === name);
    const network = has(fresh) && (reloaded[index] || !has(old)) ? fresh : old;
    tables.set(name, compile(network, name, "embedded").table);
  });
  return tables;
}
