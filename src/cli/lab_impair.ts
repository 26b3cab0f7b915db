/** `labelway lab impair`. */

import type { Direction, LinkState } from "../lab/emulator.ts";
import { closest } from "../config/suggest.ts";
import { findPlace, requireState } from "../lab/folder.ts";
import {
  type Change,
  conflict,
  formatImpairment,
  parseChanges,
  SETTINGS,
  WORDS,
} from "../lab/impairment.ts";
import { linkNames } from "../lab/layout.ts";
import { emulatorOf } from "../lab/lab.ts";
import { type Command, Failure, OK, UsageError } from "./command.ts";
import { TOPOLOGY } from "./lab_up.ts";

const SETTING_HELP = Object.entries(SETTINGS).map(([key, text]) => `${key}=${text}`).join(" ");

export const labImpair: Command = {
  name: "impair",
  summary: "Change how a lab's link behaves while it runs",
  details: `Changes are ${Object.keys(WORDS).join(", ")}, and any of ${SETTING_HELP}.\n` +
    "What is not named stays as it is. A cut is silent; an unplugged link has no carrier, at both\n" +
    "ends. up is from the site to the internet, or from the first\n" +
    "uplink of a pair to the second.",
  options: {
    direction: {
      kind: "text",
      value: "DIRECTION",
      help: "Which way (default both)",
      choices: ["up", "down", "both"],
    },
  },
  positional: [
    TOPOLOGY,
    { name: "LINK", help: "An uplink, e.g. lisbon.fibre, or a pair, a.isp~b.isp", names: "link" },
    { name: "CHANGE", help: "What becomes of it", many: true },
  ],
  examples: [
    ["lab impair config/lab/four-sites.yaml lisbon.fibre delay=30ms loss=2% rate=50mbit", "Worse"],
    ["lab impair config/lab/four-sites.yaml lisbon.fibre cut", "Gone, until heal"],
  ],
  run: async (args, io) => {
    const [file = "", link = "", ...words] = args.positional;
    const parsed = parseChanges(words);
    if ("problems" in parsed) throw new UsageError(parsed.problems);
    const place = await findPlace(file);
    const links = linkNames(place.topology);
    if (!links.includes(link)) {
      const guess = closest(link, links);
      const hint = guess === undefined ? `there are ${links.join(", ")}` : `did you mean ${guess}?`;
      throw new Failure([`There is no link ${link}; ${hint}`]);
    }
    const emulator = emulatorOf(place, await requireState(place));
    const direction = (args.text("direction") ?? "both") as Direction;
    const before = (await emulator.show()).find((shown) => shown.link === link);
    if (before !== undefined) refuseConflict(before, direction, parsed.change);
    await emulator.change(link, direction, parsed.change);
    const now = (await emulator.show()).find((shown) => shown.link === link);
    if (now !== undefined) {
      io.out(
        `${link}: up ${formatImpairment(now.up.impairment)}; ` +
          `down ${formatImpairment(now.down.impairment)}`,
      );
    }
    return OK;
  },
};

/** What is named may not fit what stays as it is. */
function refuseConflict(link: LinkState, direction: Direction, change: Change): void {
  const concerned = direction === "both" ? [link.up, link.down] : [link[direction]];
  for (const { impairment } of concerned) {
    const problem = conflict({ ...impairment, ...change });
    if (problem !== null) throw new Failure([`${link.link}: ${problem}`]);
  }
}
