/** Entry: hands the words to the command that they name, and ends with its exit code. */

import { dispatch } from "./cli/dispatch.ts";
import { processIo } from "./cli/io.ts";
import { PROGRAM } from "./cli/program.ts";

if (import.meta.main) Deno.exit(await dispatch(PROGRAM, Deno.args, processIo()));
