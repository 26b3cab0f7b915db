/** Real traffic between nodes, by iperf3 and ping, and what they say about it. */

import { run as attempt } from "../io/command.ts";
import { LabError } from "./error.ts";
import { type LabState, type Place } from "./folder.ts";
import { enter } from "./gateway.ts";
import { pause } from "./process.ts";

export interface Flow {
  readonly from: string;
  readonly to: string;
  /** Of `to`. */
  readonly address: string;
  readonly port: number;
  readonly protocol: "tcp" | "udp";
  readonly seconds: number;
  /** UDP: what is sent; TCP: at most that much. */
  readonly mbit?: number;
  /** Sent as the payload, over and over. */
  readonly payload?: string;
  /** Connections beside each other; one unless given. */
  readonly streams?: number;
  /** Runs before `seconds` and does not count in the rate. */
  readonly warmUpSeconds?: number;
}

export interface FlowResult {
  readonly receivedMbit: number;
  /** All that was sent, the warm-up too; null where the report has no intervals. */
  readonly sentBytes: number | null;
  readonly retransmits: number | null;
  readonly lossPercent: number | null;
  readonly jitterMillis: number | null;
}

/** One iperf3 run from node to node. */
export async function send(place: Place, state: LabState, flow: Flow): Promise<FlowResult> {
  const { from, to, address, port, seconds } = flow;
  const server = start([...enter(place, state, to), "iperf3", "-s", "-1", "-p", String(port)]);
  try {
    await listening(place, state, to, port);
    const shape = flow.protocol === "udp"
      ? ["-u", "-b", `${flow.mbit ?? 10}M`, "-l", "1200"]
      : flow.mbit === undefined
      ? []
      : ["-b", `${flow.mbit}M`];
    const payload = flow.payload === undefined ? [] : ["-F", flow.payload];
    const streams = flow.streams === undefined ? [] : ["-P", String(flow.streams)];
    const omit = flow.warmUpSeconds === undefined ? [] : ["-O", String(flow.warmUpSeconds)];
    const argv = [
      ...enter(place, state, from),
      ...["iperf3", "-J", "-c", address, "-p", String(port), "-t", String(seconds)],
      ...["--connect-timeout", "5000", ...shape, ...payload, ...streams, ...omit],
    ];
    const { stdout, stderr } = await attempt(argv);
    const result = parseIperf(stdout);
    if (typeof result !== "string") return result;
    throw new LabError([
      `No ${flow.protocol} from ${from} to ${to} (${address} port ${port}): ${result} ${stderr}`
        .trim(),
    ]);
  } finally {
    await stop(server);
  }
}

/** What `iperf3 -J` says, or its error. */
export function parseIperf(text: string): FlowResult | string {
  let report: IperfReport;
  try {
    report = JSON.parse(text) as IperfReport;
  } catch {
    return "iperf3 said nothing that could be read";
  }
  if (report.error !== undefined) return report.error;
  const { end, intervals } = report;
  const sentBytes = intervals?.reduce((bytes, { sum }) => bytes + sum.bytes, 0) ?? null;
  if (end?.sum !== undefined) {
    const { bits_per_second, lost_percent, jitter_ms } = end.sum;
    // The sum speaks of what was sent.
    const receivedMbit = bits_per_second * (1 - lost_percent / 100) / 1e6;
    return {
      receivedMbit,
      sentBytes,
      retransmits: null,
      lossPercent: lost_percent,
      jitterMillis: jitter_ms,
    };
  }
  if (end?.sum_received === undefined) return "iperf3 ended before it measured anything";
  return {
    receivedMbit: end.sum_received.bits_per_second / 1e6,
    sentBytes,
    retransmits: end.sum_sent?.retransmits ?? null,
    lossPercent: null,
    jitterMillis: null,
  };
}

export interface PingResult {
  readonly sent: number;
  readonly received: number;
  readonly lossPercent: number;
  readonly rttMillis: { readonly median: number; readonly max: number } | null;
  /** Longest time between two replies, less the interval between two requests. */
  readonly longestGapMillis: number;
  /** In the order in which they came. */
  readonly replies: readonly { readonly atMillis: number; readonly rttMillis: number }[];
}

export interface PingOptions {
  readonly count: number;
  readonly intervalMillis: number;
  /** Sixteen bytes that fill the payload. */
  readonly marker?: string;
  readonly more?: readonly string[];
}

/** Pings from a node, however long it takes. */
export async function ping(
  place: Place,
  state: LabState,
  from: string,
  address: string,
  options: PingOptions,
): Promise<PingResult> {
  const { count, intervalMillis, marker, more } = options;
  const pattern = marker === undefined ? [] : ["-p", hex(marker)];
  const { stdout } = await attempt([
    ...enter(place, state, from),
    ...["ping", "-n", "-D", "-c", String(count), "-i", String(intervalMillis / 1000), "-W", "2"],
    ...pattern,
    ...(more ?? []),
    address,
  ]);
  return parsePing(stdout, intervalMillis);
}

/** What `ping -D` says: a line a reply, with the time at which it came. */
export function parsePing(text: string, intervalMillis: number): PingResult {
  const replies = [...text.matchAll(/^\[(\d+\.\d+)\].*time=([\d.]+) ms/gm)].map(
    ([, at, rtt]) => ({ atMillis: Number(at) * 1000, rttMillis: Number(rtt) }),
  );
  const sent = Number(/(\d+) packets transmitted/.exec(text)?.[1] ?? 0);
  const gaps = replies.slice(1).map(({ atMillis }, i) =>
    atMillis - (replies[i]?.atMillis ?? atMillis) - intervalMillis
  );
  const rtts = replies.map(({ rttMillis }) => rttMillis);
  return {
    sent,
    received: replies.length,
    lossPercent: sent === 0 ? 100 : 100 * (sent - replies.length) / sent,
    rttMillis: rtts.length === 0 ? null : { median: median(rtts), max: Math.max(...rtts) },
    longestGapMillis: gaps.reduce((longest, gap) => Math.max(longest, gap), 0),
    replies,
  };
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

interface IperfReport {
  readonly error?: string;
  readonly intervals?: readonly { readonly sum: { readonly bytes: number } }[];
  readonly end?: {
    readonly sum?: { bits_per_second: number; lost_percent: number; jitter_ms: number };
    readonly sum_received?: { bits_per_second: number };
    readonly sum_sent?: { retransmits?: number };
  };
}

function start(argv: readonly string[]): Deno.ChildProcess {
  const [program = "", ...args] = argv;
  return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
}

async function stop(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGTERM");
  } catch {
    // It has ended by itself, as it should after one client.
  }
  await child.status;
}

/** Until the server listens: its port appears in the node's table of sockets. */
async function listening(place: Place, state: LabState, node: string, port: number): Promise<void> {
  const files = ["/proc/net/tcp", "/proc/net/tcp6"];
  const wanted = new RegExp(`:${port.toString(16).padStart(4, "0")} [0-9A-F:]+ 0A `, "i");
  for (let tries = 0; tries < 100; tries++) {
    const { stdout } = await attempt([...enter(place, state, node), "cat", ...files]);
    if (wanted.test(stdout)) return;
    await pause(20);
  }
  throw new LabError([`iperf3 does not listen on port ${port} at ${node}`]);
}

function hex(text: string): string {
  return [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}
