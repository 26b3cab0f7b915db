/** The network as the operator's file describes it, after every check: what all later code trusts. */

import type { ProbeAuthentication } from "./boundary.ts";
import type {
  Address,
  Generation,
  LabelBlock,
  Prefix,
  PublicKey,
  SegmentNumber,
  Sid,
  UplinkNumber,
} from "./quantity.ts";
import type { SloClass } from "./slo.ts";

export interface Network {
  readonly name: string;
  /** Hash over everything in the file that decides forwarding (not comments, order or layout). */
  readonly generation: Generation;
  readonly blocks: LabelBlocks;
  /** IPv4 block, /12 or shorter, from which uplinks take their address inside the tunnels. */
  readonly tunnels: Prefix;
  readonly ttl: "pipe" | "uniform";
  /** What a router sends for its own node SID's penultimate hop: pop (implicit) or explicit null. */
  readonly penultimate: "pop" | "explicit-null";
  /** RFC 5880: both ends of an adjacency agree on the slower interval. */
  readonly bfd: { readonly intervalMillis: number; readonly multiplier: number };
  readonly probe: {
    readonly intervalMillis: number;
    readonly downAfter: number;
    readonly upAfter: number;
    readonly authentication: ProbeAuthentication;
  };
  /** How long a new file that changes ways is given to reach every router, twice. */
  readonly rollout: { readonly holdMillis: number };
  readonly backend: "auto" | "kernel" | "embedded";
  readonly api: { readonly port: number };
  /** Colors that may meet; a pair allows both directions. Empty in the file: equal colors meet. */
  readonly meet: readonly (readonly [color: string, color: string])[];
  /** By name, ascending. */
  readonly sites: readonly Site[];
  /** By number, ascending. */
  readonly segments: readonly Segment[];
  /** In the order of the file: the first that matches decides. */
  readonly policies: readonly Policy[];
  /** Of traffic that no policy matches, and where policies that name no class begin. */
  readonly defaultClass: SloClass;
}

export interface LabelBlocks {
  /** Node SIDs: label = base + site SID. */
  readonly srgb: LabelBlock;
  /** Adjacency SIDs: label = base + (remote SID × 8 + local uplink number) × 8 + remote number. */
  readonly srlb: LabelBlock;
  /** Service labels: label = base + segment number. */
  readonly services: LabelBlock;
}

export interface Site {
  readonly name: string;
  readonly sid: Sid;
  readonly loopback4?: Address;
  readonly loopback6?: Address;
  /** May other sites' traffic pass through it? */
  readonly transit: boolean;
  /** By number, ascending; 1 to 8. */
  readonly uplinks: readonly Uplink[];
}

export interface Uplink {
  readonly name: string;
  readonly number: UplinkNumber;
  readonly color: string;
  readonly device: string;
  readonly listenPort: number;
  /** Absent: others cannot reach it first (NAT, dynamic address). */
  readonly endpoint?: { readonly host: string; readonly port: number };
  /** Absent until `labelway keygen` has run; `up` and `check` then refuse. */
  readonly publicKey: PublicKey;
  readonly bandwidthBitsPerSecond?: number;
  readonly metered: boolean;
  /** Added over the hops of a path; equal at both ends by taking the larger. */
  readonly cost: number;
  /** Underlay MTU, bytes: 1280–9000. */
  readonly mtu: number;
  /** Next hop on the device; absent: taken from the routes that the system has for the device. */
  readonly gateway4?: Address;
  readonly gateway6?: Address;
  /** What may take it away together with other uplinks (SRLG, RFC 4202 §2.3); ascending. */
  readonly risks?: readonly string[];
}

export interface Segment {
  readonly name: string;
  readonly number: SegmentNumber;
  /** Linux VRF device to put the TUN in; absent: the main table. */
  readonly vrf?: string;
  /** Site name → its LAN prefixes; only sites that have some. By site name, ascending. */
  readonly lans: readonly { readonly site: string; readonly prefixes: readonly Prefix[] }[];
}

