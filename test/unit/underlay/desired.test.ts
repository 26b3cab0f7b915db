import { describe, expect, test } from "vitest";
import { desiredHost, type SiteUnderlay } from "../../../src/underlay/desired.ts";
import { EMPTY_HOST, type Host, type Link } from "../../../src/underlay/host.ts";
import { parseLinks, parseRoutes, parseRules } from "../../../src/underlay/parse_ip.ts";

const site: SiteUnderlay = {
  uplinks: [{
    name: "fibre",
    number: 3,
    device: "eth0",
    interface: "lw-3-fibre",
    backend: "embedded",
    tunnelAddress: "100.96.0.11",
    mtu: 1500,
    gateway4: null,
    gateway6: null,
    neighbours: ["100.96.0.16"],
  }],
  segments: [],
};

const eth0: Link = {
  name: "eth0",
  kind: null,
  mtu: 1500,
  up: true,
  master: null,
  pointToPoint: false,
  vrfTable: null,
};

const SETTINGS = [
  { path: "net/ipv4/ip_forward", value: "1" },
  { path: "net/ipv6/conf/all/forwarding", value: "1" },
];

function host(routes4: unknown[], routes6: unknown[] = [], more: Partial<Host> = {}): Host {
  return {
    ...EMPTY_HOST,
    links: [eth0],
    routes: [
      ...parseRoutes(JSON.stringify(routes4), 4),
      ...parseRoutes(JSON.stringify(routes6), 6),
    ],
    settings: SETTINGS,
    ...more,
  };
}

const LINK4 = { dst: "192.0.2.0/24", dev: "eth0", protocol: "2", scope: "253", flags: [] };
const ways = (state: Host, underlay = site) =>
  desiredHost(underlay, state).host.routes.map((route) =>
    `${route.destination} ${route.type === "unreachable" ? "unreachable" : route.gateway ?? "link"}`
  );

describe("an uplink's table", () => {
  test("takes the gateway that the system has for the device, and no other's", () => {
    const state = host([
      LINK4,
      { dst: "default", gateway: "203.0.113.1", dev: "eth1", flags: [] },
      { dst: "default", gateway: "192.0.2.1", dev: "eth0", metric: 100, flags: [] },
    ]);
    expect(ways(state)).toEqual([
      "192.0.2.0/24 link",
      "0.0.0.0/0 192.0.2.1",
      "0.0.0.0/0 unreachable",
      "::/0 unreachable",
    ]);
  });

  test("prefers the main table's and the smaller metric, and finds it in others and in multipath", () => {
    const three = [
      { dst: "default", gateway: "192.0.2.7", dev: "eth0", table: "100", flags: [] },
      { dst: "default", gateway: "192.0.2.9", dev: "eth0", metric: 200, flags: [] },
      {
        dst: "default",
        metric: 50,
        flags: [],
        nexthops: [{ gateway: "203.0.113.1", dev: "eth1" }, { gateway: "192.0.2.1", dev: "eth0" }],
      },
    ];
    expect(ways(host(three))).toContain("0.0.0.0/0 192.0.2.1");
    expect(ways(host(three.slice(0, 2)))).toContain("0.0.0.0/0 192.0.2.9");
    expect(ways(host(three.slice(0, 1)))).toContain("0.0.0.0/0 192.0.2.7");
  });

  test("the file's gateway goes before what is found", () => {
    const given = { ...site, uplinks: [{ ...site.uplinks[0]!, gateway4: "192.0.2.33" }] };
    const state = host([LINK4, { dst: "default", gateway: "192.0.2.1", dev: "eth0", flags: [] }]);
    expect(ways(state, given)).toContain("0.0.0.0/0 192.0.2.33");
  });

  test("does not take its own route for the system's", () => {
    const state = host([
      LINK4,
      {
        dst: "default",
        gateway: "192.0.2.1",
        dev: "eth0",
        table: "19543003",
        protocol: "76",
        flags: [],
      },
    ]);
    expect(ways(state)).toContain("0.0.0.0/0 link");
  });

  test("a device without a gateway is on link; one without an address leads nowhere", () => {
    expect(ways(host([LINK4]))).toContain("0.0.0.0/0 link");
    expect(ways(host([{ dst: "default", dev: "eth0", scope: "253", flags: [] }])))
      .toContain("0.0.0.0/0 link");
    expect(ways(host([]))).toEqual(["0.0.0.0/0 unreachable", "::/0 unreachable"]);
  });

  test("a device that is down or missing leads nowhere, and missing is told", () => {
    const down = host([LINK4], [], { links: [{ ...eth0, up: false }] });
    expect(ways(down)).toEqual(["0.0.0.0/0 unreachable", "::/0 unreachable"]);
    const missing = host([], [], { links: [] });
    expect(ways(missing)).toEqual(["0.0.0.0/0 unreachable", "::/0 unreachable"]);
    expect(desiredHost(site, missing).warnings).toEqual([
      "uplink fibre: there is no device eth0; waiting for it",
    ]);
  });

  test("IPv6 beside it, and none where the system has none", () => {
    const state = host([LINK4], [
      { dst: "2001:db8:1::/64", dev: "eth0", protocol: "2", metric: 256, flags: [] },
      { dst: "fe80::/64", dev: "eth0", protocol: "2", metric: 256, flags: [] },
      { dst: "default", gateway: "fe80::1", dev: "eth0", metric: 1024, flags: [], expires: 12 },
    ]);
    expect(ways(state).filter((way) => way.includes("::"))).toEqual([
      "2001:db8:1::/64 link",
      "::/0 fe80::1",
      "::/0 unreachable",
    ]);
    const without = { ...state, settings: SETTINGS.slice(0, 1) };
    expect(ways(without).filter((way) => way.includes("::"))).toEqual([]);
    expect(desiredHost(site, without).host.rules.map((rule) => rule.family)).toEqual([4]);
  });
});

