/** The compiled tables of all sites of a random network, walked together. */

import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { Segment, SegmentList, Table } from "../../../src/model/boundary.ts";
import type { Network } from "../../../src/model/network.ts";
import { compile } from "../../../src/sr/compile.ts";
import { randomNetwork } from "../te/random_network.ts";
import { spellAdjacency, type Tables, walk } from "./walk.ts";

// Hundreds of random networks each: seconds where other work shares the processor.
vi.setConfig({ testTimeout: 60_000 });

const runs = { numRuns: 200 };

describe("one generation of the file", () => {
  test("brings each packet to its egress and segment, over exactly its hops, within the MTU", () => {
    fc.assert(
      fc.property(randomNetwork(), (network) => {
        const tables = compileAll(network);
        forEachList(tables, (table, list, egress) => {
          for (const segment of table.segments) {
            if (!hasSegment(egress, segment.number)) continue;
            const arrival = walk(tables, table.site.name, list.adjacency, [
              ...list.labels,
              segment.service_label,
            ]);
            expect(arrival).toMatchObject({
              outcome: "delivered",
              site: egress.site.name,
              segment: { name: segment.name, number: segment.number },
            });
            expect(arrival.hops.map((hop) => hop.spelled)).toEqual(spellKey(table, list.key));
            for (const hop of arrival.hops) {
              expect(list.mtu + 4 * hop.labels).toBeLessThanOrEqual(hop.mtu);
            }
            if (listsOf(table, segment).has(list)) {
              expect(segment.mtu).toBeLessThanOrEqual(list.mtu);
            }
          }
        });
      }),
      runs,
    );
  });

  test("brings probes to their egress and the answers back over the same adjacencies", () => {
    fc.assert(
      fc.property(randomNetwork(), (network) => {
        const tables = compileAll(network);
        forEachList(tables, (table, list, egress) => {
          const there = walk(tables, table.site.name, list.adjacency, [...list.labels, 0]);
          expect(there).toMatchObject({ outcome: "local", site: egress.site.name });
          const back = there.hops.map((hop) => hop.spelled.split(">").reverse().join(">"))
            .reverse();
          const first = egress.adjacencies.findIndex((_, at) =>
            spellAdjacency(egress, at) === back[0]
          );
          const answer = walk(tables, egress.site.name, first, [...list.return_labels, 0]);
          expect(answer).toMatchObject({ outcome: "local", site: table.site.name });
          expect(answer.hops.map((hop) => hop.spelled)).toEqual(back);
        });
      }),
      runs,
    );
  });

  test("never loops on a node SID, whatever is down, where nothing is repaired", () => {
    fc.assert(
      fc.property(
        randomNetwork(),
        fc.array(fc.boolean(), { minLength: 40 }),
        (network, pattern) => {
          const tables = compileAll(network);
          const spelled = [...tables.values()]
            .flatMap((table) => table.adjacencies.map((_, at) => spellAdjacency(table, at)));
          const down = new Set(spelled.filter((_, index) => pattern[index % pattern.length]));
          for (const table of tables.values()) {
            for (const { label, action } of table.labels) {
              if (label >= 28000 || typeof action === "string" || !("forward" in action)) continue;
              // Repairs: see repair.test.ts.
              const hops = action.forward.filter(({ repair }) => !repair);
              const neighbours = hops.map((hop) => table.adjacencies[hop.adjacency]!.remote_site);
              expect(new Set(neighbours).size).toBe(1);
              for (const hop of hops) {
                const arrival = walk(
                  tables,
                  table.site.name,
                  hop.adjacency,
                  [...hop.labels, 0],
                  (one) => !down.has(one),
                );
                const sites = arrival.hops.map((one) => one.spelled.split(/[.>]/)[0]);
                expect(new Set(sites).size).toBe(sites.length);
                if (arrival.outcome === "local") {
                  expect(arrival.site).toBe(`site${label - 16000}`);
                } else expect(arrival.reason).toBe("no-adjacency-up");
              }
            }
          }
        },
      ),
      runs,
    );
  });
});

