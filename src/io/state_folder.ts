/** The folder that outlives the process: one router at a time, and the last file that was good. */

import { join } from "node:path";
import type { Setting } from "../underlay/host.ts";
import { createPrivateFile, ignoreMissing, replaceFile } from "./files.ts";

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

  /** Settings that a router before changed and did not put back; none after a reboot. */
  async originals(): Promise<Setting[]> {
    try {
      const kept = JSON.parse(await Deno.readTextFile(this.#originalsPath)) as Partial<Originals>;
      if (kept.kernel !== await thisKernel() || !Array.isArray(kept.settings)) return [];
      return kept.settings.filter(({ path, value }) =>
        typeof path === "string" && typeof value === "string"
      );
    } catch (error) {
      // Half of a file is none: it says nothing that could be relied on.
      if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return [];
      throw error;
    }
  }

  async keepOriginals(settings: readonly Setting[]): Promise<void> {
    const path = this.#originalsPath;
    if (settings.length === 0) {
      await Deno.remove(path).catch(ignoreMissing);
      return;
    }
    const text = JSON.stringify({ kernel: await thisKernel(), settings } satisfies Originals);
    const isThere = await Deno.stat(path).then(() => true, () => false);
    if (isThere) await replaceFile(path, text);
    else await createPrivateFile(path, text);
  }

  get #originalsPath(): string {
    return join(this.#folder, "settings-before.json");
  }

  close(): void {
    this.#namespace.close();
    this.#lock.close();
  }
}

interface Originals {
  /** Which run of which network namespace they belong to. */
  readonly kernel: string;
  readonly settings: readonly Setting[];
}

async function thisKernel(): Promise<string> {
  const boot = (await Deno.readTextFile("/proc/sys/kernel/random/boot_id")).trim();
  return `${boot} ${await Deno.readLink("/proc/self/ns/net")}`;
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
