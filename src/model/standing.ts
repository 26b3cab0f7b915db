/** Where the candidate paths of one policy towards one site stand, as people are told. */

import type { Figures } from "./figures.ts";
import type { Instant } from "./quantity.ts";

/** How a path does against the SLO of one class; from the best down. */
export type Verdict =
  /** Nothing measured breaks the SLO. */
  | "meets"
  /** It was bad; what is measured now is good, but not for long enough. */
  | "recovering"
  | "breaks"
  /** Not measured, or too long ago: neither good nor bad. */
  | "unknown"
  /** It failed too often. */
  | "suppressed"
  | "dead";

export interface PathStanding {
  readonly key: string;
  readonly verdict: Verdict;
  /** Flows are on it that the lead does not take over yet. */
  readonly kept: boolean;
  /** Why it does not lead; of the lead, why it is not good; null: it is the lead and good. */
  readonly why: string | null;
  /** What would make it the lead; null: it is. */
  readonly wins: string | null;
  /** It is as good as the lead, and has its share of the flows. */
  readonly shares: boolean;
  /** What it was judged by; null: it was never measured. */
  readonly figures: PathFigures | null;
  /** By what each site on the way measures on its own adjacency; null: of one hop. */
  readonly byHops: Figures | null;
}

export interface PathFigures {
  /** End of the window. */
  readonly at: Instant;
  readonly ageMillis: number;
  readonly windowMillis: number;
  /** Median round trip; null without an answer. */
  readonly rttMicros: number | null;
  readonly jitterMicros: number | null;
  /** Share lost, 0–1; of the round trip where the far end does not tell directions apart. */
  readonly lossForward: number;
  readonly lossBackward: number;
  /** Of the narrowest uplink on the way, by the file; null: some uplink has none in it. */
  readonly bandwidthBitsPerSecond: number | null;
}
