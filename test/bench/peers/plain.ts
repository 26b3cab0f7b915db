/**
 * The same program without labels: a native half that is built with the feature `plain` (see
 * native/forward/src/plain.rs), so that a customer's packet goes into WireGuard as it is. What
 * Labelway's labels cost is the difference between the two.
 *
 * Through t it is routed, by the engine: t decrypts, looks the destination up and encrypts. So t has
 * to know what lies behind a and b, and is a member of the segment.
 */

import { fail, status, step } from "../../../deploy/dev/run.ts";
import { LABEL_BYTES } from "../../../src/sr/labels.ts";
import { type Gateway, type TopologyName, UNDERLAY_MTU } from "../topology.ts";
import { network, startRouters } from "./labelway.ts";
import type { Peer } from "./peer.ts";

const NATIVE = new URL("../../../native/", import.meta.url).pathname;
/** Apart from the library that is shipped, which it must never take the place of. */
const TARGET = `${NATIVE}target/plain`;
/** Inner IPv4 and UDP: what is in front of the labels. */
const ENCAPSULATION_BYTES = 28;

export function plain(library: string, version: string): Peer {
  return {
    name: "plain",
    what: `${version} built without labels, MTU 1420, through t routed by the engine`,
    start: (stage) => startRouters(stage, plainNetwork(stage.topology, stage.gateways), library),
  };
}

/**
 * Labelway's file with t as a member. The program takes room for the labels off the MTU of an
 * uplink; so that a segment has WireGuard's 1,420 bytes, the file gives that room on top.
 */
export function plainNetwork(topology: TopologyName, gateways: readonly Gateway[]): string {
  const labels = topology === "direct" ? 1 : 2;
  return network(topology, gateways, {
    mtu: UNDERLAY_MTU + ENCAPSULATION_BYTES + labels * LABEL_BYTES,
    lanOfT: "10.3.0.0/24",
  });
}

/** Answers the library's path; ends this program where it cannot be built. */
export async function buildPlain(): Promise<string> {
  step("Building the native half without labels (cargo build --release --features plain)");
  const what = ["--package", "labelway-ffi", "--features", "plain", "--target-dir", TARGET];
  const code = await status(["cargo", "build", "--release", "--locked", ...what], { cwd: NATIVE });
  if (code !== 0) fail("Cannot build the native half without labels; leave it out with --peers");
  return `${TARGET}/release/liblabelway.so`;
}
