/** `labelway policies`. */

import type { Policies, PolicyAnswer } from "../api/schema.ts";
import { dscpName, protocolName } from "../match/words.ts";
import { connect, socketOption } from "./client.ts";
import type { Command, Io } from "./command.ts";
import { livenessCell } from "./liveness.ts";
import { outputOptions, show, watchOption } from "./output.ts";
import { formatBitRate, formatMicros, formatShare } from "./quantity.ts";
import { type Cell, paint, renderTable } from "./table.ts";

export const policies: Command = {
  name: "policies",
  summary: "Show what each policy matches, its ranked paths, and which is in use now",
  details: "The first policy that matches a packet decides. * marks the path in use.",
  options: { ...outputOptions, ...watchOption, ...socketOption },
  positional: [],
  examples: [["policies", "Each with its destinations"]],
  run: async (args, io) => {
    const client = connect(args, io);
    return await show(
      args,
      io,
      () => client.get<Policies>("/v1/policies"),
      (value) => renderPolicies(value, io),
    );
  },
};

export function renderPolicies(value: Policies, io: Pick<Io, "columns" | "color">): string {
  return value.policies.map((policy) => renderPolicy(policy, io)).join("\n\n");
}

function renderPolicy(policy: PolicyAnswer, io: Pick<Io, "columns" | "color">): string {
  const title = `${policy.name ?? "(no policy)"}: ${policy.action}`;
  const slo = formatSlo(policy);
  const matches = paint(`matches ${formatMatch(policy)}`, "quiet", io.color);
  const rows = policy.destinations.flatMap(({ segment, egress, verdict, paths }): Cell[][] => {
    if (verdict === "drop") return [[segment, egress, "", { text: "drop", tone: "warn" }]];
    if (paths.length === 0) return [[segment, egress, "", { text: "no path", tone: "bad" }]];
    return paths.map((path): Cell[] => [
      path.rank === 1 ? segment : "",
      path.rank === 1 ? egress : "",
      path.inUse ? { text: `* ${path.rank}`, tone: "good" } : `  ${path.rank}`,
      path.key,
      livenessCell(path.state),
      formatMicros(path.rttMicros),
      // One that is up and not in use has a better one before it in this very table.
      {
        text: path.state === "up" ? path.inUse ? "" : "standby" : path.reason ?? "",
        tone: "quiet",
      },
    ]);
  });
  const columns = [
    { title: "SEGMENT" },
    { title: "TO" },
    { title: "RANK" },
    { title: "PATH", shrinks: true },
    { title: "STATE" },
    { title: "RTT", right: true },
    { title: "WHY NOT", shrinks: true },
  ];
  const away = policy.holds ? [] : [paint("It does not hold at this time.", "warn", io.color)];
  const table = rows.length === 0
    ? "It concerns no segment that this site has."
    : renderTable(columns, rows, io);
  return [title, matches, ...slo.map((line) => paint(line, "quiet", io.color)), ...away, table]
    .join("\n");
}

/** What a path has to keep to, if anything. */
export function formatSlo({ class: judged }: Pick<PolicyAnswer, "class">): string[] {
  if (judged === null) return [];
  const { latencyMicros, jitterMicros, loss, bandwidthBitsPerSecond } = judged.slo;
  const parts = [
    ["latency", latencyMicros === null ? null : formatMicros(latencyMicros)],
    ["jitter", jitterMicros === null ? null : formatMicros(jitterMicros)],
    ["loss", loss === null ? null : formatShare(loss)],
    ["bandwidth", bandwidthBitsPerSecond === null ? null : formatBitRate(bandwidthBitsPerSecond)],
  ] as const;
  const given = parts.filter(([, value]) => value !== null);
  return given.length === 0 ? [] : [`SLO ${given.map((pair) => pair.join(" ")).join(", ")}`];
}

export function formatMatch({ name, match }: Pick<PolicyAnswer, "name" | "match">): string {
  if (name === null) return "what no policy above does";
  const ports = (ranges: readonly { low: number; high: number }[]) =>
    ranges.map(({ low, high }) => low === high ? `${low}` : `${low}-${high}`).join(", ");
  const parts = [
    ["segment", match.segment],
    ["from", match.sources.join(" or ")],
    ["to", match.destinations.join(" or ")],
    ["application", match.applications.join(" or ")],
    ["DSCP", match.dscps.map(dscpName).join(" or ")],
    ["protocol", match.protocols.map(protocolName).join(" or ")],
    ["source ports", ports(match.sourcePorts)],
    ["ports", ports(match.destinationPorts)],
    ["time", match.time],
  ] as const;
  const given = parts.filter(([, value]) => value !== null && value !== "");
  return given.length === 0 ? "everything" : given.map((pair) => pair.join(" ")).join("; ");
}
