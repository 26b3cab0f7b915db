import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dispatch } from "../../../src/cli/dispatch.ts";
import { PROGRAM } from "../../../src/cli/program.ts";
import { FakeIo } from "./fake_io.ts";

const ABILENE = new URL("../../data/topologies/Abilene.gml", import.meta.url).pathname;
const SEATTLE = new URL("../../data/latency/Seattle_1", import.meta.url).pathname;

let folder: string;
beforeEach(async () => {
  folder = await Deno.makeTempDir({ prefix: "labelway-import-" });
});
afterEach(async () => {
  await Deno.remove(folder, { recursive: true });
});

async function run(source: string, target: string, ...words: string[]) {
  const io = new FakeIo();
  const path = join(folder, target);
  const code = await dispatch(PROGRAM, ["lab", "import", source, path, ...words], io);
  return { code, err: io.errors.join("\n").replaceAll(`${folder}/`, "") };
}

async function written(name: string, text: string): Promise<string> {
  await Deno.writeTextFile(join(folder, name), text);
  return join(folder, name);
}

const files = () => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

describe("lab import", () => {
  test("writes the lab's file and the network's", async () => {
    const { code, err } = await run(ABILENE, "abilene.yaml");
    expect([code, err]).toEqual([
      0,
      "Wrote abilene.yaml and abilene.network.yaml: 11 sites, 14 links",
    ]);
    expect(files()).toEqual(["abilene.network.yaml", "abilene.yaml"]);
  });

  test("takes a matrix for what it is, and a part of it", async () => {
    const { code, err } = await run(SEATTLE, "seattle.yaml", "--sites", "5", "--name", "west");
    expect(code).toBe(0);
    expect(err).toContain("5 sites, 10 links");
    expect(await Deno.readTextFile(join(folder, "seattle.yaml"))).toContain("\nlab: west\n");
  });

  test("replaces nothing unless it is asked to, and then both", async () => {
    await written("abilene.network.yaml", "mine");
    const { code, err } = await run(ABILENE, "abilene.yaml");
    expect([code, err]).toEqual([1, "abilene.network.yaml is there already; --force replaces it"]);
    expect(files()).toEqual(["abilene.network.yaml"]);
    expect(await Deno.readTextFile(join(folder, "abilene.network.yaml"))).toBe("mine");
    expect((await run(ABILENE, "abilene.yaml", "--force")).code).toBe(0);
    expect(await Deno.readTextFile(join(folder, "abilene.network.yaml"))).toContain("sites:");
  });

  test.each([
    [
      "x.gml",
      'graph [\n  node [ id 1 ]\n  node [ label "x" ]\n  edge [ source 1 target 7 ]\n]',
      "x.gml:3: node has no id; accepted is a number\n" +
      "x.gml:4: edge: target is 7; there is no such node",
    ],
    ["x.gml", "graph [ node [ id 1 ]", "is not closed by ]"],
    ["matrix", "0 1\n1 0 5\n", "matrix:2: 3 values; accepted are 2, as many as rows"],
    ["matrix", "", "it is empty; accepted is a row for each machine"],
    ["matrix", "0 -1\n1 0\n", "value 2 is -1; accepted are seconds"],
  ])("of a broken %s says what is wrong and writes nothing", async (name, text, message) => {
    const source = await written(name, text);
    const { code, err } = await run(source, "lab.yaml");
    expect(code).toBe(1);
    expect(err).toContain(message);
    expect(files()).toEqual([name]);
  });

  test.each([
    ["lab.yml", [], 2, "TOPOLOGY is"],
    ["lab.network.yaml", [], 2, "accepted is a name like abilene.yaml"],
    ["lab.yaml", ["--sites", "2.5"], 2, "accepted is a whole number"],
    ["lab.yaml", ["--sites", "1"], 2, "at least 2"],
    ["lab.yaml", ["--format", "graphml"], 2, "accepted is one of gml, latency"],
    ["lab.yaml", ["--name", "Not A Name"], 1, "accepted is a name of a–z"],
    ["lab.yaml", ["--unknown", "100000"], 1, "at most 60s"],
    ["nowhere/lab.yaml", [], 1, "nowhere"],
  ])("to %s %j is refused", async (target, words, expected, message) => {
    const { code, err } = await run(
      await written("two.gml", "graph [ node [ id 1 ] node [ id 2 ] edge [ source 1 target 2 ] ]"),
      target,
      ...words,
    );
    expect(err).toContain(message);
    expect(code).toBe(expected);
    expect(files()).toEqual(["two.gml"]);
  });
});
