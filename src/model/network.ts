/** The network as the operator's file describes it, after every check: what all later code trusts. */

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
  readonly probe: {
    readonly intervalMillis: number;
    readonly downAfter: number;
    readonly upAfter: number;
  };
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
  readonly action:
    | { readonly kind: "drop" }
    /** Candidate paths ranked by the objective, under the constraints. */
    | {
      readonly kind: "objective";
      readonly objective: Objective;
      readonly constraints: Constraints;
    }
    /** Paths that pass through these sites in this order, ranked by cost; then as `otherwise` says. */
    | {
      readonly kind: "via";
      readonly sites: readonly string[];
      readonly otherwise: "computed" | "drop";
    }
    /** Explicit path first; `otherwise` computed ones after it, or nothing (drop). */
    | {
      readonly kind: "explicit";
      readonly hops: readonly ExplicitHop[];
      readonly otherwise: "computed" | "drop";
    };
}

export type Objective = "cost" | "latency";

export interface PolicyMatch {
  readonly segment?: string;
  readonly source?: Prefix;
  readonly destination?: Prefix;
  readonly dscp?: number;
  readonly protocol?: number;
  readonly sourcePorts: readonly (readonly [low: number, high: number])[];
  readonly destinationPorts: readonly (readonly [low: number, high: number])[];
}

export interface Constraints {
  readonly avoidSites: readonly string[];
  readonly requireSites: readonly string[];
  readonly avoidColors: readonly string[];
  readonly requireColors: readonly string[];
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
