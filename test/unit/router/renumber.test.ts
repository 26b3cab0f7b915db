import { describe, expect, test } from "vitest";
import { parseNetwork } from "../../../src/config/mod.ts";
import type { Network } from "../../../src/model/network.ts";
import { renumberings } from "../../../src/router/renumber.ts";

const text = Deno.readTextFileSync(
  new URL("../../conformance/networks/pair.yaml", import.meta.url),
);
const before = parse(text);

function parse(yaml: string): Network {
  const { network, problems } = parseNetwork(yaml, "pair.yaml");
  if (!network) throw new Error(JSON.stringify(problems));
  return network;
}

const found = (edit: (yaml: string) => string) =>
  renumberings(before, parse(edit(text))).map(({ path, message }) => [path.join("."), message]);

const KEY = /public_key: "[^"]+"/g;
const freshKeys = (yaml: string) => {
  let number = 0;
  return yaml.replace(KEY, () => `public_key: "${btoa(String(++number).padStart(32, "k"))}"`);
};

describe("renumberings", () => {
  test("the same file, other costs, other prefixes and other keys are none", () => {
    expect(found((yaml) => yaml)).toEqual([]);
    expect(found((yaml) => yaml.replaceAll("cost: 20", "cost: 30").replace("10.2.0.0", "10.3.0.0")))
      .toEqual([]);
    expect(found(freshKeys)).toEqual([]);
  });

  test("a SID that another site takes names both", () => {
    const other = (yaml: string) => freshKeys(yaml).replaceAll("porto", "faro");
    expect(found(other)).toEqual([
      ["sites.faro.sid", "SID 2 was site porto and would now be site faro"],
    ]);
  });

  test("a site that is renamed with its keys stays itself", () => {
    expect(found((yaml) => yaml.replaceAll("porto", "faro"))).toEqual([]);
  });

  test("a segment's number that another segment takes", () => {
    expect(found((yaml) => yaml.replaceAll("office", "voice"))).toEqual([
      ["segments.voice.number", "number 1 was segment office and would now be segment voice"],
    ]);
  });

  test("a segment that moves to a number that was never used is none", () => {
    expect(found((yaml) => yaml.replace("office: { number: 1 }", "office: { number: 9 }")))
      .toEqual([]);
  });

  test("an uplink's number that another uplink takes", () => {
    const swapped = (yaml: string) => freshKeys(yaml).replaceAll(/\blte: /g, "cable: ");
    expect(found(swapped)).toEqual([
      [
        "sites.lisbon.uplinks.cable.number",
        "number 1 of site lisbon was uplink lte and would now be uplink cable",
      ],
      [
        "sites.porto.uplinks.cable.number",
        "number 1 of site porto was uplink lte and would now be uplink cable",
      ],
    ]);
  });

  test("blocks that move", () => {
    const moved = (yaml: string) =>
      `${yaml}\nblocks:\n  srgb: { base: 20000, size: 4000 }\ntunnels: 100.64.0.0/12\n`;
    expect(found(moved)).toEqual([
      [
        "blocks.srgb",
        "block srgb moves from 16000–23999 to 20000–23999: every label of it would mean something else",
      ],
      [
        "tunnels",
        "tunnels moves from 100.96.0.0/12 to 100.64.0.0/12: every address inside the tunnels would be another",
      ],
    ]);
  });
});
