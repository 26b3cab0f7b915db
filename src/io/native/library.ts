/** Where the native library is, and whether it is the one that this source was written for. */

import { join } from "node:path";
import { EngineError } from "../../ports/engine.ts";
import { ABI_VERSION, SYMBOLS } from "./symbols.ts";

export type Symbols = typeof SYMBOLS;

/** Of the source tree; a bundle does not lie in one, and is told by its environment. */
const ROOT = join(import.meta.dirname ?? "", "../../..");
const BUILD = "run `deno task native`";

/** Opens the library and checks its version before anything else of it is used. */
export function loadLibrary(path?: string): Deno.DynamicLibrary<Symbols> {
  const file = path ?? libraryPath();
  const found = version(file);
  if (found !== ABI_VERSION) {
    throw new EngineError(
      `Cannot use ${file}: it was built from another source (version ${hex(found)} of the ` +
        `boundary, this program's is ${hex(ABI_VERSION)}); ${BUILD}, and where it is installed, ` +
        "install it again",
    );
  }
  return open(file, SYMBOLS);
}

function hex(version: number): string {
  return version.toString(16).padStart(8, "0");
}

/** `LABELWAY_LIBRARY`, or the release build in the source tree. */
export function libraryPath(): string {
  return Deno.env.get("LABELWAY_LIBRARY") ?? `${ROOT}/native/target/release/liblabelway.so`;
}

/** Alone: a library of another version may lack the other symbols. */
function version(file: string): number {
  const { labelway_abi_version } = SYMBOLS;
  const library = open(file, { labelway_abi_version });
  try {
    return library.symbols.labelway_abi_version();
  } finally {
    library.close();
  }
}

function open<S extends Deno.ForeignLibraryInterface>(file: string, symbols: S) {
  try {
    return Deno.dlopen(file, symbols);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new EngineError(`Cannot load the native library ${file}: ${why}; ${BUILD}`);
  }
}
