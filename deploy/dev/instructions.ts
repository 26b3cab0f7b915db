/**
 * `deno task instructions`: how many instructions a packet costs, path by path, compared with what
 * is committed. Unlike a time, a count is the same on every machine, however busy it is.
 *
 *     deno task instructions             compares, exit status 1 where a path changed
 *     deno task instructions --accept    writes the counts as they are now
 *
 * A crate takes part by a program `CRATE-instructions` behind its feature `instructions` (see
 * native/forward) and a file `benches/instructions.json`, which may be `{}` at first.
 */

import { fail, installed, run, step } from "./run.ts";

interface Counts {
  /** Compiler that made the code that was counted. */
  readonly rustc: string;
  /** Instructions a packet. */
  readonly paths: Readonly<Record<string, number>>;
}

const NATIVE = new URL("../../native/", import.meta.url).pathname;
const ACCEPT = "deno task instructions --accept";
/** Executions of a path in one run of the program. */
const RUNS = 1000;
/** Changes that pass, as parts of the committed count. */
const TOLERANCE = 0.02;
/** Another compiler makes other code: only what is much more is told then. */
const TOLERANCE_OF_ANOTHER_COMPILER = 0.15;
const ENVIRONMENT = {
  // The baseline of x86-64, whatever the caller's settings are.
  RUSTFLAGS: "",
  // The C library's plainest functions, on every processor.
  GLIBC_TUNABLES: "glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX,-ERMS,-FSRM",
};

await main(Deno.args);

async function main(args: readonly string[]): Promise<void> {
  const unknown = args.filter((argument) => argument !== "--accept");
  if (unknown.length > 0) {
    console.error(`instructions: unknown argument ${unknown.join(" ")}; there is --accept`);
    Deno.exit(2);
  }
  if (Deno.build.arch !== "x86_64") {
    console.log(`The counts are those of x86_64; nothing is counted on ${Deno.build.arch}.`);
    return;
  }
  if (!await installed("valgrind")) {
    fail("Cannot count instructions: valgrind is missing: apt-get install valgrind");
  }
  const rustc = (await text(["rustc", "--version"])).split(" ")[1] ?? "";
  const changed: string[] = [];
  for (const crate of crates()) {
    step(`Instructions a packet: ${crate}`);
    const file = `${NATIVE}${crate}/benches/instructions.json`;
    const before = JSON.parse(Deno.readTextFileSync(file)) as Partial<Counts>;
    const now = { rustc, paths: await count(crate) };
    changed.push(...compare(crate, before, now));
    if (args.includes("--accept")) {
      Deno.writeTextFileSync(file, `${JSON.stringify(now, null, 2)}\n`);
    }
  }
  if (changed.length > 0 && !args.includes("--accept")) {
    fail(`${changed.join("\n")}\nIf it is meant to be so: ${ACCEPT}, and commit the file.`);
  }
}

/** Folders of the crates that take part. */
function crates(): string[] {
  return [...Deno.readDirSync(NATIVE)]
    .map((entry) => entry.name)
    .filter((name) => exists(`${NATIVE}${name}/benches/instructions.json`))
    .sort();
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

async function count(crate: string): Promise<Record<string, number>> {
  const name = `${crate}-instructions`;
  const profile = ["--release", "--locked", "--quiet", "--features", "instructions"];
  const build = ["cargo", "build", ...profile, "-p", `labelway-${crate}`, "--bin", name];
  await run(build, { cwd: NATIVE, env: ENVIRONMENT });
  const messages = await text([...build, "--message-format", "json"]);
  const program = messages.match(/"executable":"([^"]+-instructions)"/)?.[1];
  if (program === undefined) fail(`Cannot count instructions: ${name} was not built`);
  const paths: Record<string, number> = {};
  for (const path of (await text([program])).split("\n").filter((line) => line !== "")) {
    paths[path] = await instructions(program, path) / RUNS;
  }
  return paths;
}

/** Executed by the program's function `counted` and all that it calls. */
async function instructions(program: string, path: string): Promise<number> {
  const valgrind = await text([
    "valgrind",
    "--tool=callgrind",
    "--callgrind-out-file=/dev/null",
    "--collect-atstart=no",
    "--toggle-collect=*instructions::counted*",
    program,
    path,
  ]);
  const collected = valgrind.match(/Collected : (\d+)/)?.[1];
  if (collected === undefined || collected === "0") {
    fail(`Cannot count the instructions of ${path}: valgrind says\n${valgrind}`);
  }
  return Number(collected);
}

/** What a program prints, errors included. */
async function text(argv: readonly string[]): Promise<string> {
  const [program = "", ...args] = argv;
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: NATIVE,
    env: ENVIRONMENT,
    stdin: "null",
  }).output();
  const printed = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  if (!success) fail(`${argv.join(" ")} failed:\n${printed}`);
  return printed;
}

/** Shows the counts, and tells what changed too much. */
function compare(crate: string, before: Partial<Counts>, now: Counts): string[] {
  const same = before.rustc === now.rustc;
  const tolerance = same ? TOLERANCE : TOLERANCE_OF_ANOTHER_COMPILER;
  if (!same) {
    console.log(
      `The committed counts are those of rustc ${
        before.rustc ?? "(none)"
      }, this is ${now.rustc}: ` +
        `changes up to ${percent(tolerance)} pass. To renew them: ${ACCEPT}`,
    );
  }
  const changed: string[] = [];
  const names = new Set([...Object.keys(before.paths ?? {}), ...Object.keys(now.paths)]);
  for (const path of names) {
    const [was, is] = [before.paths?.[path], now.paths[path]];
    if (was === undefined || is === undefined) {
      changed.push(`${crate} ${path}: ${is === undefined ? "is gone" : `is new, with ${is}`}`);
      continue;
    }
    const change = is / was - 1;
    console.log(`${path.padEnd(20)} ${String(is).padStart(10)}   ${percent(change)}`);
    if (Math.abs(change) > tolerance) {
      const how = change > 0 ? "more" : "fewer";
      changed.push(
        `${crate} ${path}: ${was} instructions a packet were committed, now it takes ${is}: ` +
          `${percent(Math.abs(change))} ${how} (up to ${percent(tolerance)} pass)`,
      );
    }
  }
  return changed;
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}
