/** Where a command reads and writes: handed in, so that tests can stand in for the terminal. */
export interface Io {
  /** One line (or several, without the last line's end) on the standard output. */
  out(line: string): void;
  /** As {@link out}, on the standard error. */
  err(line: string): void;
  /** Text as it is on the standard output, without a line's end. */
  write(text: string): void;
  /** Is the standard output a terminal? */
  readonly isTerminal: boolean;
  /** Width of the terminal; Infinity where there is none, so that nothing is cut in a pipe. */
  columns(): number;
  /** May the standard output be colored? No in a pipe and under NO_COLOR. */
  readonly color: boolean;
  /** The whole standard input as text. */
  stdin(): Promise<string>;
  environment(name: string): string | undefined;
  /** Ends when the person presses Ctrl-C or the program is asked to end; from then on it is ours. */
  interrupted(): AbortSignal;
}

/** The process's own input and output. */
export function processIo(): Io {
  const encoder = new TextEncoder();
  const environment = (name: string) => Deno.env.get(name);
  const isTerminal = Deno.stdout.isTerminal();
  let interrupt: AbortController | undefined;
  return {
    out: (line) => writeWhole(Deno.stdout, encoder.encode(`${line}\n`)),
    err: (line) => writeWhole(Deno.stderr, encoder.encode(`${line}\n`)),
    write: (text) => writeWhole(Deno.stdout, encoder.encode(text)),
    isTerminal,
    columns: () => {
      if (!isTerminal) return Infinity;
      try {
        return Deno.consoleSize().columns || Infinity;
      } catch {
        return 80;
      }
    },
    color: isTerminal && colorAllowed(environment),
    stdin: () => new Response(Deno.stdin.readable).text(),
    environment,
    interrupted: () => {
      if (interrupt === undefined) {
        const controller = interrupt = new AbortController();
        for (const signal of ["SIGINT", "SIGTERM"] as const) {
          Deno.addSignalListener(signal, () => controller.abort());
        }
      }
      return interrupt.signal;
    },
  };
}

/** https://no-color.org: set and not empty means no color; a dumb terminal has none either. */
export function colorAllowed(environment: (name: string) => string | undefined): boolean {
  return !environment("NO_COLOR") && environment("TERM") !== "dumb";
}

/** A pipe takes what fits; the rest must follow. */
function writeWhole(to: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += to.writeSync(bytes.subarray(written));
  }
}
