/** The peers by name, made ready: programs built, versions known. */

import { VERSION } from "../../../src/cli/program.ts";
import { output } from "../../../deploy/dev/run.ts";
import { buildGo, NEBULA, NEBULA_CERT, WIREGUARD_GO } from "../go.ts";
import { labelway } from "./labelway.ts";
import type { Peer, PeerName } from "./peer.ts";
import { nebula } from "./nebula.ts";
import { buildPlain, plain } from "./plain.ts";
import { tinc } from "./tinc.ts";
import { veth } from "./veth.ts";
import { wireguardGo } from "./wireguard_go.ts";

/** Groups of `deploy/dev/setup.ts` that a peer needs beside the benchmark's own. */
export const SETUP: Readonly<Record<PeerName, readonly string[]>> = {
  "veth": [],
  "labelway": [],
  "plain": [],
  "wireguard-go": ["bench-go"],
  "nebula-current": ["bench-go"],
  "nebula": ["bench-nebula"],
  "tinc": ["bench-tinc"],
};

export async function preparePeer(name: PeerName): Promise<Peer> {
  switch (name) {
    case "veth":
      return veth();
    case "labelway":
      return labelway(await ownVersion());
    case "plain":
      return plain(await buildPlain(), await ownVersion());
    case "wireguard-go":
      return wireguardGo(await buildGo(WIREGUARD_GO), WIREGUARD_GO.version);
    case "nebula-current":
      return nebula(name, NEBULA.version, {
        nebula: await buildGo(NEBULA),
        cert: await buildGo(NEBULA_CERT),
      });
    case "nebula":
      return nebula(name, `Debian's ${await debianVersion("nebula")}`, {
        nebula: "nebula",
        cert: "nebula-cert",
      });
    case "tinc":
      return tinc(`Debian's ${await debianVersion("tinc")}`);
  }
}

async function ownVersion(): Promise<string> {
  const commit = await output(["git", "describe", "--always", "--dirty"]);
  return commit === null ? VERSION : `${VERSION} (${commit.trim()})`;
}

async function debianVersion(name: string): Promise<string> {
  const version = await output(["dpkg-query", "-W", "-f", "${Version}", name]);
  return version ?? "(not from a Debian package)";
}
