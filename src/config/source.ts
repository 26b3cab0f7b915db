/** YAML text → plain values, and where each of them stands. */

import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument } from "yaml";
import type { Document, ParsedNode } from "yaml";

export type Path = readonly (string | number)[];
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Source {
  readonly document: Document.Parsed<ParsedNode>;
  /** Plain objects without prototypes, arrays and scalars; `null` for an empty file. */
  readonly value: unknown;
  readonly problems: readonly (Position & { readonly message: string })[];
  /** From here on the text is no YAML, so what it means is a guess; undefined: all of it is. */
  readonly brokenFrom: Position | undefined;
  /** Of a value, or of what encloses it most closely where it is absent. */
  positionOf(path: Path): Position;
  /** Of the key under which a value stands. */
  keyPositionOf(path: Path): Position;
}

/** A file with more values than this is not written by hand: aliases of aliases, most likely. */
const MOST_VALUES = 1_000_000;

interface Located {
  readonly value: number;
  readonly keys: Map<string | number, number>;
  readonly children: Map<string | number, Located>;
}

export function readSource(text: string): Source {
  // prettyErrors would put positions into the messages; ours stand before them.
  const document = parseDocument(text, { prettyErrors: false });
  const lineStarts = startsOfLines(text);
  const at = (offset: number): Position => {
    let [line, end] = [0, lineStarts.length];
    while (end - line > 1) {
      const middle = (line + end) >> 1;
      if (lineStarts[middle]! <= offset) line = middle;
      else end = middle;
    }
    return { line: line + 1, column: Math.min(offset, text.length) - lineStarts[line]! + 1 };
  };
  const problems: (Position & { message: string })[] = [];
  const report = (offset: number, message: string) => problems.push({ ...at(offset), message });

  let brokenFrom: number | undefined;
  const lines = new Set<number>();
  for (const error of [...document.errors, ...document.warnings]) {
    const offset = error.pos[0];
    if (!HARMLESS.has(error.code)) {
      brokenFrom = Math.min(offset, brokenFrom ?? offset);
      // One slip makes several errors; the first of a line tells of it.
      if (lines.has(at(offset).line)) continue;
      lines.add(at(offset).line);
    }
    report(offset, syntaxMessage(error.code, error.message));
  }

  let values = 0;
  const located = (node: Node | null): Located => ({
    value: node?.range?.[0] ?? 0,
    keys: new Map(),
    children: new Map(),
  });

  /** Follows aliases; `open` holds the nodes that this one lies within, against circles. */
  function convert(node: Node | null, open: ReadonlySet<Node>): [unknown, Located] {
    const place = located(node);
    if (++values > MOST_VALUES) {
      if (values === MOST_VALUES + 1) report(place.value, `more than ${MOST_VALUES} values`);
      return [null, place];
    }
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (target === undefined) {
        report(place.value, `*${node.source} stands for nothing: no &${node.source} before it`);
        return [null, place];
      }
      if (open.has(target)) {
        report(place.value, `*${node.source} refers to something that holds it`);
        return [null, place];
      }
      return [convert(target, open)[0], place];
    }
    if (isScalar(node)) return [node.value, place];
    if (isSeq(node)) {
      const inside = new Set(open).add(node);
      return [
        node.items.map((item, index) => {
          const [value, child] = convert(item as Node, inside);
          place.keys.set(index, child.value);
          place.children.set(index, child);
          return value;
        }),
        place,
      ];
    }
    if (!isMap(node)) return [null, place];
    const inside = new Set(open).add(node);
    const object: Record<string, unknown> = Object.create(null);
    for (const pair of node.items) {
      const key = pair.key as Node | null;
      const keyOffset = key?.range?.[0] ?? place.value;
      if (!isScalar(key) || key.value === null) {
        // After a break it is only what the parser made of the rest.
        if (keyOffset < (brokenFrom ?? Infinity)) report(keyOffset, "a key must be a plain word");
        continue;
      }
      const name = String(key.value);
      if (name in object) continue; // reported by the parser; the first counts
      const [value, child] = convert(pair.value as Node | null, inside);
      // An absent value has no position of its own: it is missing behind its key.
      if (!(pair.value as Node | null)?.range) (child as { value: number }).value = keyOffset;
      object[name] = value;
      place.keys.set(name, keyOffset);
      place.children.set(name, child);
    }
    return [object, place];
  }

  const [value, root] = convert(document.contents, new Set());
  return {
    document,
    value,
    problems,
    brokenFrom: brokenFrom === undefined ? undefined : at(brokenFrom),
    positionOf(path) {
      let place = root;
      for (const [depth, step] of path.entries()) {
        const child = place.children.get(step);
        if (child === undefined) {
          return depth === 0 || place.children.size === 0 ? at(place.value) : keyAt(path, depth);
        }
        place = child;
      }
      return at(place.value);
    },
    keyPositionOf: (path) => keyAt(path, path.length),
  };

  /** The key of the first `depth` steps of the path, or the nearest above it that exists. */
  function keyAt(path: Path, depth: number): Position {
    let place = root;
    let offset = root.value;
    for (const step of path.slice(0, depth)) {
      offset = place.keys.get(step) ?? offset;
      const child = place.children.get(step);
      if (child === undefined) break;
      place = child;
    }
    return at(offset);
  }
}

/** Counted here, since the parser's own LineCounter counts some lines of damaged text twice. */
function startsOfLines(text: string): number[] {
  const starts = [0];
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", end + 1)) {
    starts.push(end + 1);
  }
  return starts;
}

/** What they complain of leaves no doubt about the rest of the text. */
const HARMLESS: ReadonlySet<string> = new Set(["DUPLICATE_KEY", "TAG_RESOLVE_FAILED"]);

function syntaxMessage(code: string, message: string): string {
  if (code === "BAD_INDENT" && message.startsWith("All mapping items")) {
    return "this line is indented like none above; the keys of one group begin in one column";
  }
  if (code === "BAD_INDENT" && message.startsWith("Flow")) {
    return "a { or [ is opened above and not closed; needs its } or ]";
  }
  if (code === "BLOCK_AS_IMPLICIT_KEY" && message.startsWith("Nested")) {
    return "a `key: value` within another; needs a line of its own, indented like its neighbours";
  }
  if (code === "MISSING_CHAR" && message.startsWith("Missing ,")) {
    return 'needs a comma before this; a text with "[", "{", "#" or ": " in it needs quotes';
  }
  return SYNTAX[code] ?? `not YAML: ${message}`;
}

const SYNTAX: Partial<Record<string, string>> = {
  DUPLICATE_KEY: "this key stands here for the second time; each key once",
  MULTIPLE_DOCS: "a second document begins here; one document (no further `---`) is accepted",
  TAB_AS_INDENT: "a tab indents this line; YAML accepts spaces only",
  MULTILINE_IMPLICIT_KEY: "no `key: value` on this line; needs a colon and a space after the key",
  BLOCK_AS_IMPLICIT_KEY: "keys and `- ` entries are mixed in one group; needs one or the other",
  UNEXPECTED_TOKEN:
    'text that YAML does not expect here; a text with "[", "{", "#" or ": " in it needs quotes',
};
