/** What independent programs see: captures by tcpdump, decoded by tshark. */

import { run as attempt, runOrThrow as run } from "../io/command.ts";
import { LabError } from "./error.ts";
import type { LabState, Place } from "./folder.ts";
import { enter } from "./gateway.ts";
import { pause } from "./process.ts";

export interface Capture {
  readonly file: string;
  stop(): Promise<void>;
}

/** Captures until stopped. `device` may be `any`. */
export async function capture(
  place: Place,
  state: LabState,
  node: string,
  device: string,
  filter: readonly string[] = [],
): Promise<Capture> {
  const file = `${place.folder}/${node}.${device}.pcap`;
  // -Z root: tcpdump would give up its rights and then not be able to write into the folder.
  const argv = [
    ...enter(place, state, node),
    ...["tcpdump", "-n", "-U", "-Z", "root", "-i", device, "-B", "16384", "-w", file, ...filter],
  ];
  const [program = "", ...args] = argv;
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "piped" })
    .spawn();
  const said = listen(child.stderr);
  for (let waited = 0; !said.text.includes("listening on"); waited += 20) {
    if (waited > 5000) {
      child.kill("SIGKILL");
      throw new LabError([`tcpdump does not start on ${device} at ${node}: ${said.text.trim()}`]);
    }
    await pause(20);
  }
  return {
    file,
    stop: async () => {
      // What is in the kernel's buffer still has to reach the file.
      await pause(200);
      child.kill("SIGINT");
      await child.status;
      await said.done;
    },
  };
}

/** A packet's label stack as tshark reads it, outermost first. */
export interface LabelledPacket {
  /** Seconds since the epoch. */
  readonly time: number;
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly stack: readonly StackEntry[];
  /** Customer addresses, and the protocol's number. */
  readonly inner: {
    readonly source: string;
    readonly destination: string;
    readonly protocol: string;
  };
}

export interface StackEntry {
  readonly label: number;
  readonly trafficClass: number;
  readonly bottom: boolean;
  readonly ttl: number;
}

/** Labelled packets of a capture; `filter` in tshark's language. */
export async function decodeLabels(file: string, filter = "mpls"): Promise<LabelledPacket[]> {
  const fields = [
    ...["frame.time_epoch", "ip.src", "ip.dst", "udp.srcport"],
    ...["mpls.label", "mpls.exp", "mpls.bottom", "mpls.ttl"],
    ...["ipv6.src", "ipv6.dst", "ip.proto", "ipv6.nxt"],
  ];
  const text = await run([
    ...["tshark", "-n", "-r", file, "-Y", filter, "-T", "fields", "-E", "separator=\t"],
    ...["-E", "occurrence=a", "-E", "aggregator=,", "-d", "udp.port==6635,mpls"],
    ...fields.flatMap((field) => ["-e", field]),
  ]);
  return text.split("\n").filter((line) => line !== "").map(parseFields);
}

/** One line of `tshark -T fields` in the order that {@link decodeLabels} asks for. */
export function parseFields(line: string): LabelledPacket {
  const columns = line.split("\t").map((column) => column === "" ? [] : column.split(","));
  const column = (i: number) => columns[i] ?? [];
  const [, sources, destinations, ports] = [0, 1, 2, 3].map(column);
  const stack = column(4).map((label, i): StackEntry => ({
    label: Number(label),
    trafficClass: Number(column(5)[i]),
    bottom: ["1", "True", "true"].includes(column(6)[i] ?? ""),
    ttl: Number(column(7)[i]),
  }));
  return {
    time: Number(column(0)[0]),
    source: sources?.[0] ?? "",
    destination: destinations?.[0] ?? "",
    sourcePort: Number(ports?.[0] ?? 0),
    stack,
    inner: {
      source: column(8)[0] ?? sources?.[1] ?? "",
      destination: column(9)[0] ?? destinations?.[1] ?? "",
      protocol: column(11)[0] ?? column(10)[1] ?? "",
    },
  };
}

/** Protocols of a capture by tshark's own count: `wg` → packets, for all that ride on IP. */
export async function protocols(file: string): Promise<ReadonlyMap<string, number>> {
  const text = await run(["tshark", "-n", "-r", file, "-T", "fields", "-e", "frame.protocols"]);
  const counts = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    // Link layer and IP are told apart by nothing that matters here.
    const key = line.replace(/^(eth|sll|sll2|raw|null)(:ethertype)?:/, "");
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** How often the bytes of `marker` are in the file, whatever its format. */
export async function occurrences(file: string, marker: string): Promise<number> {
  const { stdout } = await attempt(["grep", "-a", "-o", "-F", marker, file]);
  return stdout.split("\n").filter((line) => line !== "").length;
}

function listen(stream: ReadableStream<Uint8Array>): { text: string; done: Promise<void> } {
  const heard = { text: "", done: Promise.resolve() };
  heard.done = (async () => {
    for await (const piece of stream.pipeThrough(new TextDecoderStream())) heard.text += piece;
  })();
  return heard;
}
