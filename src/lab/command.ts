/** Other programs, by argument lists: nothing goes through a shell. */

import { LabError } from "./error.ts";

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program and answers what it said, whatever its exit status. */
export async function attempt(argv: readonly string[], stdin?: string): Promise<Output> {
  const [program = "", ...args] = argv;
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new LabError([`Cannot run ${program}: there is no such program; ${INSTALL}`]);
  }
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    // A program that ends early closes its input; its exit status says the rest.
    await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
    await writer.close().catch(() => {});
  }
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** As {@link attempt}, and a failure is a {@link LabError} with the program's own words. */
export async function run(argv: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await attempt(argv, stdin);
  if (code === 0) return stdout;
  const said = (stderr.trim() || stdout.trim() || `exit status ${code}`).split("\n");
  throw new LabError([`${argv.join(" ")} failed:`, ...said.map((line) => `  ${line}`)]);
}

const INSTALL = "`deno task setup` installs what the lab needs";
