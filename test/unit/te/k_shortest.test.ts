import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { KShortest } from "../../../src/te/k_shortest.ts";
import { ShortestPaths, wholeView } from "../../../src/te/shortest_path.ts";
import { adjacency, buildTopology } from "../../../src/te/topology.ts";
import { WayPool } from "../../../src/te/way_pool.ts";
import { asText, everyWay, inOrder } from "./exhaustive.ts";
import { forEachPair, randomNetwork } from "./random_network.ts";

vi.setConfig({ testTimeout: 60_000 });

test("are the first of every way there is, in order, ties included", () => {
  fc.assert(
    fc.property(randomNetwork(), fc.integer({ min: 1, max: 12 }), (network, k) => {
      const paths = new ShortestPaths(wholeView(buildTopology(network)));
      const { topology } = paths.view;
      const pool = new WayPool(topology);
      const search = new KShortest(paths, pool);
      forEachPair(network, (from, to) => {
        const found: number[] = [];
        search.find(topology.siteIndex.get(from)!, topology.siteIndex.get(to)!, k, found);
        const spelled = found.map((way) =>
          asText(pool.way(way).map((hop) => adjacency(topology, hop)))
        );
        expect(spelled).toEqual(inOrder(everyWay(network, from, to)).slice(0, k).map(asText));
      });
    }),
    { numRuns: 300 },
  );
});
