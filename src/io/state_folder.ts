/** The folder that outlives the process: one router at a time, and the last file that was good. */

import { join } from "node:path";
import { createPrivateFile, replaceFile } from "./files.ts";

/** Somebody else has it, or it cannot be used. */
export class StateError extends Error {
  override readonly name = "StateError";
}

export class StateFolder {
  readonly #folder: string;
  readonly #lock: Deno.FsFile;
  readonly #namespace: Deno.Listener;

  private constructor(folder: string, lock: Deno.FsFile, namespace: Deno.Listener) {
    this.#folder = folder;
    this.#lock = lock;
    this.#namespace = namespace;
  }

  /** Takes the folder for this process; the kernel gives it back however the process ends. */
  static async open(folder: string): Promise<StateFolder> {
    let lock: Deno.FsFile;
    try {
      await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
      lock = await Deno.open(join(folder, "lock"), { create: true, write: true, mode: 0o600 });
    } catch (error) {
      throw new StateError(`Cannot use the state folder ${folder}: ${(error as Error).message}`);
    }
    if (!await lock.tryLock(true)) {
      lock.close();
      throw new StateError(
        `Cannot start: another router uses the state folder ${folder}; stop it, or name another by --state`,
      );
    }
    try {
      return new StateFolder(folder, lock, takeNamespace());
    } catch (error) {
      lock.close();
      throw error;
    }
  }

  /** The text of the file that ran last; null: none ever did. */
  lastGood(): Promise<string | null> {
    return readLastGood(this.#folder);
  }

  async remember(text: string): Promise<void> {
    const path = lastGoodPath(this.#folder);
    if (await this.lastGood() === null) await createPrivateFile(path, text);
    else await replaceFile(path, text);
  }

  close(): void {
    this.#namespace.close();
    this.#lock.close();
  }
}

export function lastGoodPath(folder: string): string {
  return join(folder, "last-good.yaml");
}

export async function readLastGood(folder: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(lastGoodPath(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/**
 * Marks, tables and device names are those of one router: a second one in the same network
 * namespace would take them away. A name in the abstract Unix namespace belongs to the network
 * namespace and goes with the process.
 */
function takeNamespace(): Deno.Listener {
  try {
    return Deno.listen({ transport: "unix", path: "\0labelway" });
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new StateError(
      "Cannot start: another router runs in this network namespace; stop it first",
    );
  }
}
