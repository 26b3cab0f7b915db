/**
 * One gateway of the engine's tests: a program that runs inside a network namespace, opens an
 * engine and does what the test says, one JSON command a line; each answer is one line.
 */

import { openEngine } from "../../../src/io/native/engine.ts";
import { parseThreads, THREADS } from "../../../src/io/native/threads.ts";
import type { Engine } from "../../../src/ports/engine.ts";
import type { ProbeAuthentication, Probing, Table } from "../../../src/model/boundary.ts";
import { TextLineStream } from "./lines.ts";

export type Command =
  | {
    readonly do: "open";
    readonly library?: string;
    readonly folder?: string;
    /** As `LABELWAY_THREADS`. */
    readonly threads?: string;
  }
  | { readonly do: "apply"; readonly table: Table }
  /** Applies the tables in turn, so many times, with a pause between. */
  | {
    readonly do: "apply-repeatedly";
    readonly tables: readonly Table[];
    readonly times: number;
    readonly pauseMillis: number;
  }
  | { readonly do: "snapshot" }
  | { readonly do: "labels" }
  | { readonly do: "looks" }
  | { readonly do: "measured" }
  | { readonly do: "probe"; readonly probing: Probing }
  /** Keys in hexadecimal, one behind the other. */
  | { readonly do: "authenticate"; readonly mode: ProbeAuthentication; readonly keys: string }
  /** Keeps the main thread busy, garbage collections included. */
  | { readonly do: "block"; readonly millis: number }
  | { readonly do: "run"; readonly command: readonly string[]; readonly input?: string }
  | { readonly do: "close" };

let engine: Engine | undefined;

function opened(): Engine {
  if (engine === undefined) throw new Error("open first");
  return engine;
}

async function handle(command: Command): Promise<unknown> {
  switch (command.do) {
    case "open":
      engine = openEngine(command.library, {
        uapi_folder: command.folder ?? "/run/wireguard",
        threads: parseThreads(command.threads ?? Deno.env.get(THREADS)),
      });
      return null;
    case "apply": {
      const start = performance.now();
      opened().apply(command.table);
      return performance.now() - start;
    }
    case "apply-repeatedly":
      for (let time = 0; time < command.times; time++) {
        opened().apply(command.tables[time % command.tables.length]!);
        await new Promise((resolve) => setTimeout(resolve, command.pauseMillis));
      }
      return null;
    case "snapshot":
      return opened().snapshot();
    case "labels":
      return opened().labels();
    case "looks":
      return opened().looks();
    case "measured":
      return opened().measured();
    case "probe":
      return opened().probe(command.probing) ?? null;
    case "authenticate":
      return opened().authenticate(command.mode, Uint8Array.fromHex(command.keys)) ?? null;
    case "block":
      return block(command.millis);
    case "run":
      return await run(command.command, command.input);
    case "close":
      engine?.close();
      engine = undefined;
      return null;
  }
}

/** Returns how many collections were forced. */
function block(millis: number): number {
  const collect = (globalThis as { gc?: () => void }).gc;
  const end = performance.now() + millis;
  let garbage: unknown[] = [];
  let collections = 0;
  while (performance.now() < end) {
    for (let index = 0; index < 20_000; index++) garbage.push({ index, text: `${index}` });
    if (garbage.length > 500_000) garbage = [];
    if (collect !== undefined) {
      collect();
      collections++;
    }
  }
  return collections;
}

async function run(command: readonly string[], input: string | undefined): Promise<string> {
  const [program, ...args] = command;
  const child = new Deno.Command(program!, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  if (input !== undefined) await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout);
  if (code !== 0) {
    throw new Error(`${command.join(" ")}: ${new TextDecoder().decode(stderr)}${text}`);
  }
  return text;
}

Deno.addSignalListener("SIGTERM", () => {
  engine?.close();
  Deno.exit(0);
});

const output = new TextEncoder();
function say(value: unknown): void {
  Deno.stdout.writeSync(output.encode(`${JSON.stringify(value)}\n`));
}

const lines = Deno.stdin.readable
  .pipeThrough(new TextDecoderStream())
  .pipeThrough(new TextLineStream());
for await (const line of lines) {
  try {
    say({ answer: await handle(JSON.parse(line)) });
  } catch (error) {
    say({ error: error instanceof Error ? error.message : String(error) });
  }
}
engine?.close();
Deno.exit(0);
