/** The windows of paths for Prometheus: of a bounded number of them. */

import type { Measured, Window } from "../model/boundary.ts";
import { destinationsOf, windowFields } from "./answers/measurements.ts";
import { type Family, gauge, type Sample, seconds } from "./families.ts";
import type { Observation } from "./observation.ts";

/**
 * Each has 41 series: five windows of three quantiles, jitter, and loss and reordering each way, and
 * the MTU. So they are 4,100 at most, whatever the network.
 */
const PATHS_AT_MOST = 100;

export function measuredFamilies(
  observation: Observation,
  measured: readonly Measured[],
): Family[] {
  const to = destinationsOf(observation);
  const known = measured.filter(({ key }) => to.has(key));
  const shown = mostUseful(observation, known);
  const samples = (
    of: (fields: ReturnType<typeof windowFields>) => readonly Sample[],
  ): Sample[] =>
    shown.flatMap(({ key, windows }) =>
      windows.flatMap((window) => {
        const labels = { path: key, site: to.get(key) ?? "", window: nameOf(window) };
        return of(windowFields(window)).map(([own, value]): Sample => [
          { ...labels, ...own },
          value,
        ]);
      })
    );
  return [
    gauge(
      "labelway_measured_rtt_seconds",
      "Round trips of the window, by quantile",
      samples(({ rttMicros }) => [
        [{ quantile: "0.5" }, seconds(rttMicros?.p50)],
        [{ quantile: "0.95" }, seconds(rttMicros?.p95)],
        [{ quantile: "0.99" }, seconds(rttMicros?.p99)],
      ]),
    ),
    gauge(
      "labelway_measured_jitter_seconds",
      "Mean difference of successive round trips",
      samples(({ jitterMicros }) => [[{}, seconds(jitterMicros)]]),
    ),
    gauge(
      "labelway_measured_loss_ratio",
      "Share of probes lost, each way; none where the far end does not tell",
      samples(({ lossForward, lossBackward }) => [
        [{ direction: "forward" }, lossForward],
        [{ direction: "backward" }, lossBackward],
      ]),
    ),
    gauge(
      "labelway_measured_reordered_ratio",
      "Share of probes overtaken, each way (RFC 4737)",
      samples(({ answered, reorderedForward, reorderedBackward }) => [
        [{ direction: "forward" }, answered > 0 ? reorderedForward / answered : undefined],
        [{ direction: "backward" }, answered > 0 ? reorderedBackward / answered : undefined],
      ]),
    ),
    gauge(
      "labelway_measured_mtu_bytes",
      "Largest customer packet that was found to cross in one piece; none while it is not known",
      shown.map(({ key, mtu }): Sample => [{ path: key, site: to.get(key) ?? "" }, mtu]),
    ),
    gauge(
      "labelway_measured_paths_left_out",
      `Paths without windows here: the first ${PATHS_AT_MOST} are shown, those in use first`,
      [[{}, known.length - shown.length]],
    ),
  ];
}

/** Those in use, then the others by name, so that the same ones are shown each time. */
function mostUseful(
  { destinations, state: { table } }: Observation,
  measured: readonly Measured[],
): Measured[] {
  const used = new Set(
    destinations.map(({ inUse }) => inUse === null ? "" : table.paths[inUse]?.key ?? ""),
  );
  return measured
    .toSorted((a, b) =>
      Number(used.has(b.key)) - Number(used.has(a.key)) || (a.key < b.key ? -1 : 1)
    )
    .slice(0, PATHS_AT_MOST);
}

/** `10s`, `15m`, `24h`. */
function nameOf({ span_millis }: Window): string {
  const value = span_millis / 1000;
  return value < 60 ? `${value}s` : value < 3600 ? `${value / 60}m` : `${value / 3600}h`;
}
