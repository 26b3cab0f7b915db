/** `labelway lab restart`. */

import { findPlace } from "../lab/folder.ts";
import { restart } from "../lab/lab.ts";
import { type Command, OK } from "./command.ts";
import { TOPOLOGY, WAIT } from "./lab_up.ts";

export const labRestart: Command = {
  name: "restart",
  summary: "Start a site's router again, also one that was killed, and wait for it",
  options: { wait: WAIT },
  positional: [TOPOLOGY, { name: "SITE", help: "Whose router", names: "site" }],
  examples: [["lab restart config/lab/four-sites.yaml lisbon", "What a service manager would do"]],
  run: async (args, io) => {
    const [file = "", site = ""] = args.positional;
    const waitMillis = (args.number("wait") ?? 30) * 1000;
    await restart(await findPlace(file), site, waitMillis, (line) => io.err(line));
    return OK;
  },
};
