/** The demo's first scenes: what there is, and which paths follow from it. */

import { runOrThrow } from "../io/command.ts";
import type { Place } from "../lab/folder.ts";
import { labelway } from "../lab/program.ts";
import { enter } from "../lab/gateway.ts";
import { formatImpairment } from "../lab/impairment.ts";
import { bare } from "../lab/layout.ts";
import type { Io } from "./command.ts";
import { indent, type Stage } from "./lab_demo_stage.ts";
import { paint, renderTable } from "./table.ts";

export function showNetwork(place: Place, io: Io): void {
  const columns = [
    { title: "UPLINK" },
    { title: "ADDRESS" },
    { title: "TO THE INTERNET" },
    { title: "FROM THE INTERNET" },
    { title: "WIREGUARD" },
  ];
  const rows = place.topology.sites.flatMap((site) =>
    site.uplinks.map((uplink) => [
      `${site.name}.${uplink.name}`,
      bare(uplink.addresses[0] ?? "") + (uplink.nat === null ? "" : ` (NAT: ${bare(uplink.nat)})`),
      formatImpairment(uplink.up),
      formatImpairment(uplink.down),
      site.wireguard,
    ])
  );
  io.out(indent(renderTable(columns, rows, io)));
}

/** The command that an operator would type, and what it says. */
export async function showPaths(stage: Stage, at: string, to: string): Promise<void> {
  await showCommand(stage, at, ["paths", to]);
}

export async function showCommand(
  { place, state, io }: Stage,
  at: string,
  words: readonly string[],
): Promise<void> {
  const argv = [...enter(place, state, at), ...labelway(place.folder), ...words];
  const text = await runOrThrow(argv);
  io.out(`  ${paint(`${at}#`, "quiet", io.color)} labelway ${words.join(" ")}`);
  io.out(`${indent(text.trimEnd())}\n`);
}
