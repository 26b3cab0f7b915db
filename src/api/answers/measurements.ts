import type { Measured, Window } from "../../model/boundary.ts";
import type { Observation } from "../observation.ts";
import type { Measurements } from "../schema.ts";
import type { PathFilter } from "./paths.ts";

/** Every window of what is probed: candidate paths, and adjacencies that are none. */
export function measurementsAnswer(
  observation: Observation,
  measured: readonly Measured[],
  filter: PathFilter,
): Measurements {
  const { site } = observation.state;
  const to = destinationsOf(observation);
  const ranked = filter.policy === undefined ? null : rankedBy(observation, filter.policy);
  const paths = measured.flatMap(({ key, windows, classes, mtu }) => {
    const egress = to.get(key);
    if (egress === undefined || filter.site !== undefined && egress !== filter.site) return [];
    if (ranked !== null && !ranked.has(key)) return [];
    return [{
      key,
      egress,
      mtuBytes: mtu,
      windows: windows.map(windowFields),
      classes: classes.map((one) => ({ class: one.class, ...windowFields(one.minute) })),
    }];
  });
  return { site: site.name, paths };
}

/** Key → the site at its end. */
export function destinationsOf(
  { state: { candidates, table }, siteBySid }: Observation,
): Map<string, string> {
  return new Map([
    ...table.adjacencies.map((one) => [one.key, siteBySid.get(one.remote_site) ?? ""] as const),
    ...candidates.map(({ key, egress }) => [key, egress] as const),
  ]);
}

/** Shares of what was sent; null where nothing was, or the far end does not tell directions. */
export function windowFields(window: Window): Measurements["paths"][number]["windows"][number] {
  const { sent, answered, lost_forward: forward, lost_return: backward } = window;
  const reflected = sent - (forward ?? 0);
  return {
    spanMillis: window.span_millis,
    sent,
    answered,
    loss: sent > 0 ? (sent - answered) / sent : null,
    lossForward: forward === null || sent === 0 ? null : forward / sent,
    lossBackward: backward === null || reflected <= 0 ? null : backward / reflected,
    late: window.late,
    reorderedForward: window.reordered_forward,
    reorderedBackward: window.reordered_return,
    copiesForward: window.copies_forward,
    copiesBackward: window.copies_return,
    rttMicros: window.round_trip,
    jitterMicros: window.jitter_micros,
  };
}

function rankedBy({ destinations, state: { table } }: Observation, policy: string): Set<string> {
  return new Set(
    destinations.flatMap((one) =>
      one.policy !== policy || one.verdict === "drop"
        ? []
        : one.verdict.paths.order.map((index) => table.paths[index]?.key ?? "")
    ),
  );
}
