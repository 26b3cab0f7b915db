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

export function heading(io: Io, title: string, explanation: readonly string[]): void {
  const bold = io.color ? `\x1b[1m${title}\x1b[0m` : title;
  io.out(`\n${bold}\n${paint("─".repeat(title.length), "quiet", io.color)}`);
  for (const line of explanation) io.out(paint(line, "quiet", io.color));
  io.out("");
}

export function indent(text: string): string {
  return text.split("\n").map((line) => line === "" ? "" : `  ${line}`).join("\n");
}
