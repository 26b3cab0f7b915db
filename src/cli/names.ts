/** `labelway names`. */

import type { Policies, Sites } from "../api/schema.ts";
import { readSource } from "../config/source.ts";
import { readTextFile } from "../io/files.ts";
import { connect, socketOption } from "./client.ts";
import { type Command, OK } from "./command.ts";

export const names: Command = {
  name: "names",
  summary: "Print the names of sites or policies, a line each, for a shell's completion",
  details:
    "Those in FILE, also while it has mistakes; without FILE those that the running router\n" +
    "knows.",
  options: socketOption,
  positional: [
    { name: "KIND", help: "Of what", choices: ["site", "policy"] },
    { name: "FILE", help: "The network's file", optional: true },
  ],
  examples: [["names site network.yaml", "Each site of the file"]],
  run: async (args, io) => {
    const [kind, file] = args.positional;
    let found: string[];
    if (file !== undefined) {
      found = namesIn(await readTextFile(file), kind === "site" ? "sites" : "policies");
    } else if (kind === "site") {
      const { sites } = await connect(args, io).get<Sites>("/v1/sites");
      found = sites.map(({ name }) => name);
    } else {
      const { policies } = await connect(args, io).get<Policies>("/v1/policies");
      found = policies.flatMap(({ name }) => name ?? []);
    }
    if (found.length > 0) io.out([...new Set(found)].join("\n"));
    return OK;
  },
};

/** A file that somebody is at work on need not be right: what has a name is what counts. */
function namesIn(text: string, key: "sites" | "policies"): string[] {
  const { value } = readSource(text);
  const part = (value as Record<string, unknown> | null)?.[key];
  if (Array.isArray(part)) {
    return part.flatMap((one: { name?: unknown } | null) =>
      typeof one?.name === "string" ? [one.name] : []
    );
  }
  return typeof part === "object" && part !== null ? Object.keys(part) : [];
}
