import type { File } from "../schema.ts";
import type { Path } from "../source.ts";
import { didYouMean } from "../suggest.ts";

/**
 * `key`: point at the key in place of the value. Of a public key, which `labelway keygen` mends:
 * `no-public-key` points at the uplink's name, `public-key` at the value.
 */
export type At = "key" | "no-public-key" | "public-key";

/** What a cross-check sees: the part of the file that the schema accepts, and where to report. */
export interface Context {
  readonly file: File;
  /** Every name in the text, also of things that are wrong elsewhere: they are not unknown. */
  readonly names: Names;
  problem(path: Path, message: string, where?: At): void;
  warning(path: Path, message: string, where?: "key"): void;
  /** Nothing at or below this path was refused, so what is read there is what was meant. */
  intact(path: Path): boolean;
}

export interface Names {
  readonly sites: ReadonlySet<string>;
  /** Site → its uplinks. */
  readonly uplinks: ReadonlyMap<string, ReadonlySet<string>>;
  readonly segments: ReadonlySet<string>;
  readonly colors: ReadonlySet<string>;
  /** Built in, and the file's own. */
  readonly applications: ReadonlySet<string>;
  readonly classes: ReadonlySet<string>;
}

/** True when known; otherwise reported with what is accepted. */
export function known(
  context: Context,
  path: Path,
  what: string,
  name: string,
  accepted: ReadonlySet<string>,
  where?: "key",
): boolean {
  if (accepted.has(name)) return true;
  // The whole list of them could not be read, which is reported: nothing is known of any.
  if (accepted.size === 0 && !context.intact([`${what}s`])) return false;
  const list = accepted.size === 0 ? "none is in the file" : `known: ${few(accepted)}`;
  context.problem(path, `unknown ${what} "${name}".${didYouMean(name, accepted)} (${list})`, where);
  return false;
}

/** The names in order, the first ten of them. */
export function few(names: Iterable<string>): string {
  const all = [...names].sort();
  return all.length <= 10
    ? all.join(", ")
    : `${all.slice(0, 10).join(", ")} and ${all.length - 10} more`;
}

/** Remembers who had a value first. */
export class Unique<Key> {
  readonly #first = new Map<Key, string>();

  /** Who has the key already; undefined and remembered as `owner`'s if nobody. */
  claim(key: Key, owner: string): string | undefined {
    const first = this.#first.get(key);
    if (first === undefined) this.#first.set(key, owner);
    return first;
  }
}
