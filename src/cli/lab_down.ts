/** `labelway lab down`. */

import { findPlace } from "../lab/folder.ts";
import { down } from "../lab/lab.ts";
import { type Command, OK } from "./command.ts";
import { TOPOLOGY } from "./lab_up.ts";

export const labDown: Command = {
  name: "down",
  summary: "End everything that belongs to a lab and remove it",
  details: "Processes are ended by what was recorded of them (pid and start time) and by the\n" +
    "namespaces they are in, never by their names.",
  options: {},
  positional: [TOPOLOGY],
  examples: [["lab down config/lab/four-sites.yaml", "Also after a run that was killed"]],
  run: async (args, io) => {
    const place = await findPlace(args.positional[0] ?? "");
    const removed = await down(place);
    io.err(
      removed === 0
        ? `The lab ${place.topology.lab} was not up`
        : `The lab ${place.topology.lab} is gone: ${removed} namespaces`,
    );
    return OK;
  },
};
