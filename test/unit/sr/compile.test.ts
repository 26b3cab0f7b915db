import { describe, expect, test } from "vitest";
import type { Table, Verdict } from "../../../src/model/boundary.ts";
import { DEFAULT_CLASS } from "../../../src/config/classes.ts";
import type { Network, Policy, Step } from "../../../src/model/network.ts";
import type { Prefix } from "../../../src/model/quantity.ts";
import { compile, compileTable } from "../../../src/sr/compile.ts";
import { fibre, lte, network, plain } from "./small_network.ts";
import {
  ANYTHING as anything,
  classBy,
  COMPUTED,
  toNetwork,
  UNCONSTRAINED,
} from "../te/random_network.ts";

const nothing = UNCONSTRAINED;

describe("segments", () => {
  test("reach each other member, the loopback of a site in its lowest segment", () => {
    const { table } = compile(network(), "site1", "kernel");
    const [first, second] = table.segments;
    expect(first).toMatchObject({
      name: "segment1",
      service_label: 28001,
      tun: "lws1-segment1",
      local: ["10.1.1.0/24", "10.255.0.1/32", "2001:db8:1:1::/64"],
    });
    expect(first!.routes.map((route) => route.prefix)).toEqual([
      "10.1.3.0/24",
      "10.255.0.3/32",
      "2001:db8:1:3::/64",
      "10.1.4.0/24",
      "10.255.0.4/32",
      "2001:db8:1:4::/64",
    ]);
    // The hub is no member of segment 1, so its loopback is found in segment 2.
    expect(second!.local).toEqual(["10.2.1.0/24", "2001:db8:2:1::/64"]);
    expect(second!.routes.map((route) => route.prefix)).toContain("10.255.0.2/32");
    expect(table.uplinks[0]).toEqual({
      key: "up0",
      interface: "lw-0-up0",
      backend: "kernel",
      device: "eth0",
      tunnel_address: "100.96.0.8",
    });
  });

  test("carry the packet that fits the smallest list: 108 bytes, two labels and the service's", () => {
    const { table } = compile(network(), "site1", "embedded");
    const longest = Math.max(...table.lists.map((list) => list.labels.length));
    expect(longest).toBe(1);
    expect(table.segments[0]!.mtu).toBe(1400 - 108 - 4 - 4);
  });

  test("behind NAT go through the hub, by an adjacency SID of the hub, and back", () => {
    const { table } = compile(network(), "site4", "embedded");
    const list = table.lists.find((one) => one.key === "up1>site2.up2,up0>site1.up0")!;
    // srlb + (remote SID × 8 + hub's uplink) × 8 + remote uplink.
    expect(list.labels).toEqual([100000 + (1 * 8 + 0) * 8 + 0]);
    expect(list.return_labels).toEqual([100000 + (4 * 8 + 2) * 8 + 1]);
    expect(list.probe_address).toBe("10.255.0.1");
    expect(list.ends).toEqual([
      { site: 2, uplink: 2 },
      { site: 2, uplink: 0 },
      { site: 1, uplink: 0 },
    ]);
    expect(table.adjacencies.map((one) => one.key)).toEqual(["up1>site2.up2"]);
    expect(table.adjacencies[0]).toMatchObject({
      remote_address: "100.96.0.18",
      remote_key: "key-2-0",
      remote_site: 2,
      remote_uplink: 2,
      mtu: 1400 - 108,
    });
  });

  test("of a site that transits without LANs are none, and its labels are there", () => {
    const bare = network();
    const segments = bare.segments.map((segment) => ({
      ...segment,
      lans: segment.lans.filter((lan) => lan.site !== "site2"),
    }));
    const { table } = compile({ ...bare, segments }, "site2", "embedded");
    expect(table.segments).toEqual([]);
    expect(table.lists).toEqual([]);
    expect(table.labels.filter((entry) => entry.label < 28000).map((entry) => entry.label))
      .toEqual([16001, 16002, 16003, 16004]);
  });

  test("with explicit null, the penultimate hop swaps to label 0", () => {
    const { table } = compile(network([], { penultimate: "explicit-null" }), "site2", "embedded");
    const entry = table.labels.find((one) => one.label === 16001)!;
    const { forward } = entry.action as { forward: readonly unknown[] };
    expect(forward[0]).toEqual({ adjacency: 0, labels: [0], repair: false });
  });

  test("of an unknown site cannot be compiled, and the message tells the known ones", () => {
    expect(() => compile(network(), "site9", "embedded")).toThrow(
      'Cannot compile for site "site9": the network has site1, site2, site3, site4',
    );
  });
});

