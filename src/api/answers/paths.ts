import type { Quality } from "../../model/boundary.ts";
import type { CandidatePath } from "../../model/path.ts";
import type { Network } from "../../model/network.ts";
import type { Label } from "../../model/quantity.ts";
import { describeLabel, LABEL_BYTES, labelMeaning } from "../../sr/labels.ts";
import { type Destination, measured, type Observation, qualityFields } from "../observation.ts";
import type { PathAnswer, Paths } from "../schema.ts";

export interface PathFilter {
  /** Only paths to this site. */
  readonly site?: string | undefined;
  /** Only paths that this policy ranks. */
  readonly policy?: string | undefined;
}

export function pathsAnswer(observation: Observation, filter: PathFilter): Paths {
  const { candidates, site } = observation.state;
  const paths = candidates
    .filter((one) => filter.site === undefined || one.egress === filter.site)
    .map((one) => pathAnswer(observation, one))
    .filter(({ uses }) =>
      filter.policy === undefined || uses.some(({ policy }) => policy === filter.policy)
    );
  return { site: site.name, paths };
}

function pathAnswer(observation: Observation, candidate: CandidatePath): PathAnswer {
  const { network } = observation.state;
  const { quality, reason } = measured(observation, candidate);
  const list = observation.lists.get(candidate.key);
  const uses = observation.destinations
    .filter(({ egress }) => egress === candidate.egress)
    .flatMap((destination) => pathUse(observation, candidate, destination));
  const inUse = uses.some((use) => use.inUse);
  return {
    key: candidate.key,
    egress: candidate.egress,
    hops: candidate.hops.map((hop) => ({
      fromSite: hop.from.site,
      fromUplink: hop.from.uplink,
      toSite: hop.to.site,
      toUplink: hop.to.uplink,
      cost: hop.cost,
      mtuBytes: hop.mtu,
    })),
    labels: describeStack(network, candidate.labels, candidate.hops),
    returnLabels: describeStack(
      network,
      candidate.returnLabels,
      candidate.hops.map(({ from, to }) => ({ from: to, to: from })),
    ),
    cost: candidate.cost,
    mtuBytes: candidate.mtu,
    mtuFoundBytes: mtuFound(quality, candidate),
    metered: candidate.metered,
    origin: candidate.origin,
    ...qualityFields(quality),
    txPackets: list?.tx_packets ?? 0,
    txBytes: list?.tx_bytes ?? 0,
    inUse,
    reason: inUse ? null : reason ??
      (uses.length === 0 ? "no policy of this site ranks it" : "a better path is up"),
    uses,
  };
}

/** What is found of a path of one hop is its adjacency's, whose MTU has the service label in it. */
function mtuFound({ mtu }: Quality, { labels }: CandidatePath): number | null {
  return mtu === null || labels.length > 0 ? mtu : mtu - LABEL_BYTES;
}

function pathUse(
  observation: Observation,
  candidate: CandidatePath,
  { segment, policy, verdict, inUse }: Destination,
): PathAnswer["uses"] {
  if (verdict === "drop") return [];
  const { paths, lists } = observation.state.table;
  const at = verdict.paths.order.findIndex((index) =>
    paths[index]?.lists.some((list) => lists[list]?.key === candidate.key)
  );
  const index = verdict.paths.order[at];
  if (index === undefined) return [];
  return [{
    segment,
    policy,
    rank: at + 1,
    inUse: index === inUse,
    reason: whyNot(observation, index, inUse),
  }];
}

/** Why a path of a ranking is not the one in use; null if it is. */
export function whyNot(
  { standings, state: { table } }: Observation,
  index: number,
  inUse: number | null,
): string | null {
  if (index === inUse) return null;
  const standing = standings.paths[index];
  if (standing?.state !== "up") return standing?.reason ?? "its state is not known";
  return inUse === null ? null : `${table.paths[inUse]?.key} ranks before it and is up`;
}

type Ends = Pick<CandidatePath["hops"][number], "from" | "to">;

/**
 * An adjacency SID tells the uplink that it leaves by as a number only: which site reads it follows
 * from the hops.
 */
function describeStack(network: Network, labels: readonly Label[], hops: readonly Ends[]) {
  return labels.map((label) => {
    const meaning = labelMeaning(network.blocks, label);
    const at = meaning.kind === "adjacency"
      ? hops.find(({ from, to }) => {
        const [near, far] = [from, to].map((end) => {
          const site = network.sites.find(({ name }) => name === end.site);
          return { sid: site?.sid, uplink: site?.uplinks.find(({ name }) => name === end.uplink) };
        });
        return far?.sid === meaning.remote && far.uplink?.number === meaning.remoteUplink &&
          near?.uplink?.number === meaning.local;
      })?.from.site
      : undefined;
    return { label, meaning: describeLabel(network, label, at) };
  });
}
