import { describe, expect, test } from "vitest";
import { LabError } from "../../../src/lab/error.ts";
import { layOut } from "../../../src/lab/layout.ts";
import { firstHost, parseTopology } from "../../../src/lab/topology.ts";

const FILE = "config/lab/four-sites.yaml";
const FOUR_SITES = await Deno.readTextFile(new URL(`../../../${FILE}`, import.meta.url));

const THIRD = "config/lab/better-through-a-third.yaml";

const SMALL = `lab: small
network: small.network.yaml
sites:
  a:
    uplinks:
      wan: { addresses: [192.0.2.2/30], impair: { delay: 5ms, up: { delay: 9ms, loss: 1% } } }
    hosts: { office: [10.1.0.2/24] }
  b:
    uplinks:
      wan: { addresses: [192.168.0.2/24], nat: 192.0.2.6/30 }
`;

function problems(text: string): readonly string[] {
  try {
    parseTopology(text, "lab.yaml");
  } catch (error) {
    if (error instanceof LabError) return error.problems;
    throw error;
  }
  return [];
}

describe("a topology file", () => {
  test("reads the one that the demo uses", () => {
    const topology = parseTopology(FOUR_SITES, FILE);
    expect(topology.sites.map((site) => site.name)).toEqual(["lisbon", "porto", "hub", "cabin"]);
    expect(topology.sites[2]?.wireguard).toBe("wireguard-go");
    const lte = topology.sites[0]?.uplinks[1];
    expect(lte?.up).toMatchObject({ delayMillis: 18, jitterMillis: 3, rateMbit: 20 });
    expect(lte?.down).toMatchObject({ delayMillis: 18, jitterMillis: 3, rateMbit: 40 });
    expect(topology.sites[3]?.uplinks[0]?.nat).toBe("192.0.2.2/30");
  });

  test("one direction's setting stands over that of both", () => {
    const [wan] = parseTopology(SMALL, "lab.yaml").sites[0]?.uplinks ?? [];
    expect(wan?.up).toMatchObject({ delayMillis: 9, lossPercent: 1 });
    expect(wan?.down).toMatchObject({ delayMillis: 5, lossPercent: 0 });
  });

  test("names every problem, each with its place", () => {
    const text = SMALL.replace("lab: small", "lab: Small!")
      .replace("192.0.2.2/30", "192.0.2.1/30")
      .replace("hosts: { office:", "colour: red\n    hosts: { office:")
      .replace("192.0.2.6/30", "192.0.2.6");
    expect(problems(text)).toEqual([
      "lab.yaml:1:1: lab: accepted is a name of a–z, 0–9 and -, beginning with a letter",
      "lab.yaml:6:26: sites.a.uplinks.wan.addresses.0: 192.0.2.1/30 is the first host, which the " +
      "lab gives to the other side; take the next one",
      "lab.yaml:7:5: colour is unknown here; accepted are wireguard, uplinks, hosts",
      "lab.yaml:11:43: sites.b.uplinks.wan.nat: 192.0.2.6 is no address with prefix length; " +
      "accepted is e.g. 192.0.2.2/30",
    ]);
  });

  test("settings of a link are checked with their units", () => {
    const text = SMALL.replace("delay: 5ms", "delay: 5").replace("loss: 1%", "loss: 101%");
    expect(problems(text)).toEqual([
      "lab.yaml:6:51: delay is 5; accepted is a value like 30ms, at most 60s",
      "lab.yaml:6:79: loss is 101%; accepted is a value like 2%, at most 100%",
    ]);
  });

  test("reordering is read, and refused where a direction has no delay", () => {
    const both = SMALL.replace("delay: 5ms", "delay: 5ms, reorder: 30%");
    const [wan] = parseTopology(both, "lab.yaml").sites[0]?.uplinks ?? [];
    expect(wan?.up).toMatchObject({ delayMillis: 9, reorderPercent: 30 });
    expect(wan?.down).toMatchObject({ delayMillis: 5, reorderPercent: 30 });
    expect(problems(SMALL.replace("delay: 5ms", "reorder: 30%"))).toEqual([
      "lab.yaml:6:41: reorder is 30%; it needs a delay, e.g. delay=5ms, for something to overtake",
    ]);
  });

  test("two uplinks in one subnet, a device twice and IPv6 behind NAT are refused", () => {
    const text = SMALL.replace("nat: 192.0.2.6/30", "nat: 192.0.2.3/30")
      .replace("[192.168.0.2/24]", '[192.168.0.2/24, "2001:db8::2/64"]')
      .replace("office:", "wan:");
    const found = problems(text).join("\n");
    expect(found).toContain("192.0.2.3/30 lies in the subnet of a.wan");
    expect(found).toContain("wan is an uplink of the site as well");
    expect(found).toContain("the lab's NAT is for IPv4");
  });

  test("what is missing or of another kind says what is accepted", () => {
    const text = SMALL.replace("network: small.network.yaml\n", "")
      .replace("hosts: { office: [10.1.0.2/24] }", "hosts: none");
    expect(problems(text)).toEqual([
      "lab.yaml:1:1: network: is missing; accepted is a text",
      "lab.yaml:6:5: sites.a.hosts: accepted is a map",
    ]);
  });

  test("what lies between two uplinks is read, and refused where they are not two sites'", () => {
    const pairs = `${SMALL}between:
  - { ends: [a.wan, b.wan], impair: { delay: 5ms, down: { delay: 7ms } } }
`;
    const [pair] = parseTopology(pairs, "lab.yaml").between;
    expect(pair).toMatchObject({ ends: ["a.wan", "b.wan"], up: { delayMillis: 5 } });
    expect(pair?.down.delayMillis).toBe(7);
    const wrong = `${pairs}  - { ends: [b.wan, a.wan], impair: {} }
  - { ends: [a.wan, a.wan], impair: { delay: 5 } }
  - { ends: [a.van, b.wan], impair: {} }
`;
    expect(problems(wrong)).toEqual([
      "lab.yaml:13:7: b.wan and a.wan stand here twice; once is accepted",
      "lab.yaml:14:7: a.wan and a.wan are of one site; accepted are two uplinks of two sites, " +
      "e.g. [lisbon.fibre, porto.lte]",
      "lab.yaml:14:39: delay is 5; accepted is a value like 30ms, at most 60s",
      "lab.yaml:15:14: there is no uplink a.van; did you mean a.wan?",
    ]);
    expect(problems(`${SMALL}between: [{ ends: [a.wan] }]`).join()).toContain(
      "accepted are two uplinks of two sites",
    );
  });

  test("broken YAML says where", () => {
    expect(problems("lab: [")[0]).toMatch(/^lab.yaml: .*line/s);
  });

  test("the other side has the first host", () => {
    expect(firstHost("198.51.100.6/30")).toBe("198.51.100.5/30");
    expect(firstHost("10.1.77.10/16")).toBe("10.1.0.1/16");
    expect(firstHost("2001:db8:f:1::2/64")).toBe("2001:db8:f:1::1/64");
  });
});

