/** `labelway check FILE`. */

import { formatProblem, parseNetwork } from "../config/mod.ts";
import { readTextFile } from "../io/files.ts";
import type { Network } from "../model/network.ts";
import { countOf } from "../model/quantity.ts";
import { adjacencies } from "../te/topology.ts";
import { type Command, FAILED, OK } from "./command.ts";
import { FILE } from "./network_file.ts";
import { outputOptions, printAs } from "./output.ts";
import { renderPairs } from "./table.ts";

export const check: Command = {
  name: "check",
  summary: "Check the network's file and say everything that is wrong with it",
  details:
    "Problems and warnings are printed as file:line:column: what is wrong, what is accepted\n" +
    "there. Warnings do not fail the check.",
  options: outputOptions,
  positional: [FILE],
  examples: [
    ["check network.yaml", "Before the file goes to the gateways"],
    ["check network.yaml --json", "Problems with their positions, for a program"],
  ],
  run: async (args, io) => {
    const file = args.positional[0]!;
    const result = parseNetwork(await readTextFile(file), file);
    const { network, problems = [], warnings } = result;
    const summary = network ? summarise(network) : null;
    await printAs(args, io, { ok: network !== undefined, ...summary, problems, warnings }, () =>
      [
        ...problems.map(formatProblem),
        ...warnings.map((warning) => `${formatProblem(warning)} (warning)`),
        summary
          ? renderPairs(
            [
              ["file", { text: "ok", tone: "good" }],
              ["network", summary.network],
              ["generation", summary.generation],
              ["sites", String(summary.sites)],
              ["uplinks", String(summary.uplinks)],
              ["adjacencies", String(summary.adjacencies)],
              ["segments", String(summary.segments)],
              ["policies", String(summary.policies)],
              ...(warnings.length > 0
                ? [["warnings", { text: String(warnings.length), tone: "warn" }] as const]
                : []),
            ],
            io,
          )
          : `${countOf(problems.length, "problem")} in ${file}`,
      ].join("\n"));
    return network ? OK : FAILED;
  },
};

function summarise(network: Network) {
  return {
    network: network.name,
    generation: network.generation,
    sites: network.sites.length,
    uplinks: network.sites.reduce((count, site) => count + site.uplinks.length, 0),
    // Each pair of uplinks is an adjacency in both directions, and one to a person.
    adjacencies: adjacencies(network).length / 2,
    segments: network.segments.length,
    policies: network.policies.length,
  };
}