describe("fallbacks of a node SID", () => {
  test("keep to the neighbour, its colors, MTU and metering", () => {
    const twin = (number: number, more = {}) => ({ ...fibre, number, ...more });
    const shape = {
      sites: [
        { ...plain, sid: 1, uplinks: [fibre, lte] },
        {
          ...plain,
          sid: 2,
          uplinks: [
            twin(0),
            twin(2, { cost: 20 }),
            twin(3, { mtu: 1400 }),
            twin(4, { metered: true }),
          ],
        },
      ],
      meet: [],
      penultimate: "pop" as const,
      policies: [],
    };
    const { table } = compile(toNetwork(shape), "site1", "embedded");
    const action = table.labels.find((one) => one.label === 16002)!.action;
    const hops = typeof action === "object" && "forward" in action ? action.forward : [];
    const own = hops.filter(({ repair }) => !repair);
    expect(own.map((hop) => table.adjacencies[hop.adjacency]!.key)).toEqual([
      "up0>site2.up0",
      "up0>site2.up2",
    ]);
  });

  test("share no risk with what failed, where there is a choice", () => {
    const base = toNetwork({
      sites: [
        { ...plain, sid: 1, uplinks: [fibre] },
        {
          ...plain,
          sid: 2,
          uplinks: [fibre, { ...fibre, number: 2, cost: 20 }, { ...fibre, number: 3, cost: 30 }],
        },
      ],
      meet: [],
      penultimate: "pop",
      policies: [],
    });
    const own = (risks: Record<string, string[]>) => {
      const sites = base.sites.map((site) => ({
        ...site,
        uplinks: site.uplinks.map((one) => ({
          ...one,
          risks: risks[`${site.name}.${one.name}`] ?? [],
        })),
      }));
      const { table } = compile({ ...base, sites }, "site1", "embedded");
      const { action } = table.labels.find((one) => one.label === 16002)!;
      const hops = (action as { forward: { adjacency: number; repair: boolean }[] }).forward;
      return hops.filter(({ repair }) => !repair)
        .map((hop) => table.adjacencies[hop.adjacency]!.key.at(-1)).join("");
    };
    expect(own({})).toBe("023");
    expect(own({ "site2.up0": ["duct"], "site2.up2": ["mast", "duct"] })).toBe("032");
    expect(own({ "site2.up2": ["duct"], "site2.up3": ["duct"] })).toBe("023");
  });
});

