/** `labelway lab up`. */

import { findPlace } from "../lab/folder.ts";
import { up } from "../lab/lab.ts";
import type { EmulatorKind } from "../lab/emulator.ts";
import { type Command, OK, type Option, type Positional } from "./command.ts";

export const TOPOLOGY: Positional = {
  name: "TOPOLOGY",
  help: "The lab's file, e.g. config/lab/four-sites.yaml",
};

export const WAIT: Option = {
  kind: "number",
  value: "SECONDS",
  help: "How long routers may take until their adjacencies are up (default 30)",
  least: 1,
};

export const EMULATOR: Option = {
  kind: "text",
  value: "KIND",
  help: "What delays and loses packets; by default netem where the kernel has it",
  choices: ["netem", "linkem"],
};

export const labUp: Command = {
  name: "up",
  summary: "Bring a lab up and wait until its routers are ready",
  details: "Takes away first what an earlier run of the same lab left, however it ended.\n" +
    "The lab stays up when the command has ended; `labelway lab down` removes it.",
  options: {
    emulator: EMULATOR,
    "no-routers": { kind: "flag", help: "Namespaces, addresses and links alone" },
    wait: WAIT,
  },
  positional: [TOPOLOGY],
  examples: [["lab up config/lab/four-sites.yaml", "Four sites with uplinks, NAT and LAN hosts"]],
  run: async (args, io) => {
    const place = await findPlace(args.positional[0] ?? "");
    await up(place, {
      emulator: args.text("emulator") as EmulatorKind | undefined,
      routers: !args.flag("no-routers"),
      waitMillis: (args.number("wait") ?? 30) * 1000,
      report: (line) => io.err(line),
      stop: io.interrupted(),
    });
    io.err(`The lab ${place.topology.lab} is up; its files are in ${place.folder}`);
    return OK;
  },
};
