/** Nothing in between: the kernel routes over the veth pairs. The limit of the machine. */

import { inNode, routeInKernel, type Stage } from "../stage.ts";
import { LAN, uplinkOf } from "../topology.ts";
import type { Peer } from "./peer.ts";

export function veth(): Peer {
  return { name: "veth", what: "kernel routing, no tunnel", start };
}

async function start(stage: Stage): Promise<void> {
  await routeInKernel(stage);
  const { topology } = stage;
  const [a, b] = [uplinkOf(topology, "a"), uplinkOf(topology, "b")];
  await inNode(stage, "a", "ip", "route", "add", LAN.b, "via", a.neighbourAddress);
  await inNode(stage, "b", "ip", "route", "add", LAN.a, "via", b.neighbourAddress);
  if (topology === "direct") return;
  await inNode(stage, "t", "ip", "route", "add", LAN.a, "via", a.address);
  await inNode(stage, "t", "ip", "route", "add", LAN.b, "via", b.address);
}
