/** `labelway reload`. */

import type { Reload } from "../api/schema.ts";
import { connect, socketOption } from "./client.ts";
import { type Command, OK } from "./command.ts";
import { outputOptions, printAs } from "./output.ts";

export const reload: Command = {
  name: "reload",
  summary: "Let the router read its file again and apply what changed",
  details:
    "A file with a problem changes nothing: the router goes on as before, and the problems\n" +
    "are listed here.",
  options: { ...outputOptions, ...socketOption },
  positional: [],
  examples: [["reload", "The same as SIGHUP, with an answer"]],
  run: async (args, io) => {
    const answer = await connect(args, io).post<Extract<Reload, { ok: true }>>("/v1/reload");
    await printAs(args, io, answer, () => renderReload(answer));
    return OK;
  },
};

export function renderReload({ generation, changes }: Extract<Reload, { ok: true }>): string {
  if (changes.length === 0) return `Nothing changed: generation ${generation}.`;
  return [...changes, `Applied: generation ${generation}.`].join("\n");
}
