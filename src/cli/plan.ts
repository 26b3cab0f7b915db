/** `labelway plan`: what would change here. */

import { type Preview, preview } from "../io/preview.ts";
import { type Command, FAILED, Failure, OK } from "./command.ts";
import { outputOptions, printAs } from "./output.ts";
import { loadOptions, siteOptions } from "./up.ts";

export const plan: Command = {
  name: "plan",
  summary: "Show what `up` or a reload would change here, in order",
  details: "Compares FILE with the running router and the system; changes nothing.",
  options: { ...siteOptions, ...outputOptions },
  positional: [{ name: "FILE", help: "The network's file" }],
  examples: [["plan network.yaml", "Every step that a reload of this file would take"]],
  run: async (args, io) => {
    const found = await preview(loadOptions(args, io));
    if (!("changes" in found)) throw new Failure(found.problems);
    for (const warning of found.warnings) io.err(`warning: ${warning}`);
    for (const problem of found.problems) io.err(problem);
    await printAs(args, io, found, () => renderPreview(found));
    return found.problems.length > 0 ? FAILED : OK;
  },
};

export function renderPreview(found: Preview): string {
  const { site, generation, running, changes } = found;
  const now = running === null ? "no router runs here" : `generation ${running} runs here`;
  const head = `Site ${site}, generation ${generation}; ${now}`;
  if (changes.length === 0) return `${head}\nNothing to change`;
  const width = String(changes.length).length;
  const lines = changes.map((line, index) => `${String(index + 1).padStart(width + 2)}  ${line}`);
  return [head, ...lines].join("\n");
}
