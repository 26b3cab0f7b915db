/** The program that a lab's gateways run, as an installation has it: bundled, and thereby quick to start. */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../io/command.ts";
import { ignoreMissing } from "../io/files.ts";
import { LabError } from "./error.ts";
import { libraryPath } from "../io/native/library.ts";

const HERE = fileURLToPath(import.meta.url);
const IS_SOURCE = HERE.endsWith("/src/lab/program.ts");

/** Root of the source tree; of an installation, the folder that it is in. */
export const ROOT = join(dirname(HERE), IS_SOURCE ? "../.." : "..");

/** Where a lab that is run from the source tree has its program. */
const folderOf = (lab: string) => join(lab, "program");

/**
 * Bundles the source tree's program into a folder of few files, `main.js` first, with what it uses of
 * npm packages in them; what was in the folder before goes. By `deno bundle`, which resolves as
 * `deno run` does. The maps beside them let a stack name the source's lines.
 * @throws LabError with what is wrong with the source, or that Deno cannot fetch its bundler
 */
export async function bundle(folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(ignoreMissing);
  const options = ["--quiet", "--code-splitting", "--format=esm", "--sourcemap=linked"];
  const config = ["--node-modules-dir=manual", "--config", join(ROOT, "deno.json")];
  // From the root, whose place on this machine then stands nowhere in it.
  const argv = ["env", "--chdir", ROOT, "NO_COLOR=1", Deno.execPath(), "bundle", ...options];
  const { code, stderr } = await run([...argv, ...config, "--outdir", folder, "src/main.ts"]);
  if (code === 0) return;
  const [said = ""] = stderr.split("Stack backtrace");
  throw new LabError([
    "Cannot bundle the program. Deno fetches its bundler from npm the first time: that needs the " +
    "internet once. It says:",
    ...said.trim().split("\n"),
  ]);
}

/** How a bundled program is run: it asks for nothing, and nothing is looked for beside it. */
export function runBundled(deno: string, folder: string): readonly string[] {
  const alone = ["--no-config", "--no-lock", "--no-remote", "--no-npm", "--no-prompt"];
  return [deno, "run", "--quiet", ...alone, "--allow-all", join(folder, "main.js")];
}

/** Makes the program of a lab, both halves: what changes in the tree is for labs that come up later. */
export async function makeProgram(lab: string): Promise<void> {
  if (!IS_SOURCE) return;
  await bundle(folderOf(lab));
  const built = libraryPath();
  try {
    await Deno.copyFile(built, ownLibrary(lab));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new LabError([`There is no native half at ${built}; build it: deno task native`]);
  }
}

export async function removeProgram(lab: string): Promise<void> {
  for (const folder of [folderOf(lab), compiledIn(lab)]) {
    await Deno.remove(folder, { recursive: true }).catch(ignoreMissing);
  }
}

const compiledIn = (lab: string) => join(lab, "compiled");
const ownLibrary = (lab: string) => join(folderOf(lab), "liblabelway.so");

/**
 * What a lab's gateways run, and what to put before a command of the program's. `library`: another
 * native half.
 */
export function labelway(lab: string, library?: string): readonly string[] {
  const folder = IS_SOURCE ? folderOf(lab) : dirname(HERE);
  library ??= IS_SOURCE ? ownLibrary(lab) : libraryPath();
  // What Deno compiles of this copy of the program goes with the lab, and is not kept for ever.
  const set = [`LABELWAY_LIBRARY=${library}`, `DENO_DIR=${compiledIn(lab)}`];
  return ["env", ...set, ...runBundled(Deno.execPath(), folder)];
}