describe.each([[FILE], [THIRD]])("the layout of %s", (file) => {
  const layout = layOut(parseTopology(Deno.readTextFileSync(file), file), "lw00ff");

  test("every name fits the kernel and is the lab's own", () => {
    const devices = new Map<string, Set<string>>();
    const ends = [
      ...layout.links.flatMap(({ site, internet }) => [site, internet]),
      ...layout.veths.flatMap(({ a, b }) => [a, b]),
    ];
    for (const { namespace, device } of ends) {
      expect(namespace.startsWith("lw00ff-")).toBe(true);
      expect(device.length).toBeLessThan(16);
      const there = devices.get(namespace) ?? new Set();
      expect(there.has(device), `${device} twice in ${namespace}`).toBe(false);
      devices.set(namespace, there.add(device));
    }
    expect([...devices.keys()].sort()).toEqual(layout.nodes.map((node) => node.namespace).sort());
  });

  test("what is set up exists", () => {
    const known = new Set([
      ...layout.links.flatMap(({ site, internet }) => [site, internet]),
      ...layout.veths.flatMap(({ a, b }) => [a, b]),
    ].map(({ namespace, device }) => `${namespace} ${device}`));
    for (const node of layout.nodes) {
      for (const line of node.setup) {
        const device = / (?:dev|iif) (\S+)/.exec(line)?.[1] ?? /^link set (\S+)/.exec(line)?.[1] ??
          "";
        expect(device === "lo" || known.has(`${node.namespace} ${device}`), line).toBe(true);
      }
    }
  });
});

describe("the layout of the four sites", () => {
  const layout = layOut(parseTopology(FOUR_SITES, FILE), "lw00ff");

  test("a gateway has a default route by each uplink, the first one preferred", () => {
    const lisbon = layout.nodes.find((node) => node.name === "lisbon");
    expect(lisbon?.setup.filter((line) => line.startsWith("route add 0"))).toEqual([
      "route add 0.0.0.0/0 via 198.51.100.1 dev fibre metric 100",
      "route add 0.0.0.0/0 via 203.0.113.1 dev lte metric 101",
    ]);
  });

  test("the link of an uplink behind NAT lies outside of it", () => {
    const link = layout.links.find((link) => link.name === "cabin.lte");
    expect(link?.site).toEqual({ namespace: "lw00ff-cabin.lte.nat", device: "wan" });
  });
});
