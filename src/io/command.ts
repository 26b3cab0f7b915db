/** Runs the system's programs: argument vectors only, never a shell. */

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string;
  /** It is killed when it takes longer; absent: it may take as long as it likes. */
  readonly limitMillis?: number;
}

/**
 * For what a running router asks of the system: it takes milliseconds, or a second beside a full
 * routing table, so that only what hangs takes this long.
 */
export const SYSTEM: RunOptions = { limitMillis: 10_000 };

/**
 * The program is missing, did not end in time or ended with an error; the message says which and
 * what it said.
 */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** Debian packages that carry what we call. */
const PACKAGES: Record<string, string> = { wg: "wireguard-tools", ip: "iproute2" };

/** For what has happened to be heard of. */
const CATCH_UP_MILLIS = 250;

export async function run(
  argv: readonly string[],
  options: RunOptions = {},
): Promise<CommandResult> {
  const child = start(argv, options.stdin !== undefined);
  const stdout = child.stdout.getReader({ mode: "byob" });
  const stderr = child.stderr.getReader({ mode: "byob" });
  const ended = Promise.all([
    readText(stdout),
    readText(stderr),
    child.status,
    options.stdin === undefined ? null : feed(child, options.stdin),
  ]);
  const expired = Promise.withResolvers<never>();
  const limit = options.limitMillis;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expire = () => {
    kill(child);
    // Not waited for: a program that the kernel holds does not even die, and a child of it may
    // keep the pipes open.
    for (const reader of [stdout, stderr]) reader.cancel().catch(() => {});
    expired.reject(
      new CommandError(
        `\`${argv.join(" ")}\` did not end within ${limit! / 1000} s and was killed`,
      ),
    );
  };
  if (limit !== undefined) {
    // Where this process itself stood still, the program may have ended long ago and the news of it
    // be waiting behind this timer.
    timer = setTimeout(() => timer = setTimeout(expire, CATCH_UP_MILLIS), limit);
  }
  try {
    const [out, err, { code }] = await Promise.race([ended, expired.promise]);
    return { code, stdout: out, stderr: err };
  } finally {
    clearTimeout(timer);
    ended.catch(() => {});
  }
}

/** As {@link run}, for a program that has to succeed. `argv` is in the message, `stdin` never. */
export async function runOrThrow(argv: readonly string[], options?: RunOptions): Promise<string> {
  const result = await run(argv, options);
  if (result.code === 0) return result.stdout;
  const said = result.stderr.trim() || `exit status ${result.code}`;
  throw new CommandError(`\`${argv.join(" ")}\` failed: ${said}`);
}

function start(argv: readonly string[], stdin: boolean): Deno.ChildProcess {
  const [program, ...args] = argv;
  if (program === undefined) throw new CommandError("Cannot run an empty command");
  try {
    return new Deno.Command(program, {
      args,
      stdin: stdin ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
      // Messages that are looked at are English ones.
      env: { LC_ALL: "C" },
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new CommandError(missing(program));
    throw error;
  }
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended, and its own child holds the pipes.
  }
}

/** As much as a pipe of Linux holds (pipe(7)). */
const BUFFER_BYTES = 64 * 1024;

/**
 * Buffers between two reads. `Deno.ChildProcess.output` takes a new one for each pipe, which V8 does
 * not count as memory in use and so has no reason to collect: a router that looks at the system
 * every other second would grow by a gigabyte a day.
 */
const spare: ArrayBuffer[] = [];

async function readText(reader: ReadableStreamBYOBReader): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let buffer = spare.pop() ?? new ArrayBuffer(BUFFER_BYTES);
  for (;;) {
    // The buffer goes there and comes back as another object on the same memory.
    const { value, done } = await reader.read(new Uint8Array(buffer));
    if (value === undefined) return text;
    buffer = value.buffer;
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
