/** The Prometheus text format, version 0.0.4. Base units: seconds, bytes, shares. */

import type { LabelState, Measured, ThreadState } from "../model/boundary.ts";
import { counter, type Family, formatFamily, gauge, seconds } from "./families.ts";
import { measuredFamilies } from "./measured_metrics.ts";
import { measured, type Observation } from "./observation.ts";

export function metricsText(
  observation: Observation,
  labels: readonly LabelState[],
  windows: readonly Measured[],
): string {
  const { state, snapshot, now, startedAt } = observation;
  const { table } = state;
  const adjacencies = table.adjacencies.map((adjacency) => ({
    labels: {
      adjacency: adjacency.key,
      site: observation.siteBySid.get(adjacency.remote_site) ?? "",
      uplink: table.uplinks[adjacency.uplink]?.key ?? "",
    },
    live: observation.adjacencies.get(adjacency.key),
  }));
  const paths = state.candidates.map((candidate) => ({
    labels: { path: candidate.key, site: candidate.egress },
    quality: measured(observation, candidate).quality,
    live: observation.lists.get(candidate.key),
  }));
  const families: Family[] = [
    gauge("labelway_info", "What runs here; always 1", [[{
      network: state.network.name,
      site: state.site.name,
      version: observation.version,
      backend: state.backend,
      generation: table.generation,
    }, 1]]),
    gauge("labelway_uptime_seconds", "Since the start of the process", [
      [{}, (now - startedAt) / 1000],
    ]),
    gauge("labelway_ready", "1: packets are forwarded by this generation", [
      [{}, snapshot.generation === table.generation ? 1 : 0],
    ]),
    gauge("labelway_warnings", "Things that do not work and are tried again", [
      [{}, state.warnings.length],
    ]),
    counter("labelway_table_swaps_total", "Forwarding tables put in use", [[{}, snapshot.swaps]]),
    gauge(
      "labelway_adjacency_up",
      "1: up",
      adjacencies.map(({ labels, live }) => [
        labels,
        live?.quality.state === "up" ? 1 : 0,
      ]),
    ),
    gauge(
      "labelway_adjacency_rtt_seconds",
      "Median round trip",
      adjacencies.map((one) => [
        one.labels,
        seconds(one.live?.quality.rtt_micros),
      ]),
    ),
    gauge(
      "labelway_adjacency_jitter_seconds",
      "Of the round trip",
      adjacencies.map((one) => [
        one.labels,
        seconds(one.live?.quality.jitter_micros),
      ]),
    ),
    gauge(
      "labelway_adjacency_loss_ratio",
      "Share of probes without reply",
      adjacencies.map((one) => [
        one.labels,
        one.live?.quality.loss,
      ]),
    ),
    gauge(
      "labelway_adjacency_generation_differs",
      "1: the neighbour runs another",
      adjacencies.map(
        ({ labels, live }) => {
          const told = live?.remote_generation ?? null;
          return [labels, told === null ? undefined : told === table.generation ? 0 : 1];
        },
      ),
    ),
    counter(
      "labelway_adjacency_downs_total",
      "Times it went down",
      adjacencies.map((one) => [
        one.labels,
        one.live?.quality.downs ?? 0,
      ]),
    ),
    counter(
      "labelway_adjacency_packets_total",
      "Inner packets",
      adjacencies.flatMap((one) => [
        [{ ...one.labels, direction: "tx" }, one.live?.tx_packets ?? 0],
        [{ ...one.labels, direction: "rx" }, one.live?.rx_packets ?? 0],
      ]),
    ),
    counter(
      "labelway_adjacency_bytes_total",
      "Inner bytes",
      adjacencies.flatMap((one) => [
        [{ ...one.labels, direction: "tx" }, one.live?.tx_bytes ?? 0],
        [{ ...one.labels, direction: "rx" }, one.live?.rx_bytes ?? 0],
      ]),
    ),
    gauge(
      "labelway_path_up",
      "1: up",
      paths.map(({ labels, quality }) => [
        labels,
        quality.state === "up" ? 1 : 0,
      ]),
    ),
    gauge(
      "labelway_path_rtt_seconds",
      "Median round trip",
      paths.map(({ labels, quality }) => [
        labels,
        seconds(quality.rtt_micros),
      ]),
    ),
    gauge(
      "labelway_path_jitter_seconds",
      "Of the round trip",
      paths.map(({ labels, quality }) => [
        labels,
        seconds(quality.jitter_micros),
      ]),
    ),
    gauge(
      "labelway_path_loss_ratio",
      "Share of probes without reply",
      paths.map((one) => [
        one.labels,
        one.quality.probes_sent === 0 ? undefined : one.quality.loss,
      ]),
    ),
    counter(
      "labelway_path_packets_total",
      "Customer packets put on it",
      paths.map((one) => [
        one.labels,
        one.live?.tx_packets ?? 0,
      ]),
    ),
    counter(
      "labelway_path_bytes_total",
      "Customer bytes put on it",
      paths.map((one) => [
        one.labels,
        one.live?.tx_bytes ?? 0,
      ]),
    ),
    ...measuredFamilies(observation, windows),
    counter(
      "labelway_segment_packets_total",
      "LAN packets",
      snapshot.segments.flatMap((one) => [
        [{ segment: one.name, direction: "ingress" }, one.ingress_packets],
        [{ segment: one.name, direction: "egress" }, one.egress_packets],
      ]),
    ),
    counter(
      "labelway_segment_bytes_total",
      "LAN bytes",
      snapshot.segments.flatMap((one) => [
        [{ segment: one.name, direction: "ingress" }, one.ingress_bytes],
        [{ segment: one.name, direction: "egress" }, one.egress_bytes],
      ]),
    ),
    counter(
      "labelway_thread_packets_total",
      "Packets taken by a thread of the engine: from LANs (ingress) or neighbours (underlay)",
      snapshot.threads.map((one) => [thread(one), one.packets]),
    ),
    counter(
      "labelway_thread_bytes_total",
      "Bytes of those packets",
      snapshot.threads.map((one) => [thread(one), one.bytes]),
    ),
    counter(
      "labelway_label_packets_total",
      "Packets that came under it",
      labels.map((one) => [
        { label: String(one.label) },
        one.packets,
      ]),
    ),
    counter(
      "labelway_label_bytes_total",
      "Bytes that came under it",
      labels.map((one) => [
        { label: String(one.label) },
        one.bytes,
      ]),
    ),
    counter(
      "labelway_dropped_packets_total",
      "Packets dropped",
      Object.entries(snapshot.drops).map(
        ([reason, packets]) => [{ reason }, packets],
      ),
    ),
  ];
  return families.map(formatFamily).join("");
}

function thread(one: ThreadState): Record<string, string> {
  return { thread: one.name, direction: one.direction };
}
