/** Sizes that a router has to take; the times are told, not judged. */

import { expect, test } from "vitest";
import type { Network } from "../../../src/model/network.ts";
import type { Prefix } from "../../../src/model/quantity.ts";
import { compile } from "../../../src/sr/compile.ts";
import { toNetwork } from "../te/random_network.ts";

const uplink = { number: 0, color: "core", endpoint: true, metered: false, cost: 1, mtu: 1500 };

/** Four hubs that meet in one color, and branches that each meet one hub in a color of its own. */
function branches(count: number, prefixesEach: number): Network {
  const hubs = 4;
  const shape = {
    sites: Array.from({ length: hubs + count }, (_, index) => ({
      sid: index + 1,
      transit: index < hubs,
      uplinks: index < hubs
        ? [uplink, { ...uplink, number: 1, color: `hub${index}` }]
        : [{ ...uplink, endpoint: false, color: `branch${index % hubs}` }],
      segments: index === 0 || index >= hubs ? [1] : [],
    })),
    meet: [["core", "core"], ...[0, 1, 2, 3].map((hub) => [`hub${hub}`, `branch${hub}`])] as never,
    penultimate: "pop" as const,
    policies: [],
  };
  const network = toNetwork(shape);
  let next = 0;
  return {
    ...network,
    blocks: {
      srgb: { base: 16000, size: 12000 },
      services: { base: 28000, size: 4000 },
      srlb: { base: 100000, size: 768000 },
    },
    sites: network.sites.map(({ loopback4: _, ...site }) => site),
    segments: network.segments.slice(0, 1).map((segment) => ({
      ...segment,
      lans: segment.lans.map((lan) => ({
        site: lan.site,
        prefixes: Array.from({ length: prefixesEach }, () => {
          const number = next++;
          return `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}/32` as Prefix;
        }),
      })),
    })),
  };
}

function timed<Result>(what: string, run: () => Result): Result {
  const started = performance.now();
  const result = run();
  console.log(`${what}: ${Math.round(performance.now() - started)} ms`);
  return result;
}

test("10,000 prefixes of 1,000 sites", () => {
  const network = branches(999, 10);
  const site = "site5";
  const { table } = timed("1,003 sites, 10,000 prefixes", () => compile(network, site, "embedded"));
  expect(table.segments[0]!.routes.length).toBe(999 * 10);
  // The longest way wanders over all four hubs.
  expect(table.lists.every((list) => list.labels.length <= 3)).toBe(true);
}, 60_000);

test("10,000 labels", () => {
  const network = branches(10_000, 1);
  // A branch that may transit: every node SID, few adjacencies.
  const sites = network.sites.map((site) =>
    site.name === "site5" ? { ...site, transit: true } : site
  );
  const { table } = timed(
    "10,004 sites, as many labels",
    () => compile({ ...network, sites }, "site5", "embedded"),
  );
  expect(table.labels.length).toBeGreaterThan(10_000);
  expect(table.segments[0]!.routes.length).toBe(10_000);
}, 60_000);
