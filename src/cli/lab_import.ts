/** `labelway lab import`. */

import { basename, extname } from "node:path";
import { createFiles, readTextFile } from "../io/files.ts";
import { parseGml } from "../lab/import/gml.ts";
import { parseLatencyMatrix } from "../lab/import/latency.ts";
import {
  type Plan,
  planGraph,
  planMatrix,
  type PlanOptions,
  siteNames,
} from "../lab/import/plan.ts";
import { renderLab } from "../lab/import/render.ts";
import { parseTopology } from "../lab/topology.ts";
import { countOf } from "../model/quantity.ts";
import { type Command, Failure, OK, UsageError } from "./command.ts";
import { networkIn } from "./network_file.ts";

const FORMATS = ["gml", "latency"] as const;
type Format = typeof FORMATS[number];

export const labImport: Command = {
  name: "import",
  summary: "Make a lab of a GML topology or a matrix of round trips",
  details:
    "A GML file as the Topology Zoo has them: each node becomes a site, each edge a link with an\n" +
    "uplink at both ends, as long as light takes in a fibre between the coordinates. A matrix has\n" +
    "a row for each machine, seconds from it to every other, blanks or commas between, 0 for\n" +
    "itself and what is missing: each pair becomes a link of half its round trip.\n" +
    "Writes TOPOLOGY for `labelway lab up`, and beside it the network's file, or nothing at all.",
  options: {
    format: {
      kind: "text",
      value: "FORMAT",
      help: "What FILE is; by default told from what is in it",
      choices: FORMATS,
    },
    name: { kind: "text", value: "NAME", help: "Of the lab (default: after TOPOLOGY)" },
    sites: {
      kind: "number",
      value: "N",
      help: "At most so many: what the best connected node reaches first, or the first rows",
      least: 2,
    },
    unknown: {
      kind: "number",
      value: "MILLIS",
      help: "One-way delay where FILE has none (default: 5, or the longest of the matrix)",
      least: 0,
    },
    force: { kind: "flag", help: "Replace files that are there already" },
  },
  positional: [
    { name: "FILE", help: "A GML file, or a matrix" },
    { name: "TOPOLOGY", help: "The lab's file to write, e.g. abilene.yaml" },
  ],
  examples: [
    ["lab import Abilene.gml abilene.yaml", "Also writes abilene.network.yaml"],
    ["lab import Seattle_1 seattle.yaml --sites 8", "A full mesh of the first eight machines"],
  ],
  run: async (args, io) => {
    const [source, target] = args.positional as [string, string];
    if (!/.\.yaml$/.test(target) || target.endsWith(".network.yaml")) {
      throw new UsageError([`TOPOLOGY is ${target}; accepted is a name like abilene.yaml`]);
    }
    const most = args.number("sites");
    if (most !== undefined && !Number.isInteger(most)) {
      throw new UsageError([`Option --sites is ${most}; accepted is a whole number`]);
    }
    const networkFile = target.replace(/\.yaml$/, ".network.yaml");
    const text = await readTextFile(source);
    const format = args.text("format") as Format | undefined ?? formatOf(text);
    const unknown = args.number("unknown");
    const plan = planOf(text, source, format, {
      unknownMicros: unknown === undefined ? null : Math.round(unknown * 1000),
      most: most ?? null,
    });
    const files = renderLab(plan, {
      name: args.text("name") ?? siteNames([basename(target, extname(target))])[0]!,
      source: basename(source),
      networkFile: basename(networkFile),
    });
    // What is written is accepted by everything that will read it.
    parseTopology(files.topology, target);
    networkIn(files.network, networkFile, { allowMissingKeys: true });
    const written = [{ path: target, text: files.topology }, {
      path: networkFile,
      text: files.network,
    }];
    const present = await createFiles(written, { force: args.flag("force") });
    if (present.length > 0) {
      throw new Failure(present.map((path) => `${path} is there already; --force replaces it`));
    }
    for (const note of plan.notes) io.err(note);
    const sizes = `${countOf(plan.sites.length, "site")}, ${countOf(plan.links.length, "link")}`;
    io.err(`Wrote ${target} and ${networkFile}: ${sizes}`);
    return OK;
  },
};

function formatOf(text: string): Format {
  return /^[\s\d.,eE+-]*$/.test(text.replaceAll(/^#.*$/gm, "")) ? "latency" : "gml";
}

function planOf(text: string, file: string, format: Format, options: PlanOptions): Plan {
  return format === "gml"
    ? planGraph(parseGml(text, file), file, options)
    : planMatrix(parseLatencyMatrix(text, file), file, options);
}
