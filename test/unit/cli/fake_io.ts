import type { Io } from "../../../src/cli/io.ts";

/** A terminal (or a pipe) that remembers. */
export class FakeIo implements Io {
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  written = "";
  readonly isTerminal: boolean;
  readonly color: boolean;
  readonly interrupt = new AbortController();
  private readonly width: number;

  constructor(
    { isTerminal = false, color = false, columns = Infinity, environment = {} }: {
      isTerminal?: boolean;
      color?: boolean;
      columns?: number;
      environment?: Record<string, string>;
    } = {},
  ) {
    this.isTerminal = isTerminal;
    this.color = color;
    this.width = columns;
    this.environment = (name) => environment[name];
  }

  get text(): string {
    return this.lines.join("\n");
  }

  out(line: string): void {
    this.lines.push(line);
  }

  err(line: string): void {
    this.errors.push(line);
  }

  write(text: string): void {
    this.written += text;
  }

  columns(): number {
    return this.width;
  }

  stdin(): Promise<string> {
    return Promise.resolve("");
  }

  readonly environment: (name: string) => string | undefined;

  interrupted(): AbortSignal {
    return this.interrupt.signal;
  }
}
