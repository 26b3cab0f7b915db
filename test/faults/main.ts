/** `deno task lab:faults`: see docs/lab.md. */

import { dispatch } from "../../src/cli/dispatch.ts";
import { processIo } from "../../src/cli/io.ts";
import { VERSION } from "../../src/cli/program.ts";
import { faults } from "./command.ts";

const task = {
  name: "task",
  summary: "Tasks",
  commands: { "lab:faults": () => Promise.resolve(faults) },
};
const program = {
  name: "deno",
  version: VERSION,
  summary: "What faults cost.",
  commands: { task: () => Promise.resolve(task) },
};
Deno.exit(await dispatch(program, ["task", "lab:faults", ...Deno.args], processIo()));
