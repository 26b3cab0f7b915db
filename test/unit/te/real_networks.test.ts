/** Paths on networks that exist, against a reference that knows nothing but links. */

import { describe, expect, test } from "vitest";
import { fibreMicros } from "../../../src/lab/import/delay.ts";
import { parseGml } from "../../../src/lab/import/gml.ts";
import { parseLatencyMatrix } from "../../../src/lab/import/latency.ts";
import { Candidates, CandidateSearch } from "../../../src/te/candidates.ts";
import { chooseProbed } from "../../../src/te/probed.ts";
import { compose } from "../../../src/te/compose.ts";
import { ShortestPaths, wholeView } from "../../../src/te/shortest_path.ts";
import { buildTopology } from "../../../src/te/topology.ts";
import { fromLinks, type Link } from "../../bench/te/networks.ts";

const DATA = new URL("../../data/", import.meta.url);
const NETWORKS = [
  "Abilene",
  "AttMpls",
  "BtNorthAmerica",
  "Cogentco",
  "Colt",
  "Geant2012",
  "Kdl",
  "Uninett2011",
];
/** Ingresses looked at in each; every egress of theirs. */
const INGRESSES = 4;
/** Cost of a link whose ends are nowhere: 100 µs of fibre is 1. */
const UNKNOWN_COST = 50;

interface Real {
  readonly sites: number;
  readonly links: readonly Link[];
}

function readNetwork(name: string): Real {
  const file = new URL(`topologies/${name}.gml`, DATA);
  const { nodes, edges } = parseGml(Deno.readTextFileSync(file), name);
  const index = new Map(nodes.map(({ id }, at) => [id, at]));
  const links = edges.flatMap(({ source, target }): Link[] => {
    const [a, b] = [index.get(source)!, index.get(target)!];
    const [from, to] = [nodes[a]!.place, nodes[b]!.place];
    const cost = from && to ? Math.max(1, Math.round(fibreMicros(from, to) / 100)) : UNKNOWN_COST;
    return a === b ? [] : [{ a, b, cost }];
  });
  return { sites: nodes.length, links };
}

/** Bellman–Ford over the network's own adjacencies, the simplest that there is. */
function distances(topology: ReturnType<typeof buildTopology>, from: number): number[] {
  const found = topology.sites.map((_, site) => site === from ? 0 : Infinity);
  for (let changed = true; changed;) {
    changed = false;
    for (let hop = 0; hop < topology.from.length; hop++) {
      const reached = found[topology.from[hop]!]! + topology.cost[hop]!;
      if (reached < found[topology.to[hop]!]!) {
        found[topology.to[hop]!] = reached;
        changed = true;
      }
    }
  }
  return found;
}

describe.each(NETWORKS)("paths in %s", (name) => {
  const real = readNetwork(name);
  const topology = buildTopology(fromLinks(name, real.sites, real.links));
  const search = new CandidateSearch(new ShortestPaths(wholeView(topology)));

  test("begin with a shortest one, and every site that can be reached is", () => {
    const step = Math.max(1, Math.floor(topology.sites.length / INGRESSES));
    for (let from = 0; from < topology.sites.length; from += step) {
      const wanted = distances(topology, from);
      const candidates = new Candidates(search, from);
      for (let to = 0; to < topology.sites.length; to++) {
        if (to === from) continue;
        const ways = candidates.to(to);
        const costs = ways.map((way) => way.reduce((sum, hop) => sum + topology.cost[hop]!, 0));
        expect(costs[0] ?? Infinity, `${from} to ${to}`).toBe(wanted[to]);
        expect(costs).toEqual(costs.toSorted((a, b) => a - b));
        for (const way of ways) {
          const sites = [from, ...way.map((hop) => topology.to[hop]!)];
          expect(new Set(sites).size, "no site twice").toBe(sites.length);
          expect(sites.at(-1)).toBe(to);
        }
      }
    }
  });
});

describe("relays between machines whose round trips were measured", () => {
  const file = new URL("latency/Seattle_1", DATA);
  const matrix = parseLatencyMatrix(Deno.readTextFileSync(file), "Seattle_1");
  /** There is one round trip for each direction of asking: the path has both of its hops'. */
  const hop = (from: number, to: number) => ({
    rttMicros: matrix[from]![to]!,
    jitterMicros: null,
    lossForward: null,
    lossBackward: null,
    mtuBytes: null,
    bandwidthBitsPerSecond: null,
  });

  test("the best one is among those that are probed, of 97, and helps two pairs in three", () => {
    let [pairs, better] = [0, 0];
    for (let from = 0; from < matrix.length; from++) {
      for (let to = 0; to < matrix.length; to++) {
        const direct = matrix[from]![to];
        if (from === to || direct == null) continue;
        const relays = matrix.map((_, relay) => relay).filter((relay) =>
          relay !== from && relay !== to && hop(from, relay).rttMicros !== null &&
          hop(relay, to).rttMicros !== null
        );
        const prospects = relays.map((relay) => ({
          key: String(relay),
          expected: compose([hop(from, relay), hop(relay, to)]).rttMicros,
          inUse: false,
        }));
        const { keys } = chooseProbed(prospects, { paths: 8, turns: 2 }, new Map(), 0);
        const best = Math.min(...prospects.map(({ expected }) => expected!));
        expect(
          keys.some((key) => prospects.find((one) => one.key === key)!.expected === best),
        ).toBe(true);
        pairs++;
        if (best < direct) better++;
      }
    }
    expect(better / pairs).toBeCloseTo(0.66, 1);
  });
});