describe("acceptance", () => {
  test("refuses a segment's label from sites that are neither members nor transit", () => {
    fc.assert(
      fc.property(randomNetwork(), (network) => {
        const tables = compileAll(network);
        for (const outsider of network.sites.filter((site) => !site.transit)) {
          const table = tables.get(outsider.name)!;
          for (const number of [1, 2, 3]) {
            const isMember = hasSegment(table, number);
            table.adjacencies.forEach((adjacency, index) => {
              const egress = bySid(tables, adjacency.remote_site);
              const arrival = walk(tables, outsider.name, index, [28000 + number]);
              const delivered = isMember && hasSegment(egress, number);
              expect(arrival.outcome).toBe(delivered ? "delivered" : "dropped");
            });
          }
        }
      }),
      runs,
    );
  });

  test("lets nothing through a site that may not transit, and nothing back the way it came", () => {
    fc.assert(
      fc.property(randomNetwork(), (network) => {
        const tables = compileAll(network);
        const known = new Set(
          [...tables.values()].flatMap((one) => one.labels.map((entry) => entry.label)),
        );
        for (const [name, table] of tables) {
          const transit = network.sites.find((site) => site.name === name)!.transit;
          for (const entry of table.labels) {
            if (typeof entry.action === "string" || !("forward" in entry.action)) continue;
            expect(transit).toBe(true);
            const hops = entry.action.forward.filter(({ repair }) => !repair);
            const out = hops.map((hop) => hop.adjacency);
            expect(entry.accept.some((adjacency) => out.includes(adjacency))).toBe(false);
          }
          table.adjacencies.forEach((adjacency, index) => {
            const neighbour = network.sites.find((site) => site.sid === adjacency.remote_site)!;
            if (neighbour.transit) return;
            for (const label of known) {
              expect(walk(tables, name, index, [label, 0]).hops.length).toBe(1);
            }
          });
        }
      }),
      runs,
    );
  });
});

describe("segment lists", () => {
  test("are the shortest of all label stacks that keep to the hops", () => {
    let checked = 0;
    fc.assert(
      fc.property(randomNetwork(), (network) => {
        const tables = compileAll(network);
        const alphabet = [
          ...new Set([...tables.values()].flatMap((one) => one.labels.map((entry) => entry.label))),
        ].filter((label) => label < 28000 || label >= 100000);
        forEachList(tables, (table, list) => {
          const wanted = spellKey(table, list.key).join();
          for (const labels of stacks(alphabet, list.labels.length - 1)) {
            checked++;
            const arrival = walk(tables, table.site.name, list.adjacency, [...labels, 0]);
            const travelled = arrival.hops.map((hop) => hop.spelled).join();
            expect(arrival.outcome === "local" && travelled === wanted).toBe(false);
          }
        });
      }),
      { numRuns: 100 },
    );
    expect(checked).toBeGreaterThan(100);
  });
});

/** Every stack of up to `longest` labels. */
function* stacks(alphabet: readonly number[], longest: number): Generator<number[]> {
  if (longest < 0) return;
  yield [];
  if (longest === 0) return;
  for (const label of alphabet) {
    for (const rest of stacks(alphabet, longest - 1)) yield [label, ...rest];
  }
}

function compileAll(network: Network): Tables {
  return new Map(
    network.sites.map((site) => [site.name, compile(network, site.name, "embedded").table]),
  );
}

function forEachList(
  tables: Tables,
  visit: (table: Table, list: SegmentList, egress: Table) => void,
): void {
  for (const table of tables.values()) {
    for (const path of table.paths) {
      for (const list of path.lists) visit(table, table.lists[list]!, bySid(tables, path.egress));
    }
  }
}

/** `up0>site2.up3,up1>site5.up0` of site1 → each hop with the site that it leaves. */
function spellKey(table: Table, key: string): string[] {
  let site = table.site.name;
  return key.split(",").map((hop) => {
    const spelled = `${site}.${hop}`;
    site = hop.split(">")[1]!.split(".")[0]!;
    return spelled;
  });
}

/** What the segment may use: a policy may know lists that only its own segment takes. */
function listsOf(table: Table, segment: Segment): Set<SegmentList> {
  const verdicts = segment.steerings.flatMap((one) => [
    one.fallback,
    ...one.rules.map((rule) => rule.verdict),
  ]);
  return new Set(
    verdicts.flatMap((verdict) => verdict === "drop" ? [] : verdict.paths.order)
      .flatMap((path) => table.paths[path]!.lists)
      .map((list) => table.lists[list]!),
  );
}

function hasSegment(table: Table, number: number): boolean {
  return table.segments.some((segment) => segment.number === number);
}

function bySid(tables: Tables, sid: number): Table {
  return [...tables.values()].find((table) => table.site.sid === sid)!;
}
