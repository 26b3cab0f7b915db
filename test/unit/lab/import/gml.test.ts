import { describe, expect, test } from "vitest";
import { LabError } from "../../../../src/lab/error.ts";
import { fibreMicros } from "../../../../src/lab/import/delay.ts";
import { parseGml } from "../../../../src/lab/import/gml.ts";
import { parseLatencyMatrix } from "../../../../src/lab/import/latency.ts";

const DATA = new URL("../../../data/", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, DATA));

function problems(parse: () => unknown): readonly string[] {
  try {
    parse();
  } catch (error) {
    if (error instanceof LabError) return error.problems;
    throw error;
  }
  return [];
}

describe("a GML file", () => {
  // Nodes and edges as the Topology Zoo's own index counts them.
  test.each([
    ["Abilene", 11, 14],
    ["AttMpls", 25, 57],
    ["BtNorthAmerica", 36, 76],
    ["Cogentco", 197, 245],
    ["Colt", 153, 191],
    ["Geant2012", 40, 61],
    ["Kdl", 754, 899],
    ["Uninett2011", 69, 98],
  ])("%s has %i nodes and %i edges", (name, nodes, edges) => {
    const graph = parseGml(read(`topologies/${name}.gml`), name);
    expect([graph.nodes.length, graph.edges.length]).toEqual([nodes, edges]);
  });

  test("has labels and coordinates, where it has them", () => {
    const { nodes } = parseGml(read("topologies/Abilene.gml"), "Abilene.gml");
    const [newYork] = nodes;
    expect(newYork).toEqual({
      id: 0,
      label: "New York",
      place: { latitude: 40.71427, longitude: -74.00597 },
    });
    const seattle = nodes.find(({ label }) => label === "Seattle")!;
    // 3,870 km by the great circle.
    expect(fibreMicros(newYork!.place!, seattle.place!)).toBeCloseTo(19_350, -3);
    expect(fibreMicros(newYork!.place!, newYork!.place!)).toBe(0);
  });

  test("may have comments, nested lists, and what nobody here looks at", () => {
    const text = `# made by hand
graph [ directed 0 comment "a # in a text" node [ id -1 graphics [ x 1.5e3 ] ]
  node [ id 2 label "two" ] edge [ source -1 target 2 value .5 ] ]`;
    expect(parseGml(text, "x.gml")).toEqual({
      nodes: [{ id: -1, label: "-1", place: null }, { id: 2, label: "two", place: null }],
      edges: [{ source: -1, target: 2 }],
    });
  });

  test("with mistakes tells each of them and its line", () => {
    const text = `graph [
  node [ id 1 ]
  node [ id 1 ]
  node [ label "x" ]
  edge [ source 1 target 7 ]
  edge [ source 1 ]
]`;
    expect(problems(() => parseGml(text, "x.gml"))).toEqual([
      "x.gml:3: node 1 is there already",
      "x.gml:4: node has no id; accepted is a number",
      "x.gml:5: edge: target is 7; there is no such node",
      "x.gml:6: edge has no target; accepted is the id of a node",
    ]);
  });

  test.each([
    ["", "there is no graph"],
    ["graph [ ]", "x.gml:1: the graph has no node"],
    ["graph [\nnode [ id 1 ]\n", "x.gml:3: the list that begins in line 1 is not closed"],
    ["graph [ node\n]", "x.gml:2: node has no value"],
    ["graph [ 5 ]", "x.gml:1: accepted is a key"],
    ['graph [ label "open ]', "label has no value"],
  ])("%j is refused", (text, part) => {
    expect(problems(() => parseGml(text, "x.gml")).join()).toContain(part);
  });
});

describe("a latency matrix", () => {
  test("is read in microseconds, with gaps where nothing was measured", () => {
    const matrix = parseLatencyMatrix(read("latency/Seattle_1"), "Seattle_1");
    expect([matrix.length, matrix[0]!.length]).toEqual([99, 99]);
    expect(matrix[0]!.slice(0, 3)).toEqual([null, 170_000, 320_000]);
    expect(parseLatencyMatrix("# two\n0, 0.5\n.25,0\n", "x")).toEqual([[null, 5e5], [25e4, null]]);
  });

  test("with mistakes tells each of them and its line", () => {
    expect(problems(() => parseLatencyMatrix("0 1 2\n0 x\n-1 0\n", "m"))).toEqual([
      "m:2: 2 values; accepted are 3, as many as rows",
      "m:2: value 2 is x; accepted are seconds, e.g. 0.12",
      "m:3: 2 values; accepted are 3, as many as rows",
      "m:3: value 1 is -1; accepted are seconds, e.g. 0.12",
    ]);
    expect(problems(() => parseLatencyMatrix("\n", "m"))[0]).toContain("it is empty");
  });
});
