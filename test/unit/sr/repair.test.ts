/** Repairs walked through the tables that all routers have from before the failure. */

import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { Table } from "../../../src/model/boundary.ts";
import type { Network } from "../../../src/model/network.ts";
import { compile } from "../../../src/sr/compile.ts";
import { protections, type Repair, repairs } from "../../../src/sr/repair.ts";
import { randomNetwork, type SiteShape, sparseNetwork, toNetwork } from "../te/random_network.ts";
import { spellAdjacency, type Tables, walk } from "./walk.ts";

vi.setConfig({ testTimeout: 60_000 });

test("a repaired packet arrives, without what failed, and at no site twice", () => {
  const seen = { nodes: 0, adjacencies: 0, long: 0 };
  fc.assert(
    fc.property(fc.oneof(randomNetwork(), sparseNetwork()), (network) => {
      const compiled = new Map(
        network.sites.map((site) => [site.name, compile(network, site.name, "embedded")]),
      );
      const tables: Tables = new Map([...compiled].map(([name, { table }]) => [name, table]));
      for (const { table, survey } of compiled.values()) {
        const found = repairs(survey);
        for (const repair of found.nodes) {
          seen.nodes++;
          if (repair.hop.labels.length > 1) seen.long++;
          const arrival = repaired(network, tables, table, repair);
          expect(arrival).toBe(`site${repair.label - 16000}`);
        }
        for (const repair of found.adjacencies) {
          seen.adjacencies++;
          const arrival = repaired(network, tables, table, repair);
          expect(arrival).toBe(siteOf(tables, table.adjacencies[repair.failed]!.remote_site));
        }
      }
    }),
    { numRuns: 200 },
  );
  expect(Math.min(seen.nodes, seen.adjacencies)).toBeGreaterThan(500);
  expect(seen.long).toBeGreaterThan(500);
});

test("a packet under way goes round what failed, by the tables alone; a probe does not", () => {
  const seen = { delivered: 0, dropped: 0 };
  fc.assert(
    fc.property(randomNetwork(), (network) => {
      const tables: Tables = new Map(
        network.sites.map(({ name }) => [name, compile(network, name, "embedded").table]),
      );
      for (const table of tables.values()) {
        const service = table.segments[0]?.service_label;
        if (service === undefined) continue;
        for (const path of table.paths) {
          const list = table.lists[path.lists[0]!]!;
          const send = (bottom: number, dead: ReadonlySet<string> = new Set()) => {
            const stack = [...list.labels, bottom];
            return walk(tables, table.site.name, list.adjacency, stack, (hop) => !dead.has(hop));
          };
          const before = send(service);
          if (before.outcome !== "delivered") continue; // not of this segment
          for (const { spelled } of before.hops.slice(1)) {
            const dead = new Set([spelled, spelled.split(">").reverse().join(">")]);
            const after = send(service, dead);
            if (after.outcome === "delivered") {
              seen.delivered++;
              expect([after.site, after.segment]).toEqual([before.site, before.segment]);
              expect(after.hops.some((hop) => dead.has(hop.spelled))).toBe(false);
            } else {
              seen.dropped++;
              // Round to a neighbour from where the path leads back: the ingress has to find another.
              expect(["no-adjacency-up", "would-return"]).toContain(after.reason);
            }
            // Over another adjacency to the same neighbour it may; the repairs are not for it.
            const probe = send(0, dead);
            if (probe.outcome === "local") expect(probe.hops.length).toBe(before.hops.length);
          }
        }
      }
    }),
    { numRuns: 100 },
  );
  expect(seen.delivered).toBeGreaterThan(100);
  expect(seen.delivered).toBeGreaterThan(seen.dropped / 4);
});

test("an entry's repair is for the adjacency that it leaves by first", () => {
  fc.assert(
    fc.property(randomNetwork(), (network) => {
      for (const site of network.sites.filter((one) => one.transit)) {
        const { table, survey } = compile(network, site.name, "embedded");
        const found = repairs(survey);
        for (const repair of [...found.nodes, ...found.adjacencies]) {
          const entry = table.labels.find((one) => one.label === repair.label)!;
          const action = entry.action as { forward: { adjacency: number }[] };
          expect(action.forward[0]!.adjacency).toBe(repair.failed);
          expect(repair.hop.adjacency).not.toBe(repair.failed);
        }
      }
    }),
    { numRuns: 100 },
  );
});

