import { stringify } from "yaml";
import { expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { formatProblem, jsonSchema, parseNetwork } from "../../../src/config/mod.ts";
import { DEFAULT_CLASS } from "../../../src/config/classes.ts";
import { ANYTHING, COMPUTED, UNCONSTRAINED } from "../te/random_network.ts";
import { changed, KEYS, NETWORK } from "./network_text.ts";

const generation = (text: string) => parseNetwork(text, "n.yaml").network!.generation;

test.each(["config/minimal.yaml", "config/branch-offices.yaml"])(
  "%s has neither problems nor warnings",
  (file) => {
    const result = parseNetwork(Deno.readTextFileSync(file), file);
    expect([...result.problems ?? [], ...result.warnings].map(formatProblem)).toEqual([]);
  },
);

test("the schema for editors is the one of this source (deno task labelway schema)", () => {
  const committed = JSON.parse(Deno.readTextFileSync("config/labelway.schema.json"));
  expect(committed).toEqual(JSON.parse(JSON.stringify(jsonSchema())));
});

test("the network that a file becomes", () => {
  const text = `${
    changed(["port: 51821", 'port: 51821, gateway: ["fe80::1", 192.0.2.9], bandwidth: 1.5 Mbit/s'])
  }policies:
  - name: voice
    match: { segment: office, dscp: ef, protocol: UDP, ports: [5060, 10000-20000] }
    avoid: { colors: [lte] }
  - { name: exact, path: [lisbon.fibre > porto.fibre], otherwise: drop }
`;
  const { network } = parseNetwork(text, "n.yaml");
  expect(network!.sites[0]!.uplinks[1]).toEqual({
    name: "lte",
    number: 1,
    color: "lte",
    device: "wwan0",
    listenPort: 51821,
    publicKey: KEYS[1],
    bandwidthBitsPerSecond: 1_500_000,
    metered: false,
    cost: 10,
    mtu: 1500,
    gateway4: "192.0.2.9",
    gateway6: "fe80::1",
  });
  expect(network!.sites[0]!.uplinks[0]!.endpoint).toEqual({ host: "198.51.100.1", port: 51820 });
  expect(network!.segments).toEqual([{
    name: "office",
    number: 1,
    lans: [{ site: "lisbon", prefixes: ["10.1.0.0/24"] }, {
      site: "porto",
      prefixes: ["10.2.0.0/24"],
    }],
  }]);
  expect(network!.policies).toEqual([
    {
      name: "voice",
      match: {
        ...ANYTHING,
        segment: "office",
        dscps: [46],
        protocols: [17],
        destinationPorts: [[5060, 5060], [10000, 20000]],
      },
      class: DEFAULT_CLASS,
      steps: [{ ...COMPUTED, constraints: { ...UNCONSTRAINED, avoidColors: ["lte"] } }],
    },
    {
      name: "exact",
      match: ANYTHING,
      class: DEFAULT_CLASS,
      steps: [{
        kind: "explicit",
        hops: [{
          from: { site: "lisbon", uplink: "fibre" },
          to: { site: "porto", uplink: "fibre" },
        }],
      }],
    },
  ]);
});

test("addresses come out in canonical form", () => {
  const { network } = parseNetwork(
    changed(["[10.2.0.0/24]", '["2001:DB8:0:0::/64"]']),
    "n.yaml",
  );
  expect(network!.segments[0]!.lans[1]!.prefixes).toEqual(["2001:db8::/64"]);
});

test("the generation is that of the meaning, not of the writing", () => {
  const value = parseYaml(NETWORK);
  const turned = {
    segments: value.segments,
    sites: Object.fromEntries(Object.entries(value.sites).reverse()),
    network: "another-name",
  };
  expect(generation(NETWORK)).toMatch(/^[0-9a-f]{16}$/);
  expect(generation(stringify(turned))).toBe(generation(NETWORK));
  expect(generation(`# a comment\n${NETWORK}api: { port: 1234 }\nttl: pipe\n`)).toBe(
    generation(NETWORK),
  );
});

test.each([
  ["sid: 2", "sid: 3"],
  ["10.2.0.0/24", "10.3.0.0/24"],
  ["endpoint: 203.0.113.1", "endpoint: 203.0.113.2"],
  ["color: lte", "color: lte, cost: 11"],
  ["office: { number: 1 }", "office: { number: 2 }"],
])("%s → %s is another generation", (from, to) => {
  expect(generation(changed([from, to]))).not.toBe(generation(NETWORK));
});
