/** Runs the system's programs: argument vectors only, never a shell. */

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program is missing, or ended with an error; the message says which and what it said. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** Debian packages that carry what we call. */
const PACKAGES: Record<string, string> = { wg: "wireguard-tools", ip: "iproute2" };

export async function run(argv: readonly string[], stdin?: string): Promise<CommandResult> {
  const [program, ...args] = argv;
  if (program === undefined) throw new CommandError("Cannot run an empty command");
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
      // Messages that are looked at are English ones.
      env: { LC_ALL: "C" },
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new CommandError(missing(program));
    throw error;
  }
  const written = stdin === undefined ? Promise.resolve() : feed(child, stdin);
  const [output] = await Promise.all([child.output(), written]);
  const text = new TextDecoder();
  return {
    code: output.code,
    stdout: text.decode(output.stdout),
    stderr: text.decode(output.stderr),
  };
}

/** As {@link run}, for a program that has to succeed. `argv` is in the message, `stdin` never. */
export async function runOrThrow(argv: readonly string[], stdin?: string): Promise<string> {
  const result = await run(argv, stdin);
  if (result.code === 0) return result.stdout;
  const said = result.stderr.trim() || `exit status ${result.code}`;
  throw new CommandError(`\`${argv.join(" ")}\` failed: ${said}`);
}

async function feed(child: Deno.ChildProcess, text: string): Promise<void> {
  const writer = child.stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch (error) {
    // It ended before it read everything: its own message says why.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

function missing(program: string): string {
  const from = PACKAGES[program];
  const remedy = from === undefined ? "" : `; on Debian: apt-get install ${from}`;
  return `Cannot run \`${program}\`: it is not installed${remedy}`;
}