test("with explicit null, a repair of one hop says so as the entry would", () => {
  const up = { endpoint: true, metered: false, cost: 1, mtu: 1500 };
  const site = (sid: number) => ({
    sid,
    transit: true,
    uplinks: [
      { ...up, number: 0, color: "internet" },
      { ...up, number: 1, color: "lte", cost: 9 },
    ],
    segments: [1],
  });
  const network = toNetwork({
    sites: [site(1), site(2)],
    meet: [],
    penultimate: "explicit-null",
    policies: [],
  });
  const { survey } = compile(network, "site1", "embedded");
  expect(repairs(survey)).toEqual({
    nodes: [{
      label: 16002,
      failed: 0,
      protects: "group",
      hop: { adjacency: 1, labels: [0], repair: true },
    }],
    adjacencies: [
      {
        label: 100000 + 2 * 64 + 0,
        failed: 0,
        protects: "group",
        hop: { adjacency: 1, labels: [], repair: true },
      },
      {
        label: 100000 + 2 * 64 + 9,
        failed: 1,
        protects: "group",
        hop: { adjacency: 0, labels: [], repair: true },
      },
    ],
  });
});

test("what would take more labels than there is room for is repaired against less", () => {
  // Each of a row of sites has the hub's uplink within reach; without that, all of the row is left.
  const row = Array.from({ length: 11 }, (_, index) => index + 1);
  const hub = row.length + 1;
  const uplink = (number: number, color: string, cost: number) => ({
    number,
    color,
    cost,
    endpoint: true,
    metered: false,
    mtu: 1500,
  });
  const site = (sid: number): SiteShape => ({
    sid,
    transit: true,
    uplinks: [
      ...(sid < hub ? [uplink(0, "spoke", 1)] : [uplink(0, "hub", 1)]),
      ...(sid > 1 ? [uplink(1, `link${sid - 1}`, 10)] : []),
      ...(sid < hub ? [uplink(2, `link${sid}`, 10)] : []),
    ],
    segments: [],
  });
  const links = row.map((sid) => [`link${sid}`, `link${sid}`] as const);
  const network = toNetwork({
    sites: [...row.map(site), site(hub)],
    meet: [["spoke", "hub"], ...links],
    penultimate: "pop",
    policies: [],
  });
  const { survey, table } = compile(network, "site1", "embedded");
  const repair = repairs(survey).nodes.find((one) => one.label === 16000 + hub)!;
  expect(spellAdjacency(table, repair.failed)).toBe(`site1.up0>site${hub}.up0`);
  expect(repair.protects).toBe("link");
  expect(spellAdjacency(table, repair.hop.adjacency)).toBe("site1.up2>site2.up1");
  expect(repair.hop.labels).toHaveLength(1);
  expect(protections(network, "site1").get(repair.label)).toBe("link");
  const same = repairs(survey).adjacencies.find((one) => one.failed === repair.failed)!;
  expect(same.protects).toBe("link");
  expect(protections(network, "site1").get(same.label)).toBe("link");
  // Two sites further on there is room for the whole row.
  const near = repairs(compile(network, "site3", "embedded").survey);
  expect(near.nodes.find((one) => one.label === 16000 + hub)).toMatchObject({
    protects: "group",
    hop: { labels: { length: 8 } },
  });
});

/** Sends an answer's explicit null under the repair; tells where it ends. */
function repaired(network: Network, tables: Tables, table: Table, repair: Repair): string {
  const failed = spellAdjacency(table, repair.failed);
  const dead = new Set([failed, failed.split(">").reverse().join(">")]);
  const neighbour = siteOf(tables, table.adjacencies[repair.failed]!.remote_site);
  const ends = failed.split(">");
  const isUp = (spelled: string) => {
    if (dead.has(spelled)) return false;
    const parts = spelled.split(">");
    if (repair.protects.includes("node") && parts.some((end) => end.split(".")[0] === neighbour)) {
      return false;
    }
    // Each uplink of these networks has a device of its own.
    return !repair.protects.includes("group") || !parts.some((end) => ends.includes(end));
  };
  const arrival = walk(
    tables,
    table.site.name,
    repair.hop.adjacency,
    [...repair.hop.labels, 0],
    isUp,
  );
  expect(isUp(spellAdjacency(table, repair.hop.adjacency))).toBe(true);
  expect(arrival.outcome).toBe("local");
  expect(arrival.hops.every((hop) => isUp(hop.spelled))).toBe(true);
  const passed = arrival.hops.map((hop) => hop.spelled.split(/[.>]/)[0]!);
  expect(new Set([...passed, arrival.site]).size).toBe(passed.length + 1);
  expect(network.sites.filter((site) => !site.transit && passed.slice(1).includes(site.name)))
    .toEqual([]);
  return arrival.site;
}

function siteOf(tables: Tables, sid: number): string {
  return [...tables.values()].find((table) => table.site.sid === sid)!.site.name;
}
