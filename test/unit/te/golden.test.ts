/**
 * Candidates of networks like those of `deno task bench:te`, by digest: what makes the search faster
 * must not change what it finds. A change that is meant to find others writes new digests here.
 */

import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Candidates, CandidateSearch } from "../../../src/te/candidates.ts";
import { ShortestPaths, wholeView } from "../../../src/te/shortest_path.ts";
import { buildTopology } from "../../../src/te/topology.ts";
import type { Network } from "../../../src/model/network.ts";
import { backbone, fullMesh, hubAndSpoke, regions } from "../../bench/te/networks.ts";

const GOLDEN: [name: string, network: () => Network, digest: string][] = [
  ["two hubs", () => hubAndSpoke(80, 2), "c69296234f59680b"],
  ["four hubs", () => hubAndSpoke(80, 4), "a0145c1ea59f2b4f"],
  ["twenty hubs", () => hubAndSpoke(60, 20), "274ce328659c3f75"],
  ["regions", () => regions(100, 5), "da6dd1fba88b1bd3"],
  ["a full mesh", () => fullMesh(60), "eda08f5ea425aa28"],
  ["a backbone", () => backbone(60, 5), "68daf826e7c1bae8"],
];

describe("candidates are the same as ever", () => {
  test.each(GOLDEN)("with %s", (_name, network, digest) => {
    expect(digestOf(network())).toBe(digest);
  });
});

/** Of every candidate of every pair: its hops and what they cost. */
function digestOf(network: Network): string {
  const topology = buildTopology(network);
  const search = new CandidateSearch(new ShortestPaths(wholeView(topology)));
  const hash = createHash("sha256");
  for (let from = 0; from < topology.sites.length; from++) {
    const candidates = new Candidates(search, from);
    for (let to = 0; to < topology.sites.length; to++) {
      if (to === from) continue;
      candidates.visit(to, (hops, length, cost) => {
        hash.update(`${hops.subarray(0, length).join(" ")}:${cost}\n`);
      });
    }
  }
  return hash.digest("hex").slice(0, 16);
}
