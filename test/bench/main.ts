/** `deno task bench`: see docs/performance.md. */

import { dispatch } from "../../src/cli/dispatch.ts";
import { processIo } from "../../src/cli/io.ts";
import { VERSION } from "../../src/cli/program.ts";
import { bench } from "./command.ts";

const task = { name: "task", summary: "Tasks", commands: { bench: () => Promise.resolve(bench) } };
const program = {
  name: "deno",
  version: VERSION,
  summary: "Labelway's benchmark.",
  commands: { task: () => Promise.resolve(task) },
};
Deno.exit(await dispatch(program, ["task", "bench", ...Deno.args], processIo()));
