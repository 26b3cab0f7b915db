/** Random networks for property tests: small, full of ties, and valid in the sense of the model. */

import fc from "fast-check";
import { DEFAULT_CLASS } from "../../../src/config/classes.ts";
import type {
  Constraints,
  Network,
  Policy,
  PolicyMatch,
  Site,
  Step,
  Uplink,
} from "../../../src/model/network.ts";
import type {
  Address,
  Generation,
  Prefix,
  PublicKey,
  SegmentNumber,
  Sid,
  UplinkNumber,
} from "../../../src/model/quantity.ts";
import type { Objective, SloClass } from "../../../src/model/slo.ts";

export const COLORS = ["internet", "lte", "mpls"];

export interface SiteShape {
  readonly sid: number;
  readonly transit: boolean;
  readonly uplinks: readonly {
    readonly number: number;
    readonly color: string;
    readonly endpoint: boolean;
    readonly metered: boolean;
    readonly cost: number;
    readonly mtu: number;
  }[];
  /** Segment numbers with a LAN here. */
  readonly segments: readonly number[];
}

export interface NetworkShape {
  readonly sites: readonly SiteShape[];
  readonly meet: readonly (readonly [string, string])[];
  readonly penultimate: "pop" | "explicit-null";
  readonly policies: readonly PolicyShape[];
}

export type PolicyShape =
  | {
    readonly kind: "objective";
    readonly segment: number | undefined;
    readonly objective: "cost" | "latency";
    readonly avoidColors: readonly string[];
    readonly requireColors: readonly string[];
    readonly avoidSites: readonly number[];
    readonly requireSites: readonly number[];
  }
  | {
    readonly kind: "via";
    readonly sites: readonly number[];
    readonly otherwise: "computed" | "drop";
  };

const uplinkShape = fc.record({
  number: fc.integer({ min: 0, max: 7 }),
  color: fc.constantFrom(...COLORS),
  endpoint: fc.boolean(),
  metered: fc.boolean(),
  cost: fc.integer({ min: 0, max: 3 }),
  mtu: fc.constantFrom(1280, 1420, 1500, 9000),
});

export function siteShapes(sids: readonly number[], least = 2): fc.Arbitrary<SiteShape[]> {
  const site = (sid: number) =>
    fc.record({
      sid: fc.constant(sid),
      transit: fc.boolean(),
      uplinks: fc.uniqueArray(uplinkShape, {
        minLength: 1,
        maxLength: 3,
        selector: (uplink) => uplink.number,
      }),
      segments: fc.subarray([1, 2, 3]),
    });
  return fc.shuffledSubarray([...sids], { minLength: least }).chain((chosen) =>
    fc.tuple(...chosen.map(site))
  );
}

export function policyShapes(sids: readonly number[]): fc.Arbitrary<PolicyShape[]> {
  const some = fc.subarray([...sids], { maxLength: 2 });
  return fc.array(
    fc.oneof(
      fc.record({
        kind: fc.constant("objective" as const),
        segment: fc.constantFrom(undefined, 1, 2),
        objective: fc.constantFrom("cost" as const, "latency" as const),
        avoidColors: fc.subarray(COLORS, { maxLength: 1 }),
        requireColors: fc.subarray(COLORS, { maxLength: 2 }),
        avoidSites: some,
        requireSites: some,
      }),
      fc.record({
        kind: fc.constant("via" as const),
        sites: fc.shuffledSubarray([...sids], { minLength: 1, maxLength: 2 }),
        otherwise: fc.constantFrom("computed" as const, "drop" as const),
      }),
    ),
    { maxLength: 3 },
  );
}

export function networkShape(
  sids: readonly number[] = [1, 2, 5, 7, 30, 199],
): fc.Arbitrary<NetworkShape> {
  return fc.record({
    sites: siteShapes(sids),
    meet: fc.constantFrom<NetworkShape["meet"]>(
      [],
      [["internet", "internet"], ["lte", "internet"]],
      [["internet", "internet"], ["lte", "lte"], ["mpls", "internet"], ["mpls", "lte"]],
    ),
    penultimate: fc.constantFrom("pop", "explicit-null"),
    policies: policyShapes(sids),
  });
}

export function randomNetwork(): fc.Arbitrary<Network> {
  return networkShape().map((shape) => toNetwork(shape));
}

/**
 * Rings, some with chords, whose links each have a color of their own: few sites are neighbours, so
 * that the ways round a failure are long. Among {@link randomNetwork}'s they hardly ever are.
 */
export function sparseNetwork(): fc.Arbitrary<Network> {
  const sids = [1, 2, 3, 5, 7, 30, 41, 199];
  return fc.record({
    around: fc.shuffledSubarray(sids, { minLength: 4 }),
    chords: fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 2 }),
    costs: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 10, maxLength: 10 }),
    penultimate: fc.constantFrom("pop" as const, "explicit-null" as const),
  }).map(({ around, chords, costs, penultimate }) => {
    const at = (place: number) => around[place % around.length]!;
    const links = [
      ...around.map((sid, place) => [sid, at(place + 1)]),
      ...chords.map(([from, to]) => [at(from), at(to)]).filter(([from, to]) => from !== to),
    ];
    const uplink = (link: number, number: number) => ({
      number,
      color: `link${link}`,
      endpoint: true,
      metered: false,
      cost: costs[link]!,
      mtu: 1500,
    });
    const sites = around.map((sid): SiteShape => ({
      sid,
      transit: true,
      uplinks: links.flatMap((ends, link) => ends.includes(sid) ? [link] : []).map(uplink),
      segments: [1],
    }));
    return toNetwork({ sites, meet: [], penultimate, policies: [] });
  });
}

