/** Files that must never be half written, and files that nobody else may read. */

import { basename, dirname, join } from "node:path";

/**
 * Puts `text` in the place of `path` at once: whoever reads sees the old file or the new one, also
 * after a power cut. Mode and owner stay; behind a symbolic link its target is replaced.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const target = await Deno.realPath(path);
  const old = await Deno.stat(target);
  const temporary = join(dirname(target), `.${basename(target)}.${crypto.randomUUID()}`);
  try {
    await writeNew(temporary, text, (old.mode ?? 0o644) & 0o7777, old);
    await Deno.rename(temporary, target);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(target));
}

/**
 * Makes files that belong together: all of them, or none. Answers those that are there already, and
 * then makes none; with `force` they are replaced.
 */
export async function createFiles(
  files: readonly { readonly path: string; readonly text: string }[],
  { force = false }: { force?: boolean } = {},
): Promise<string[]> {
  const present: string[] = [];
  for (const { path } of files) if (await exists(path)) present.push(path);
  if (present.length > 0 && !force) return present;
  const waiting: { path: string; temporary: string }[] = [];
  try {
    // What can fail mostly fails here: a folder that is not there, no right to write, no space.
    for (const { path, text } of files) {
      const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}`);
      await writeNew(temporary, text, 0o666 & ~Deno.umask());
      waiting.push({ path, temporary });
    }
    for (const { path, temporary } of waiting) await Deno.rename(temporary, path);
  } finally {
    for (const { temporary } of waiting) await Deno.remove(temporary).catch(() => {});
  }
  for (const folder of new Set(files.map(({ path }) => dirname(path)))) await syncFolder(folder);
  return [];
}

/** Also a symbolic link that leads nowhere. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Makes a file that only its owner may read; fails where one is already. */
export async function createPrivateFile(path: string, text: string): Promise<void> {
  await writeNew(path, text, 0o600);
  await syncFolder(dirname(path));
}

/** Thrown where a file cannot be read; the message says which, why, and what is accepted. */
export class UnreadableFileError extends Error {
  override readonly name = "UnreadableFileError";
}

/** A file of the operator's, as it is: UTF-8, a byte order mark included. */
export async function readTextFile(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    throw new UnreadableFileError(`Cannot read ${path}: ${whyUnread(error)}`, { cause: error });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new UnreadableFileError(`Cannot read ${path}: it is not text in UTF-8`, { cause: error });
  }
}

function whyUnread(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder; name the file in it";
  if (error instanceof Deno.errors.PermissionDenied) {
    return "permission denied; run as root, or let this user read it";
  }
  if (error instanceof Deno.errors.NotADirectory) return "a part of its path is a file, no folder";
  return error instanceof Error ? error.message : String(error);
}

/** A folder that only its owner may enter, unless there is one already. */
export async function ensurePrivateFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

/** Thrown where a file with a secret is open to others. */
export class ExposedFileError extends Error {
  override readonly name = "ExposedFileError";
}

/** How much a file of secrets may hold, bytes: keys are 45. */
const MOST_BYTES = 4096;

/**
 * Reads a file that only its owner may read, and whose owner is this user or root. Symbolic links
 * are followed, since secret stores work with them: it is the opened file that is judged.
 */
export async function readPrivateFile(path: string): Promise<string> {
  // Opening a pipe would wait for its writer.
  if (!(await Deno.stat(path)).isFile) {
    throw new ExposedFileError(`${path} is not a file; needs a regular file of mode 0600`);
  }
  using file = await Deno.open(path);
  const { mode, uid, size } = await file.stat();
  const problems: string[] = [];
  const bits = (mode ?? 0) & 0o7777;
  if (bits & 0o077) {
    const found = bits.toString(8).padStart(4, "0");
    problems.push(`${path} has mode ${found}, others may use it; run: chmod 600 ${quote(path)}`);
  }
  const user = Deno.uid();
  if (uid !== user && uid !== 0) {
    problems.push(
      `${path} belongs to user ${uid}, not to root or to user ${user} who runs this; run: ` +
        `chown ${user} ${quote(path)}`,
    );
  }
  if (size > MOST_BYTES) problems.push(`${path} has ${size} bytes; needs at most ${MOST_BYTES}`);
  if (problems.length > 0) throw new ExposedFileError(problems.join("\n"));
  const bytes = new Uint8Array(MOST_BYTES);
  let length = 0;
  for (let read = await file.read(bytes); read; read = await file.read(bytes.subarray(length))) {
    length += read;
  }
  return new TextDecoder().decode(bytes.subarray(0, length));
}

/** O_EXCL, so that nothing that lies in wait at the path is written to. */
async function writeNew(
  path: string,
  text: string,
  mode: number,
  owner?: { uid: number | null; gid: number | null },
): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: mode & 0o700 });
  try {
    if (owner) await keepOwner(path, owner);
    // After the owner, since changing that clears bits; and whatever the umask said.
    await Deno.chmod(path, mode);
    const bytes = new TextEncoder().encode(text);
    for (let written = 0; written < bytes.length;) {
      written += await file.write(bytes.subarray(written));
    }
    await file.sync();
  } catch (error) {
    await Deno.remove(path).catch(() => {});
    throw error;
  }
}

async function keepOwner(path: string, { uid, gid }: { uid: number | null; gid: number | null }) {
  const now = await Deno.stat(path);
  if (now.uid !== uid || now.gid !== gid) await Deno.chown(path, uid, gid);
}

/** The name, too, is on the disk only when its folder is. */
async function syncFolder(path: string): Promise<void> {
  using folder = await Deno.open(path);
  await folder.sync();
}

function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

/** For what is to be removed: it is gone already. */
export function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
