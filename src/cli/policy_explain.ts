/** `labelway policy explain`. */

import type { Explanation } from "../api/schema.ts";
import { dscpName, protocolName } from "../match/words.ts";
import { connect, socketOption } from "./client.ts";
import { type Command, type Io, type Option, UsageError } from "./command.ts";
import { livenessCell } from "./liveness.ts";
import { outputOptions, show, watchOption } from "./output.ts";
import { formatSlo } from "./policies.ts";
import { formatMicros, formatShare, formatSpan, NONE } from "./quantity.ts";
import { type Cell, renderPairs, renderTable } from "./table.ts";

const text = (value: string, help: string): Option => ({ kind: "text", value, help });

export const policyExplain: Command = {
  name: "explain",
  summary: "Say which policy takes a packet, its path in use, and why no other is",
  details:
    "For a packet that enters the overlay at this site. What is not given is assumed and told.\n" +
    "* marks the path in use; loss ↑ is from here to there, ↓ back. BY HOPS is the sum of what the\n" +
    "sites on the way measure on their own adjacencies, and its difference to RTT.",
  options: {
    src: text("ADDRESS", "The sender"),
    dst: text("ADDRESS", "The receiver"),
    dport: text("PORT", "Destination port"),
    sport: text("PORT", "Source port (else 49152)"),
    proto: text("PROTOCOL", "IP protocol, by number or name (else tcp)"),
    dscp: text("DSCP", "By number or name (else 0)"),
    segment: text("NAME", "The segment, where several have the address"),
    at: text("TIME", "As if it were this time, ISO 8601 with its zone"),
    ...outputOptions,
    ...watchOption,
    ...socketOption,
  },
  positional: [],
  examples: [
    ["policy explain --src 10.1.0.5 --dst 10.2.0.7 --dport 443", "Where web traffic goes now"],
    ["policy explain --src 10.1.8.5 --dst 10.2.8.7 --proto udp --dport 20000 --dscp ef", "A call"],
  ],
  run: async (args, io) => {
    const names = ["src", "dst", "dport", "sport", "proto", "dscp", "segment", "at"];
    const query = Object.fromEntries(names.map((name) => [name, args.text(name)]));
    const missing = ["src", "dst"].filter((name) => query[name] === undefined);
    if (missing.length > 0) {
      throw new UsageError(
        missing.map((name) => `Option --${name} is missing: --${name} ADDRESS`),
      );
    }
    const client = connect(args, io);
    return await show(
      args,
      io,
      () => client.get<Explanation>("/v1/policies/explain", query),
      (value) => renderExplanation(value, io),
    );
  },
};

export function renderExplanation(value: Explanation, io: Pick<Io, "columns" | "color">): string {
  const { packet } = value;
  const port = (number: number | null) => number === null ? "" : ` port ${number}`;
  const from = `${packet.source}${port(packet.sourcePort)}`;
  const to = `${packet.destination}${port(packet.destinationPort)}`;
  const pairs = renderPairs([
    [
      "packet",
      `${protocolName(packet.protocol)} from ${from} to ${to}, DSCP ${dscpName(packet.dscp)}`,
    ],
    [
      "way",
      `segment ${packet.segment}, from ${packet.ingress} to ${packet.egress} (${packet.prefix})`,
    ],
    ...(value.assumed.length > 0 ? [["assumed", value.assumed.join("; ")] as const] : []),
    ["policy", value.policy ?? "none matches"],
    ["action", value.action],
    ...formatSlo(value).map((line) => ["", line] as const),
    [
      "in use",
      value.inUse !== null ? { text: value.inUse, tone: "good" as const } : {
        text: value.verdict === "drop" ? "dropped by the policy" : "nothing is up",
        tone: "bad" as const,
      },
    ],
  ], io);
  const passed = value.asked.filter(({ why }) => why.length > 0);
  const lines = passed.length === 0 ? [] : [
    "",
    "Policies that do not match:",
    ...passed.map(({ name, why }) => `  ${name}: ${why.join("; ")}`),
  ];
  return [pairs, ...lines, ...(value.paths.length === 0 ? [] : ["", paths(value, io)])].join("\n");
}

const TONES = {
  meets: "good",
  recovering: "warn",
  breaks: "bad",
  unknown: "quiet",
  suppressed: "bad",
  dead: "bad",
} as const;

/** `0.1 %`, or each direction where they differ: `0 % ↑ 5 % ↓`. */
function formatLoss({ lossForward, lossBackward }: Explanation["paths"][number]): string {
  if (lossForward === null || lossBackward === null) return NONE;
  return lossForward === lossBackward
    ? formatShare(lossForward)
    : `${formatShare(lossForward)} ↑ ${formatShare(lossBackward)} ↓`;
}

/** `12.9 ms`, and how much more that is than what the path as a whole measures: `12.9 ms +3 %`. */
function formatByHops({ rttMicros, rttByHopsMicros }: Explanation["paths"][number]): string {
  if (rttByHopsMicros === null) return NONE;
  const sum = formatMicros(rttByHopsMicros);
  if (rttMicros === null || rttMicros === 0) return sum;
  const percent = Math.round((rttByHopsMicros / rttMicros - 1) * 100);
  return `${sum} ${percent < 0 ? "−" : "+"}${Math.abs(percent)} %`;
}

function paths({ paths }: Explanation, io: Pick<Io, "columns" | "color">): string {
  const composed = paths.some(({ rttByHopsMicros }) => rttByHopsMicros !== null);
  const columns = [
    { title: "RANK" },
    { title: "PATH", shrinks: true },
    { title: "STATE" },
    { title: "SLO" },
    { title: "RTT", right: true },
    ...(composed ? [{ title: "BY HOPS", right: true }] : []),
    { title: "JITTER", right: true },
    { title: "LOSS", right: true },
    { title: "COST", right: true },
    { title: "AGE", right: true },
    { title: "WHY NOT", shrinks: true },
    { title: "IN USE WHEN", shrinks: true },
  ];
  const rows = paths.map((path): Cell[] => [
    path.inUse ? { text: `* ${path.rank}`, tone: "good" } : `  ${path.rank}`,
    path.key,
    livenessCell(path.state),
    { text: path.verdict, tone: TONES[path.verdict] },
    formatMicros(path.rttMicros),
    ...(composed ? [formatByHops(path)] : []),
    formatMicros(path.jitterMicros),
    formatLoss(path),
    String(path.cost),
    path.ageMillis === null ? NONE : path.ageMillis < 1000 ? "now" : formatSpan(path.ageMillis),
    path.why ?? "",
    { text: path.wins ?? "", tone: "quiet" },
  ]);
  return renderTable(columns, rows, io);
}