const DUCTS = ["duct-1", "duct-2", "duct-3", "mast"];

/** Some uplinks of a site share a device, some of any sites a risk, or two. */
export function riskyNetwork(): fc.Arbitrary<Network> {
  return fc.record({
    network: randomNetwork(),
    devices: fc.integer({ min: 1, max: 4 }),
    /** By uplink, going round: more of them without a risk than with one. */
    risks: fc.array(
      fc.oneof(
        { weight: 5, arbitrary: fc.constant<string[]>([]) },
        { weight: 2, arbitrary: fc.subarray(DUCTS, { minLength: 1, maxLength: 2 }) },
      ),
      { minLength: 1, maxLength: 13 },
    ),
  }).map(({ network, devices, risks }): Network => {
    let next = 0;
    return {
      ...network,
      sites: network.sites.map((site) => ({
        ...site,
        uplinks: site.uplinks.map((uplink) => ({
          ...uplink,
          device: `eth${uplink.number % devices}`,
          risks: risks[next++ % risks.length]!,
        })),
      })),
    };
  });
}

export function forEachPair(network: Network, visit: (from: string, to: string) => void): void {
  for (const from of network.sites) {
    for (const to of network.sites) if (from !== to) visit(from.name, to.name);
  }
}

export function siteName(sid: number): string {
  return `site${sid}`;
}

/** `generation` names the file that it stands for. */
export function toNetwork(shape: NetworkShape, generation = "0000000000000001"): Network {
  const sites = shape.sites.map(toSite).sort((a, b) => a.name < b.name ? -1 : 1);
  return {
    name: "random",
    generation: generation as Generation,
    blocks: {
      srgb: { base: 16000, size: 8000 },
      services: { base: 28000, size: 4000 },
      srlb: { base: 100000, size: 512000 },
    },
    tunnels: "100.96.0.0/12" as Prefix,
    ttl: "pipe",
    penultimate: shape.penultimate,
    bfd: { intervalMillis: 50, multiplier: 3 },
    rollout: { holdMillis: 30_000 },
    probe: { intervalMillis: 100, downAfter: 5, upAfter: 10, authentication: "none" },
    backend: "embedded",
    api: { port: 7635 },
    meet: shape.meet,
    sites,
    segments: [1, 2, 3].map((number) => ({
      name: `segment${number}`,
      number: number as SegmentNumber,
      lans: shape.sites.filter((site) => site.segments.includes(number)).map((site) => ({
        site: siteName(site.sid),
        prefixes: [
          `10.${number}.${site.sid}.0/24`,
          `2001:db8:${number}:${site.sid.toString(16)}::/64`,
        ] as Prefix[],
      })).sort((a, b) => a.site < b.site ? -1 : 1),
    })),
    policies: shape.policies.map((policy, index) => toPolicy(policy, index)),
    defaultClass: DEFAULT_CLASS,
  };
}

function toSite(shape: SiteShape): Site {
  return {
    name: siteName(shape.sid),
    sid: shape.sid as Sid,
    loopback4: `10.255.0.${shape.sid}` as Address,
    transit: shape.transit,
    uplinks: shape.uplinks.map((uplink): Uplink => ({
      name: `up${uplink.number}`,
      number: uplink.number as UplinkNumber,
      color: uplink.color,
      device: `eth${uplink.number}`,
      listenPort: 51820 + uplink.number,
      ...(uplink.endpoint ? { endpoint: { host: "192.0.2.1", port: 51820 } } : {}),
      publicKey: `key-${shape.sid}-${uplink.number}` as PublicKey,
      metered: uplink.metered,
      cost: uplink.cost,
      mtu: uplink.mtu,
    })).sort((a, b) => a.number - b.number),
  };
}

/** A match that asks for nothing. */
export const ANYTHING: PolicyMatch = {
  sources: [],
  destinations: [],
  dscps: [],
  protocols: [],
  sourcePorts: [],
  destinationPorts: [],
  applications: [],
};

export const UNCONSTRAINED: Constraints = {
  avoidSites: [],
  requireSites: [],
  avoidColors: [],
  requireColors: [],
};

export const COMPUTED: Step = {
  kind: "computed",
  constraints: UNCONSTRAINED,
  prefer: { sites: [], colors: [] },
};

export function classBy(objective: Objective): SloClass {
  return { ...DEFAULT_CLASS, objective };
}

function toPolicy(shape: PolicyShape, index: number): Policy {
  const name = `policy${index}`;
  const match = { ...ANYTHING, dscps: [index] };
  if (shape.kind === "via") {
    const via = { kind: "via" as const, sites: shape.sites.map(siteName) };
    return {
      name,
      match,
      class: DEFAULT_CLASS,
      steps: shape.otherwise === "computed" ? [via, COMPUTED] : [via],
    };
  }
  return {
    name,
    match: shape.segment === undefined ? match : { ...match, segment: `segment${shape.segment}` },
    class: classBy(shape.objective),
    steps: [{
      kind: "computed",
      constraints: {
        avoidColors: shape.avoidColors,
        requireColors: shape.requireColors,
        avoidSites: shape.avoidSites.map(siteName),
        requireSites: shape.requireSites.map(siteName),
      },
      prefer: { sites: [], colors: [] },
    }],
  };
}
