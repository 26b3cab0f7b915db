/** `labelway lab exec`. */

import { findPlace, requireState } from "../lab/folder.ts";
import { enter } from "../lab/gateway.ts";
import { layOut } from "../lab/layout.ts";
import { closest } from "../config/suggest.ts";
import { type Command, Failure } from "./command.ts";
import { TOPOLOGY } from "./lab_up.ts";

export const labExec: Command = {
  name: "exec",
  summary: "Run a command inside a node of a lab",
  details:
    "Nodes are sites (lisbon), LAN hosts (lisbon.office), NAT routers (cabin.lte.nat) and\n" +
    "the internet. Inside a site, `labelway` and `wg` talk to that site's router.",
  options: {},
  positional: [TOPOLOGY, { name: "NODE", help: "Whose network the command sees", names: "node" }],
  rest: { name: "COMMAND…", help: "What to run, with its arguments" },
  examples: [
    ["lab exec config/lab/four-sites.yaml lisbon -- labelway paths", "Paths that lisbon sees"],
    ["lab exec config/lab/four-sites.yaml lisbon.office -- ping 10.2.0.10", "Host to host"],
  ],
  run: async (args) => {
    const [file = "", node = ""] = args.positional;
    const place = await findPlace(file);
    const state = await requireState(place);
    const nodes = layOut(place.topology, place.prefix).nodes.map(({ name }) => name);
    if (!nodes.includes(node)) {
      const guess = closest(node, nodes);
      const hint = guess === undefined ? `there are ${nodes.join(", ")}` : `did you mean ${guess}?`;
      throw new Failure([`There is no node ${node}; ${hint}`]);
    }
    const command = args.rest.length > 0 ? args.rest : [Deno.env.get("SHELL") ?? "/bin/sh"];
    const [program = "", ...words] = [...enter(place, state, node), ...command];
    const path = `${place.folder}/bin:${Deno.env.get("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin"}`;
    const child = new Deno.Command(program, { args: words, env: { PATH: path } }).spawn();
    // Ctrl-C reaches both; what the command makes of it decides.
    const ignore = () => {};
    Deno.addSignalListener("SIGINT", ignore);
    const { code } = await child.status;
    Deno.removeSignalListener("SIGINT", ignore);
    return code;
  },
};