export interface Policy {
  readonly name: string;
  readonly match: PolicyMatch;
  /** How its paths compare, and when traffic moves: the named class with what the policy changes. */
  readonly class: SloClass;
  /** Ways for the traffic: the first step that has a path that is up. None: it is dropped. */
  readonly steps: readonly Step[];
  /** Its path shares as few uplinks, risks and sites between the ends as can be with this policy's. */
  readonly disjointFrom?: string;
  /** Paths that are as good as the best share its flows, by their rates in the file. */
  readonly balance?: boolean;
}

export type Step =
  /** Whatever the constraints allow; what is preferred comes first. */
  | { readonly kind: "computed"; readonly constraints: Constraints; readonly prefer: Preference }
  /** Paths that pass through these sites in this order. */
  | { readonly kind: "via"; readonly sites: readonly string[] }
  /** These hops and no others. */
  | { readonly kind: "explicit"; readonly hops: readonly ExplicitHop[] };

/** Every field that asks for something must hold; an empty list asks for nothing. */
export interface PolicyMatch {
  readonly segment?: string;
  /** The traffic comes from one of these. */
  readonly sources: readonly Place[];
  /** The traffic goes to one of these. */
  readonly destinations: readonly Place[];
  readonly dscps: readonly number[];
  /** IP protocol numbers. */
  readonly protocols: readonly number[];
  /** Ports are of TCP, UDP and SCTP; a later fragment has none. */
  readonly sourcePorts: readonly PortRange[];
  readonly destinationPorts: readonly PortRange[];
  /** The traffic is of one of these. */
  readonly applications: readonly Application[];
  readonly time?: TimeWindow;
}

/** A site: where the traffic enters the overlay, or leaves it, whatever its addresses. */
export type Place = { readonly site: string } | { readonly prefix: Prefix };

/** Inclusive. */
export type PortRange = readonly [low: number, high: number];

export interface Application {
  readonly name: string;
  /** Traffic of any of these is the application's. */
  readonly terms: readonly ApplicationTerm[];
}

/** Every field that asks for something must hold; an empty list asks for nothing. */
export interface ApplicationTerm {
  readonly protocols: readonly number[];
  readonly dscps: readonly number[];
  /** Of the server: the destination on the way to it, the source on the way back. */
  readonly ports: readonly PortRange[];
  /** Addresses of the server, which is at the same end as the ports. */
  readonly servers: readonly Prefix[];
}

/** Holds while a clock on the wall of the zone shows one of the days and one of the hours. */
export interface TimeWindow {
  /** IANA name, e.g. `Europe/Lisbon`. */
  readonly zone: string;
  /** ISO 8601: Monday is 1, Sunday 7; ascending, at least one. */
  readonly days: readonly number[];
  /**
   * Minutes of the day `[start, end)`, 0–1440, ascending by start, at least one. A range whose end
   * is not after its start goes on past midnight and belongs to the day on which it starts.
   */
  readonly hours: readonly (readonly [start: number, end: number])[];
}

export interface Constraints {
  readonly avoidSites: readonly string[];
  readonly requireSites: readonly string[];
  readonly avoidColors: readonly string[];
  readonly requireColors: readonly string[];
}

/** Paths that pass all these sites and use these colors only go before the others of the step. */
export interface Preference {
  readonly sites: readonly string[];
  readonly colors: readonly string[];
}

/** One adjacency of an explicit path: out by this uplink, in by that one. */
export interface ExplicitHop {
  readonly from: { readonly site: string; readonly uplink: string };
  readonly to: { readonly site: string; readonly uplink: string };
}

/** One direction of a pair of uplinks that may meet. */
export interface Adjacency {
  readonly from: { readonly site: string; readonly uplink: string };
  readonly to: { readonly site: string; readonly uplink: string };
  /** max(cost of the two uplinks). */
  readonly cost: number;
  /** min(MTU of the two uplinks), bytes, of the underlay. */
  readonly mtu: number;
}
