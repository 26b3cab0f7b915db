/** All commands by name. Each is loaded when named: a question does not wait for the router's code. */

import denoJson from "../../deno.json" with { type: "json" };
import type { Program } from "./command.ts";

export const VERSION: string = denoJson.version;

export const PROGRAM: Program = {
  name: "labelway",
  version: VERSION,
  summary: "Labelway, an edge overlay router: label-switched paths over WireGuard.",
  commands: {
    lab: async () => (await import("./lab.ts")).lab,
  },
};
