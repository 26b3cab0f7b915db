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
  const [stdout, stderr, { code }] = await Promise.all([
    readText(child.stdout),
    readText(child.stderr),
    child.status,
    written,
  ]);
  return { code, stdout, stderr };
}

/** As {@link run}, for a program that has to succeed. `argv` is in the message, `stdin` never. */
export async function runOrThrow(argv: readonly string[], stdin?: string): Promise<string> {
  const result = await run(argv, stdin);
  if (result.code === 0) return result.stdout;
  const said = result.stderr.trim() || `exit status ${result.code}`;
  throw new CommandError(`\`${argv.join(" ")}\` failed: ${said}`);
}

/** As much as a pipe of Linux holds (pipe(7)). */
const BUFFER_BYTES = 64 * 1024;

/**
 * Buffers between two reads. `Deno.ChildProcess.output` takes a new one for each pipe, which V8 does
 * not count as memory in use and so has no reason to collect: a router that looks at the system
 * every other second would grow by a gigabyte a day.
 */
const spare: ArrayBuffer[] = [];

async function readText(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const reader = stream.getReader({ mode: "byob" });
  const decoder = new TextDecoder();
  let text = "";
  let buffer = spare.pop() ?? new ArrayBuffer(BUFFER_BYTES);
  for (;;) {
    // The buffer goes there and comes back as another object on the same memory.
    const { value, done } = await reader.read(new Uint8Array(buffer));
    if (value !== undefined) buffer = value.buffer;
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  spare.push(buffer);
  return text + decoder.decode();
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
