/** What the compiled rules match is what the policies mean, packet for packet. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { BUILT_IN_APPLICATIONS } from "../../../src/config/applications.ts";
import { DEFAULT_CLASS } from "../../../src/config/classes.ts";
import { alternatives } from "../../../src/match/alternatives.ts";
import { type PacketHeader, whyNoMatch } from "../../../src/match/packet.ts";
import { holdsAddress } from "../../../src/match/prefix.ts";
import type { Match, Table } from "../../../src/model/boundary.ts";
import type { Application, Policy, PolicyMatch } from "../../../src/model/network.ts";
import type { Instant, Prefix } from "../../../src/model/quantity.ts";
import { compile } from "../../../src/sr/compile.ts";
import { COMPUTED, type SiteShape, toNetwork } from "../te/random_network.ts";

const NOW = Date.UTC(2026, 5, 1) as Instant;
const uplink = { number: 0, color: "internet", endpoint: true, metered: false, cost: 1, mtu: 1500 };
const site = (sid: number): SiteShape => ({
  sid,
  transit: true,
  uplinks: [uplink],
  segments: [1, 2],
});
const NETWORK = toNetwork({
  sites: [site(1), site(2), site(3)],
  meet: [],
  penultimate: "pop",
  policies: [],
});

// Few values of each, so that they meet; LANs are 10.SEGMENT.SID.0/24 and 2001:db8:SEGMENT:SID::/64.
const prefix = fc.constantFrom(
  ...[
    "10.0.0.0/8",
    "10.1.2.0/24",
    "10.1.2.0/28",
    "10.1.1.0/24",
    "10.1.3.0/25",
    "10.2.0.0/16",
    "2001:db8:1::/48",
    "2001:db8:1:2::/64",
  ] as Prefix[],
);
const place = fc.oneof(
  prefix.map((one) => ({ prefix: one })),
  fc.constantFrom("site1", "site2", "site3").map((name) => ({ site: name })),
);
const port = fc.constantFrom(0, 22, 53, 80, 443, 5060, 5061, 20000, 65535);
const ports = fc.array(
  fc.tuple(port, port).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
  { maxLength: 2 },
);
const protocols = fc.subarray([1, 6, 17, 132], { maxLength: 2 });
const dscps = fc.subarray([0, 34, 46], { maxLength: 2 });
const application: fc.Arbitrary<Application> = fc.oneof(
  fc.constantFrom("voip", "web", "dns", "routing", "ping").map((name) => ({
    name,
    terms: BUILT_IN_APPLICATIONS[name]!,
  })),
  fc.record({
    name: fc.constant("own"),
    terms: fc.array(
      fc.record({
        protocols,
        dscps,
        ports,
        servers: fc.array(prefix, { maxLength: 2 }),
      }),
      { minLength: 1, maxLength: 2 },
    ),
  }),
);
const few = <Value>(one: fc.Arbitrary<Value>) => fc.array(one, { maxLength: 2 });
const match: fc.Arbitrary<PolicyMatch> = fc.record({
  segment: fc.constantFrom(undefined, undefined, "segment1"),
  sources: few(place),
  destinations: few(place),
  dscps,
  protocols,
  sourcePorts: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, ports),
  destinationPorts: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, ports),
  applications: fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    fc.array(application, { minLength: 1, maxLength: 2 }),
  ),
}).map(({ segment, ...rest }) => segment === undefined ? rest : { ...rest, segment });

const packet = fc.record({
  number: fc.constantFrom(1, 2),
  egress: fc.constantFrom(2, 3),
  from: fc.constantFrom(1, 1, 7),
  host: fc.constantFrom(1, 9, 200),
  ipv6: fc.boolean(),
  protocol: fc.constantFrom(1, 6, 17, 47, 132),
  dscp: fc.constantFrom(0, 34, 46),
  sport: port,
  dport: port,
  fragment: fc.boolean(),
}).map((one): PacketHeader => {
  const address = (sid: number) =>
    one.ipv6 ? `2001:db8:${one.number}:${sid}::${one.host}` : `10.${one.number}.${sid}.${one.host}`;
  const hasPorts = [6, 17, 132].includes(one.protocol) && !one.fragment;
  return {
    segment: `segment${one.number}`,
    source: address(one.from),
    destination: address(one.egress),
    protocol: one.protocol,
    dscp: one.dscp,
    ports: hasPorts ? { source: one.sport, destination: one.dport } : null,
    ingress: "site1",
    egress: `site${one.egress}`,
  };
});

/** As the boundary says that rules match. */
function ruleOf(table: Table, one: PacketHeader): string | null {
  const segment = table.segments.find(({ name }) => name === one.segment)!;
  const route = segment.routes.find(({ prefix }) => holdsAddress(prefix, one.destination))!;
  const rules = segment.steerings[route.steering]!.rules;
  return rules.find(({ matches }) => matchesRule(matches, one))?.policy ?? null;
}

function matchesRule(rule: Match, one: PacketHeader): boolean {
  const within = (ranges: Match["source_ports"], value: number | undefined) =>
    ranges.length === 0 ||
    value !== undefined && ranges.some(([low, high]) => low <= value && value <= high);
  return (rule.source === null || holdsAddress(rule.source, one.source)) &&
    (rule.destination === null || holdsAddress(rule.destination, one.destination)) &&
    (rule.dscp === null || rule.dscp === one.dscp) &&
    (rule.protocol === null || rule.protocol === one.protocol) &&
    within(rule.source_ports, one.ports?.source) &&
    within(rule.destination_ports, one.ports?.destination);
}

test("the first rule that matches is of the first policy that means the packet", () => {
  const outcomes = { some: 0, none: 0 };
  fc.assert(
    fc.property(
      fc.array(match, { minLength: 1, maxLength: 3 }),
      fc.array(packet, { minLength: 20, maxLength: 20 }),
      (matches, packets) => {
        const policies = matches.map((one, index): Policy => ({
          name: `policy${index}`,
          match: one,
          class: DEFAULT_CLASS,
          steps: [COMPUTED],
        }));
        const { table } = compile({ ...NETWORK, policies }, "site1", "embedded");
        for (const one of packets) {
          const meant = policies.find((policy) => whyNoMatch(policy, one, NOW).length === 0);
          outcomes[meant ? "some" : "none"]++;
          expect(ruleOf(table, one)).toBe(meant?.name ?? null);
        }
      },
    ),
    { numRuns: 400 },
  );
  // Both happen often, or nothing was tried.
  expect(Math.min(outcomes.some, outcomes.none)).toBeGreaterThan(500);
}, 60_000);

test("an alternative never asks for what the engine refuses", () => {
  fc.assert(
    fc.property(match, (one) => {
      for (const { source, destination, sourceServer, destinationServer } of alternatives(one)) {
        const texts = [source, destination]
          .flatMap((place) => place !== null && "prefix" in place ? [place.prefix as string] : [])
          .concat([sourceServer, destinationServer].filter((server) => server !== null));
        expect(new Set(texts.map((text) => text.includes(":"))).size).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test("ports of one protocol are one rule, not one each", () => {
  const voip = { name: "voip", terms: BUILT_IN_APPLICATIONS["voip"]! };
  const found = alternatives({
    sources: [],
    destinations: [],
    dscps: [],
    protocols: [],
    sourcePorts: [],
    destinationPorts: [],
    applications: [voip],
  });
  // Three marks; TCP and UDP from the server and to it.
  expect(found.length).toBe(7);
});
