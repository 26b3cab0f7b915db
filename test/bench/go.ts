/** Peers that are Go modules: built once from the module proxy into the user's cache. */

import { fail, status, step } from "../../deploy/dev/run.ts";

export interface GoProgram {
  readonly module: string;
  readonly version: string;
  /** As `go install` names it. */
  readonly program: string;
}

/** The newest that the module proxy had when this was written. */
export const WIREGUARD_GO: GoProgram = {
  module: "golang.zx2c4.com/wireguard",
  version: "v0.0.0-20260522210424-ecfc5a8d5446",
  program: "wireguard",
};

/** Answers the program's path; ends this one where it cannot be built. */
export async function buildGo({ module, version, program }: GoProgram): Promise<string> {
  const home = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  const folder = `${home}/labelway/bench/${module.replaceAll("/", "_")}@${version}`;
  const path = `${folder}/${program}`;
  if (await isFile(path)) return path;
  step(`Building ${module}@${version} (go install)`);
  await Deno.mkdir(folder, { recursive: true });
  const code = await status(["go", "install", `${module}@${version}`], {
    // Outside of the source tree: a go.mod or go.work above it has no say.
    cwd: folder,
    env: { GOBIN: folder, GOFLAGS: "", CGO_ENABLED: "0" },
  });
  if (code !== 0) fail(`Cannot build ${module}@${version}; leave it out with --peers`);
  return path;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