describe("kernel settings", () => {
  const settings = (found: Record<string, string>) =>
    desiredHost(site, {
      ...host([]),
      settings: [
        ...SETTINGS,
        ...Object.entries(found).map(([path, value]) => ({ path, value })),
      ],
    }).host.settings.filter(({ path }) => /rp_filter|accept_ra/.test(path));

  test("a strict reverse path check on an uplink becomes a loose one", () => {
    const own = "net/ipv4/conf/eth0/rp_filter";
    const all = "net/ipv4/conf/all/rp_filter";
    expect(settings({ [own]: "1", [all]: "0" })).toEqual([{ path: own, value: "2" }]);
    expect(settings({ [own]: "0", [all]: "1" })).toEqual([{ path: own, value: "2" }]);
    expect(settings({ [own]: "0", [all]: "0" })).toEqual([]);
    expect(settings({ [own]: "2", [all]: "1" })).toEqual([]);
  });

  test("an uplink that learns its gateway from advertisements goes on learning", () => {
    const path = "net/ipv6/conf/eth0/accept_ra";
    expect(settings({ [path]: "1" })).toEqual([{ path, value: "2" }]);
    expect(settings({ [path]: "0" })).toEqual([]);
  });
});

describe("segments", () => {
  const office = {
    name: "office",
    tun: "lws1-office",
    mtu: 1380,
    vrf: "vrf-a",
    addresses: ["10.255.0.1/32"],
    remote: ["10.2.0.0/24"],
  };

  test("in a VRF, routes go to its table", () => {
    const json = [{
      ifname: "vrf-a",
      flags: ["UP"],
      mtu: 65575,
      linkinfo: { info_kind: "vrf", info_data: { table: 77 } },
    }];
    const state = host([], [], { links: [eth0, ...parseLinks(JSON.stringify(json))] });
    const { host: wanted, problems } = desiredHost({ ...site, segments: [office] }, state);
    expect(problems).toEqual([]);
    expect(wanted.links).toMatchObject([{ name: "lws1-office", master: "vrf-a", mtu: 1380 }]);
    expect(wanted.routes.filter((route) => route.device === "lws1-office"))
      .toMatchObject([{ table: 77, destination: "10.2.0.0/24" }]);
  });

  test("a VRF that is missing is a problem that says how to make it", () => {
    const { problems } = desiredHost({ ...site, segments: [office] }, host([]));
    expect(problems).toEqual([
      "segment office: there is no VRF device vrf-a; " +
      "create it with: ip link add vrf-a type vrf table <number>",
    ]);
  });
});

test("rules that look at a part of the mark are somebody else's", () => {
  const json = JSON.stringify([
    { priority: 1, src: "all", fwmark: "0x4c570000", fwmask: "0xff", table: "19543000" },
    { priority: 2, src: "all", fwmark: "0x4c570000", table: "19543000" },
    { priority: 3, src: "all", table: "254" },
  ]);
  expect(parseRules(json, 4)).toEqual([
    { family: 4, priority: 2, mark: 0x4c570000, table: 19543000 },
  ]);
});
