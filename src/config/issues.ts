/** What the schema found, as problems; and the part of the file that is right without it. */

import type { z } from "zod";
import type { Path } from "./source.ts";
import { type File, schema } from "./schema.ts";
import { closest, didYouMean } from "./suggest.ts";

export interface Issue {
  readonly path: Path;
  /** Point at the key instead of the value. */
  readonly atKey: boolean;
  readonly message: string;
  /** Nothing stands there at all. */
  readonly absent?: true;
}

export interface Checked {
  readonly issues: readonly Issue[];
  /** The largest part of the file that the schema accepts; undefined: not even its outline. */
  readonly file: File | undefined;
  /** Path in `file` → path in the text: lists lose what is wrong in them, so numbers shift. */
  original(path: Path): Path;
}

export function checkShape(value: unknown): Checked {
  const tree = structuredCopy(value);
  const numbering = new Map<object, number[]>();
  number(tree, numbering);
  const original = (path: Path): Path => {
    let node: unknown = tree;
    return path.map((step) => {
      const from = typeof step === "number" && typeof node === "object" && node !== null
        ? numbering.get(node)?.[step] ?? step
        : step;
      node = typeof node === "object" && node !== null
        ? (node as Record<string | number, unknown>)[step]
        : undefined;
      return from;
    });
  };

  let result = schema.safeParse(tree);
  const found = flatten(result.error?.issues ?? [], value);
  const issues = found.filter((issue) => !isMisspelt(issue, found, value))
    .flatMap((issue) => describe(issue, value));
  // Cut off what is wrong, then what is incomplete without it, until the rest is right. Each round
  // takes something away, so the end comes.
  while (!result.success) {
    if (!prune(tree, flatten(result.error.issues, tree), numbering)) break;
    result = schema.safeParse(tree);
  }
  return { issues, file: result.data, original };
}

type ZodIssue = z.core.$ZodIssue;

/**
 * What a choice between shapes refuses, told of the shape that was meant: the one whose outline,
 * a list or a group of keys, is what stands there.
 */
function flatten(issues: readonly ZodIssue[], root: unknown): ZodIssue[] {
  return issues.flatMap((issue) => {
    const value = valueAt(root, issue.path as Path);
    if (issue.code !== "invalid_union" || typeof value !== "object" || value === null) return issue;
    const meant = issue.errors.find((branch) => branch.every((one) => !refusesOutline(one)));
    if (!meant) return issue;
    const inside = meant.map((one) => ({ ...one, path: [...issue.path, ...one.path] }));
    return flatten(inside as ZodIssue[], root);
  });
}

function refusesOutline({ code, path }: ZodIssue): boolean {
  return path.length === 0 && code !== "unrecognized_keys";
}

/** A key that is missing because it stands there with a slip in it, which is reported. */
function isMisspelt(issue: ZodIssue, all: readonly ZodIssue[], root: unknown): boolean {
  const path = issue.path as Path;
  const key = path.at(-1);
  if (typeof key !== "string" || valueAt(root, path) !== undefined) return false;
  return all.some((other) =>
    other.code === "unrecognized_keys" &&
    comparePaths(other.path as Path, path.slice(0, -1)) === 0 &&
    other.keys.some((unknown) => closest(unknown, other.message.split(", ")) === key)
  );
}

