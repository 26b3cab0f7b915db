/** What the scenes of the demo share. */

import type { LabState, Place } from "../lab/folder.ts";
import type { Io } from "./command.ts";
import { paint } from "./table.ts";

/** What each scene is given. */
export interface Stage {
  readonly place: Place;
  readonly state: LabState;
  readonly io: Io;
}

/** A demo: a lab, and what is shown in it. */
export interface Play {
  /** Said above the picture of the network. */
  readonly network: readonly string[];
  readonly showNetwork: (place: Place, io: Io) => void;
  /** With the lab up; throws where something is not as it should be. */
  readonly perform: (stage: Stage) => Promise<void>;
  /** For exploring: a lab command, and what follows the topology's name. */
  readonly tryThis: readonly (readonly [command: string, rest: string])[];
}

export function heading(io: Io, title: string, explanation: readonly string[]): void {
  const bold = io.color ? `\x1b[1m${title}\x1b[0m` : title;
  io.out(`\n${bold}\n${paint("─".repeat(title.length), "quiet", io.color)}`);
  for (const line of explanation) io.out(paint(line, "quiet", io.color));
  io.out("");
}

export function indent(text: string): string {
  return text.split("\n").map((line) => line === "" ? "" : `  ${line}`).join("\n");
}
