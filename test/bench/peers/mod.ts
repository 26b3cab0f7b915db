/** The peers by name, made ready: programs built, versions known. */

import { VERSION } from "../../../src/cli/program.ts";
import { output } from "../../../deploy/dev/run.ts";
import { buildGo, WIREGUARD_GO } from "../go.ts";
import { labelway } from "./labelway.ts";
import type { Peer, PeerName } from "./peer.ts";
import { veth } from "./veth.ts";
import { wireguardGo } from "./wireguard_go.ts";

/** Groups of `deploy/dev/setup.ts` that a peer needs beside the benchmark's own. */
export const SETUP: Readonly<Record<PeerName, readonly string[]>> = {
  "veth": [],
  "labelway": [],
  "wireguard-go": ["bench-go"],
};

export async function preparePeer(name: PeerName): Promise<Peer> {
  switch (name) {
    case "veth":
      return veth();
    case "labelway": {
      const commit = await output(["git", "describe", "--always", "--dirty"]);
      return labelway(commit === null ? VERSION : `${VERSION} (${commit.trim()})`);
    }
    case "wireguard-go":
      return wireguardGo(await buildGo(WIREGUARD_GO), WIREGUARD_GO.version);
  }
}
