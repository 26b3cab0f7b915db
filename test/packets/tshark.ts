/** Packets recorded as hexadecimal, and tshark's reading of them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Recorded {
  readonly name: string;
  readonly hex: string;
}

/** A file of this folder. */
export function readPackets(file: string): Recorded[] {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8"));
}

/**
 * Has tshark decode IP packets, one row each. Of a field that occurs more than once, it gives all,
 * outermost first, with commas between them.
 */
export function decode<Field extends string>(
  hex: readonly string[],
  wanted: readonly Field[],
): Partial<Record<Field, string>>[] {
  const folder = mkdtempSync(join(tmpdir(), "labelway-packets-"));
  try {
    const file = join(folder, "packets.pcap");
    writeFileSync(file, pcap(hex.map((text) => Uint8Array.from(text.match(/../g) ?? [], parse))));
    const preferences = ["ip.check_checksum", "udp.check_checksum", "ip.defragment"].flatMap(
      (name) => ["-o", `${name}:${name === "ip.defragment" ? "FALSE" : "TRUE"}`],
    );
    const fields = wanted.flatMap((field) => ["-e", field]);
    const output = execFileSync("tshark", [
      "-r",
      file,
      ...preferences,
      ...["-T", "fields", "-E", "occurrence=a", "-E", "separator=|", ...fields],
    ], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return output.trimEnd().split("\n").map((line) => {
      const values = line.split("|");
      const row = wanted.map((field, index) => [field, values[index] ?? ""]);
      return Object.fromEntries(row) as Partial<Record<Field, string>>;
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function parse(byte: string): number {
  return Number.parseInt(byte, 16);
}

/** A capture file of raw IP packets (link type 101). */
function pcap(packets: Uint8Array[]): Uint8Array {
  const header = Uint32Array.of(0xa1b2c3d4, 0x00040002, 0, 0, 65535, 101);
  const parts: Uint8Array[] = [new Uint8Array(header.buffer)];
  for (const packet of packets) {
    const record = Uint32Array.of(0, 0, packet.length, packet.length);
    parts.push(new Uint8Array(record.buffer), packet);
  }
  return Buffer.concat(parts);
}
