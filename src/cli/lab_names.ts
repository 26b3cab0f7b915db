/** `labelway lab names`. */

import { findPlace } from "../lab/folder.ts";
import { layOut } from "../lab/layout.ts";
import { type Command, OK } from "./command.ts";
import { TOPOLOGY } from "./lab_up.ts";

export const labNames: Command = {
  name: "names",
  summary: "Print the names of a lab's sites, nodes or links, for a shell's completion",
  options: {},
  positional: [{ name: "KIND", help: "Of what", choices: ["site", "node", "link"] }, TOPOLOGY],
  examples: [["lab names node config/lab/four-sites.yaml", "Whatever `lab exec` can enter"]],
  run: async (args, io) => {
    const [kind, file = ""] = args.positional;
    const { topology, prefix } = await findPlace(file);
    const { nodes, links } = layOut(topology, prefix);
    const found = kind === "site" ? topology.sites : kind === "node" ? nodes : links;
    io.out(found.map(({ name }) => name).join("\n"));
    return OK;
  },
};
