import { describe, expect, test } from "vitest";
import { parseNetwork } from "../../../../src/config/mod.ts";
import { LabError } from "../../../../src/lab/error.ts";
import { parseGml } from "../../../../src/lab/import/gml.ts";
import { parseLatencyMatrix } from "../../../../src/lab/import/latency.ts";
import {
  planGraph,
  planMatrix,
  type PlanOptions,
  siteNames,
} from "../../../../src/lab/import/plan.ts";
import { renderLab } from "../../../../src/lab/import/render.ts";
import { parseTopology } from "../../../../src/lab/topology.ts";
import { adjacencies } from "../../../../src/te/topology.ts";

const ALL: PlanOptions = { unknownMicros: null, most: null };

function graph(text: string, options = ALL) {
  return planGraph(parseGml(`graph [ ${text} ]`, "x.gml"), "x.gml", options);
}

function nodes(count: number): string {
  return Array.from({ length: count }, (_, id) => `node [ id ${id} ]`).join(" ");
}

function edges(...pairs: [number, number][]): string {
  return pairs.map(([a, b]) => `edge [ source ${a} target ${b} ]`).join(" ");
}

/** What both files say, read by those who will read them. */
function read(plan: ReturnType<typeof graph>) {
  const files = renderLab(plan, { name: "x", source: "x.gml", networkFile: "x.network.yaml" });
  const { network, problems, warnings } = parseNetwork(files.network, "x.network.yaml", {
    allowMissingKeys: true,
  });
  expect([problems ?? [], warnings]).toEqual([[], []]);
  return { topology: parseTopology(files.topology, "x.yaml"), network: network! };
}

describe("names of sites", () => {
  test.each([
    [["São Paulo", "New York", "Washington, DC"], ["sao-paulo", "new-york", "washington-dc"]],
    [["A", "a", "a-2", "A"], ["a", "a-2", "a-2-2", "a-3"]],
    [["東京", "7 Eleven", ""], ["site1", "eleven", "site3"]],
    [["A very long name of it", "A very long name of it"], ["a-very-long-nam", "a-very-long-n-2"]],
  ])("%j", (labels, names) => {
    expect(siteNames(labels)).toEqual(names);
  });
});

describe("a graph", () => {
  test("becomes a lab and a network with exactly its links, there and back", () => {
    const plan = graph(`${nodes(4)} ${edges([0, 1], [1, 2], [2, 0])}`);
    expect(plan.notes).toEqual([
      "1 node is left out",
      "3 links have no coordinates at both ends: their delay is assumed",
    ]);
    const { topology, network } = read(plan);
    const found = adjacencies(network).map(({ from, to }) => `${from.site} ${to.site}`);
    const [a, b, c] = plan.sites;
    const expected = [[a, b], [a, c], [b, a], [b, c], [c, a], [c, b]].map((pair) => pair.join(" "));
    expect(found.sort()).toEqual(expected.sort());
    expect(topology.between.map(({ up }) => up.delayMillis)).toEqual([5, 5, 5]);
  });

  test("keeps links alone, and parallel ones, where a site has more than eight", () => {
    const spokes = Array.from({ length: 11 }, (_, at): [number, number] => [0, at + 1]);
    const plan = graph(`${nodes(12)} ${edges(...spokes, [1, 2], [1, 2])}`);
    const { topology, network } = read(plan);
    const uplinks = network.sites.map((site) => site.uplinks.length).sort();
    expect(uplinks).toEqual([...Array(9).fill(1), 3, 3, 8]);
    expect(adjacencies(network)).toHaveLength(2 * 13);
    expect(topology.between).toHaveLength(13);
  });

  test("leaves out what leads back to its own node, and tells so", () => {
    expect(graph(`${nodes(2)} ${edges([0, 1], [1, 1])}`).notes[0])
      .toBe("1 link leads back to its node: left out");
    expect(() => graph(`${nodes(2)} ${edges([1, 1])}`)).toThrow(LabError);
    expect(() => graph(nodes(3))).toThrow("no two nodes have a link between them");
  });

  test("of fewer sites is what the best connected one reaches first", () => {
    const text = `${nodes(6)} ${edges([0, 1], [2, 3], [2, 4], [2, 5])}`;
    const plan = graph(text, { unknownMicros: 7000, most: 3 });
    expect(plan.sites).toHaveLength(3);
    expect(plan.links).toEqual([{ a: 0, b: 1, delayMicros: 7000 }, {
      a: 0,
      b: 2,
      delayMicros: 7000,
    }]);
  });

  test("of the Topology Zoo has the links of the file, as long as the fibre", () => {
    const text = Deno.readTextFileSync(
      new URL("../../../data/topologies/Abilene.gml", import.meta.url),
    );
    const plan = planGraph(parseGml(text, "Abilene.gml"), "Abilene.gml", ALL);
    const { topology, network } = read(plan);
    expect(adjacencies(network)).toHaveLength(2 * 14);
    const pair = topology.between.find(({ ends }) => ends.join().includes("chicago"))!;
    expect(pair.ends).toEqual(["new-york.up0", "chicago.up0"]);
    // 1,145 km.
    expect(pair.up.delayMillis).toBeCloseTo(5.7, 1);
  });

  test("has labels as HTML spells them", () => {
    const text = 'node [ id 0 label "S&#227;o Paulo" ] node [ id 1 label "A&amp;B &#9999999;" ]';
    expect(graph(`${text} ${edges([0, 1])}`).sites).toEqual(["sao-paulo", "a-b-9999999"]);
  });
});

describe("a matrix", () => {
  test("becomes a full mesh of halved round trips; what is missing is as long as the longest", () => {
    const matrix = parseLatencyMatrix("0 0.1 0\n0.2 0 0.04\n0 0.04 0", "m");
    const plan = planMatrix(matrix, "m", ALL);
    expect(plan.links).toEqual([
      { a: 0, b: 1, delayMicros: 75_000 },
      { a: 0, b: 2, delayMicros: 100_000 },
      { a: 1, b: 2, delayMicros: 20_000 },
    ]);
    expect(plan.notes).toEqual(["1 pair was never measured: their delay is assumed"]);
    const { topology, network } = read(plan);
    expect(adjacencies(network)).toHaveLength(6);
    expect(topology.between[0]!.up.delayMillis).toBe(75);
  });

  test("of one machine is no network", () => {
    expect(() => planMatrix(parseLatencyMatrix("0", "m"), "m", ALL)).toThrow("two or more");
  });
});