describe("policies", () => {
  const route = (table: Table, prefix: string) => {
    const segment = table.segments.find((one) =>
      one.routes.some((each) => each.prefix === prefix)
    )!;
    return segment.steerings[segment.routes.find((one) => one.prefix === prefix)!.steering]!;
  };
  const keys = (table: Table, verdict: Verdict) =>
    verdict === "drop" ? "drop" : verdict.paths.order.map((at) => table.paths[at]!.key);

  test("stand in the order of the file, those that cannot match left out", () => {
    const drop = { class: DEFAULT_CLASS, steps: [] };
    const { table } = compile(
      network([
        {
          name: "elsewhere",
          match: { ...anything, destinations: [{ prefix: "10.9.0.0/16" as Prefix }] },
          ...drop,
        },
        { name: "other", match: { ...anything, segment: "segment2" }, ...drop },
        {
          name: "wide",
          match: { ...anything, destinations: [{ prefix: "10.1.0.0/16" as Prefix }] },
          ...drop,
        },
        {
          name: "narrow",
          match: { ...anything, destinations: [{ prefix: "10.1.3.7/32" as Prefix }], dscps: [46] },
          ...drop,
        },
      ]),
      "site1",
      "embedded",
    );
    expect(route(table, "10.1.3.0/24").rules.map((rule) => rule.policy)).toEqual([
      "wide",
      "narrow",
    ]);
    expect(route(table, "10.1.4.0/24").rules.map((rule) => rule.policy)).toEqual(["wide"]);
    expect(route(table, "10.1.3.0/24").rules[1]!.matches).toEqual({
      source: null,
      destination: "10.1.3.7/32",
      dscp: 46,
      protocol: null,
      source_ports: [],
      destination_ports: [],
    });
  });

  test("without any rank by cost, metered last", () => {
    const { table } = compile(network(), "site1", "embedded");
    expect(keys(table, route(table, "10.1.3.0/24").fallback)).toEqual([
      "up0>site3.up0",
      "up0>site2.up0,up0>site3.up0",
      "up1>site3.up1",
      "up0>site2.up0,up1>site3.up1",
      "up1>site2.up1,up0>site3.up0",
      "up1>site2.up1,up1>site3.up1",
    ]);
  });

  test("avoid, require, and drop where nothing is left", () => {
    const by = (name: string, constraints: Partial<typeof nothing> & object): Policy => ({
      name,
      match: anything,
      class: DEFAULT_CLASS,
      steps: [{ ...COMPUTED, constraints: { ...nothing, ...constraints } } as Step],
    });
    const { table } = compile(
      network([
        by("no-lte", { avoidColors: ["lte"] as never }),
        by("over-hub", { requireSites: ["site2"] as never, avoidColors: ["lte"] as never }),
        by("never", { avoidColors: ["lte", "internet"] as never }),
      ]),
      "site1",
      "embedded",
    );
    expect(route(table, "10.1.3.0/24").rules.map((rule) => keys(table, rule.verdict))).toEqual([
      ["up0>site3.up0", "up0>site2.up0,up0>site3.up0"],
      ["up0>site2.up0,up0>site3.up0"],
      [],
    ]);
  });

  test("name sites or hops, and then compute or drop", () => {
    const hop = (from: string, to: string) => {
      const end = (text: string) => ({ site: text.split(".")[0]!, uplink: text.split(".")[1]! });
      return { from: end(from), to: end(to) };
    };
    const hops = [hop("site1.up1", "site2.up1"), hop("site2.up0", "site3.up0")];
    const { table, candidates } = compile(
      network([
        {
          name: "via",
          match: anything,
          class: DEFAULT_CLASS,
          steps: [{ kind: "via", sites: ["site2"] }],
        },
        {
          name: "fixed",
          match: anything,
          class: DEFAULT_CLASS,
          steps: [{ kind: "explicit", hops }],
        },
        {
          name: "first",
          match: anything,
          class: DEFAULT_CLASS,
          steps: [{ kind: "explicit", hops }, COMPUTED],
        },
        {
          name: "through-3",
          match: anything,
          class: DEFAULT_CLASS,
          steps: [{
            kind: "explicit",
            hops: [hop("site1.up0", "site3.up0"), hop("site3.up0", "site2.up0")],
          }],
        },
      ]),
      "site1",
      "embedded",
    );
    const [via, fixed, first] = route(table, "10.1.3.0/24").rules;
    expect(keys(table, via!.verdict)).toEqual([
      "up0>site2.up0,up0>site3.up0",
      "up0>site2.up0,up1>site3.up1",
      "up1>site2.up1,up0>site3.up0",
      "up1>site2.up1,up1>site3.up1",
    ]);
    expect(keys(table, fixed!.verdict)).toEqual(["up1>site2.up1,up0>site3.up0"]);
    expect(keys(table, first!.verdict).slice(0, 2)).toEqual([
      "up1>site2.up1,up0>site3.up0",
      "up0>site3.up0",
    ]);
    expect(candidates.filter((path) => path.origin === "explicit").map((path) => path.key))
      .toEqual(["up1>site2.up1,up0>site3.up0"]);
    // An explicit path belongs to its two ends: site 4 knows nothing of it.
    expect(route(table, "10.1.4.0/24").rules.map((rule) => rule.policy)).toEqual(["via"]);
    // Site 3 may not transit, so its router would refuse the label: nothing is left.
    expect(keys(table, route(table, "10.255.0.2/32").rules.at(-1)!.verdict)).toEqual([]);
  });

  test("leave out a path that needs more labels than the engine pushes", () => {
    const cheap = { ...fibre, cost: 1 };
    const dear = { ...fibre, number: 1, color: "mpls", cost: 9 };
    // A line of sites with a cheap and a dear link between each two: each dear hop costs a label.
    const line = (sites: number): Network => {
      const shapes = Array.from({ length: sites }, (_, index) => ({
        ...plain,
        sid: index + 1,
        segments: [1],
        uplinks: [
          { ...cheap, color: `a${index}` },
          { ...dear, color: `b${index}` },
          { ...cheap, number: 2, color: `a${index + 1}` },
          { ...dear, number: 3, color: `b${index + 1}` },
        ],
      }));
      const hops = Array.from({ length: sites - 1 }, (_, index) => ({
        from: { site: `site${index + 1}`, uplink: "up3" },
        to: { site: `site${index + 2}`, uplink: "up1" },
      }));
      const steps = [{ kind: "explicit", hops }] as const;
      const shape = { sites: shapes, meet: [], penultimate: "pop" as const, policies: [] };
      return {
        ...toNetwork(shape),
        policies: [{ name: "dear", match: anything, class: DEFAULT_CLASS, steps }],
      };
    };
    const explicit = (sites: number) =>
      compile(line(sites), "site1", "embedded").candidates.filter((one) =>
        one.origin === "explicit"
      );
    expect(explicit(10).map((path) => path.labels.length)).toEqual([8]);
    expect(explicit(11)).toEqual([]);
  });

  test("follow the order that they are given, and what it does not name stands behind", () => {
    const { table, survey } = compile(
      network([{
        name: "quick",
        match: anything,
        class: classBy("latency"),
        steps: [COMPUTED],
      }]),
      "site1",
      "embedded",
    );
    const order = (of: Table) => keys(of, route(of, "10.1.3.0/24").rules[0]!.verdict);
    const [direct, hub, ...rest] = order(table);
    expect([direct, hub]).toEqual(["up0>site3.up0", "up0>site2.up0,up0>site3.up0"]);
    const placements = new Map([["quick > site3", {
      order: [rest[0]!, hub!],
      equal: 2,
      keep: [hub!, "gone"],
    }]]);
    const moved = compileTable(survey, "embedded", placements);
    expect(order(moved)).toEqual([rest[0], hub, direct, ...rest.slice(1)]);
    const verdict = route(moved, "10.1.3.0/24").rules[0]!.verdict;
    const at = moved.paths.findIndex(({ key }) => key === hub);
    expect(verdict).toMatchObject({ paths: { equal: 2, keep: [at] } });
    expect({ ...moved, segments: [] }).toEqual({ ...table, segments: [] });
    // What no policy matches has an order of its own.
    const plain = compileTable(
      survey,
      "embedded",
      new Map([["> site3", { order: [hub!], equal: 1, keep: [] }]]),
    );
    expect(keys(plain, route(plain, "10.1.3.0/24").fallback)[0]).toBe(hub);
    expect(order(plain)).toEqual(order(table));
  });
});