function describe(issue: ZodIssue, root: unknown): Issue[] {
  const path = issue.path as Path;
  if (issue.code === "unrecognized_keys") {
    const accepted = issue.message.split(", ");
    return issue.keys.map((key) => ({
      path: [...path, key],
      atKey: true,
      message: `unknown key "${key}".${didYouMean(key, accepted)} Accepted here: ${issue.message}`,
    }));
  }
  const last = path.at(-1);
  if (issue.code === "invalid_key") {
    return [{ path, atKey: true, message: `"${String(last)}" is no name; needs ${issue.message}` }];
  }
  const found = valueAt(root, path);
  if (path.length === 0 && (found === null || found === undefined)) {
    return [{ path, atKey: false, message: `the file is empty; needs ${issue.message}` }];
  }
  const what = typeof last === "string" ? `"${last}"` : "this";
  if (found === undefined) {
    return [{
      path,
      atKey: true,
      message: `${what} is missing; needs ${issue.message}`,
      absent: true,
    }];
  }
  if (found === null) {
    return [{
      path,
      atKey: false,
      message: `${what} has no value; needs ${issue.message}`,
      absent: true,
    }];
  }
  const word = issue.code === "invalid_value" && typeof found === "string"
    ? didYouMean(found, issue.values.map(String))
    : typeof found === "string" && issue.message.startsWith("a whole number") && /^\d+$/.test(found)
    ? " It is in quotes, so it is a text"
    : "";
  return [{
    path,
    atKey: false,
    message: `${show(found)} is not accepted here; needs ${issue.message}.${word}`
      .replace(/\.$/, ""),
  }];
}

function show(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a group of keys";
  if (typeof value !== "string") return String(value);
  const text = value;
  return `"${text.length > 60 ? `${text.slice(0, 60)}…` : text}"`;
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    if (!Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** False when nothing is left to take away. */
function prune(root: unknown, issues: readonly ZodIssue[], numbering: Map<object, number[]>) {
  const doomed: Path[] = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => [...issue.path, key] as Path)
      : [issue.path as Path]
  );
  // What is missing takes with it what it is missing from.
  const targets = doomed.map((path) => {
    let depth = path.length;
    while (depth > 0 && !exists(root, path.slice(0, depth))) depth--;
    return path.slice(0, depth);
  });
  // Later entries of a list first, so that the numbers of the others still hold.
  targets.sort(comparePaths).reverse();
  let changed = false;
  let last: Path | undefined;
  for (const path of targets) {
    if (path.length === 0 || (last && comparePaths(path, last) === 0)) continue;
    changed = (nameless(root, path) || remove(root, path, numbering)) || changed;
    last = path;
  }
  return changed;
}

/** A policy lives on without a right name: what else is wrong in it is told with it. */
function nameless(root: unknown, path: Path): boolean {
  const [list, index, key = "name"] = path;
  if (list !== "policies" || typeof index !== "number" || key !== "name") return false;
  const policy = valueAt(root, path.slice(0, 2));
  if (typeof policy !== "object" || policy === null || Array.isArray(policy)) return false;
  if (path.length === 2 && Object.hasOwn(policy, "name")) return false;
  (policy as Record<string, unknown>)["name"] = `number-${index + 1}`;
  return true;
}

function exists(root: unknown, path: Path): boolean {
  const parent = valueAt(root, path.slice(0, -1));
  return typeof parent === "object" && parent !== null && Object.hasOwn(parent, path.at(-1)!);
}

function remove(root: unknown, path: Path, numbering: Map<object, number[]>): boolean {
  const parent = valueAt(root, path.slice(0, -1));
  const step = path.at(-1)!;
  if (typeof parent !== "object" || parent === null || !Object.hasOwn(parent, step)) return false;
  if (Array.isArray(parent)) {
    parent.splice(step as number, 1);
    numbering.get(parent)?.splice(step as number, 1);
  } else {
    delete (parent as Record<string, unknown>)[step];
  }
  return true;
}

function comparePaths(a: Path, b: Path): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i]!, b[i]!];
    if (x === y) continue;
    return typeof x === "number" && typeof y === "number" ? x - y : String(x) < String(y) ? -1 : 1;
  }
  return a.length - b.length;
}

function structuredCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCopy);
  if (typeof value !== "object" || value === null) return value;
  const copy: Record<string, unknown> = Object.create(null);
  for (const [key, each] of Object.entries(value)) copy[key] = structuredCopy(each);
  return copy;
}

function number(value: unknown, numbering: Map<object, number[]>): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) numbering.set(value, [...value.keys()]);
  for (const each of Object.values(value)) number(each, numbering);
}
