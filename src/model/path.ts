import type { Adjacency } from "./network.ts";
import type { Label } from "./quantity.ts";

/** A way from this site to another, with everything that follows from its hops. */
export interface CandidatePath {
  /** The hops as text, `fibre>hub.fibre,fibre>porto.lte`: also the key of its segment list. */
  readonly key: string;
  /** Name of the egress site. */
  readonly egress: string;
  readonly hops: readonly Adjacency[];
  /** Pushed above the service label, outermost first: the fewest that keep to the hops. */
  readonly labels: readonly Label[];
  /** Stack that takes an answer back along the same hops, under the egress's first hop. */
  readonly returnLabels: readonly Label[];
  /** Sum over the hops. */
  readonly cost: number;
  /** Largest customer packet, bytes. */
  readonly mtu: number;
  readonly origin: "computed" | "explicit";
  /** Some hop leaves by or arrives at a metered uplink. */
  readonly metered: boolean;
}
