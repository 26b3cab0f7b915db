/** Peers that are Go modules: built once from the module proxy into the user's cache. */

import { fail, status, step } from "../../deploy/dev/run.ts";

export interface GoProgram {
  readonly module: string;
  readonly version: string;
  /** The package of the program, below the module. */
  readonly path: string;
  /** As `go install` names it. */
  readonly program: string;
}

/** The newest that the module proxy had when this was written. */
export const WIREGUARD_GO: GoProgram = {
  module: "golang.zx2c4.com/wireguard",
  version: "v0.0.0-20260522210424-ecfc5a8d5446",
  path: "",
  program: "wireguard",
};

/** The newest that builds: later ones need a module that the proxy does not give out. */
export const NEBULA: GoProgram = {
  module: "github.com/slackhq/nebula",
  version: "v1.10.3",
  path: "/cmd/nebula",
  program: "nebula",
};

export const NEBULA_CERT: GoProgram = {
  ...NEBULA,
  path: "/cmd/nebula-cert",
  program: "nebula-cert",
};

/** Answers the program's path; ends this one where it cannot be built. */
export async function buildGo({ module, version, path, program }: GoProgram): Promise<string> {
  const home = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  const folder = `${home}/labelway/bench/${module.replaceAll("/", "_")}@${version}`;
  const file = `${folder}/${program}`;
  if (await isFile(file)) return file;
  const source = `${module}${path}@${version}`;
  step(`Building ${source} (go install)`);
  await Deno.mkdir(folder, { recursive: true });
  const code = await status(["go", "install", source], {
    // Outside of the source tree: a go.mod or go.work above it has no say.
    cwd: folder,
    env: { GOBIN: folder, GOFLAGS: "", CGO_ENABLED: "0" },
  });
  if (code !== 0) fail(`Cannot build ${source}; leave it out with --peers`);
  return file;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
