/**
 * GML (M. Himsolt, "GML: A portable Graph File Format", 1996), as far as a network needs it: what
 * stands in the graph beside nodes, edges and coordinates is read over.
 */

import { LabError } from "../error.ts";

export interface Graph {
  /** In the order of the file. */
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

export interface GraphNode {
  readonly id: number;
  readonly label: string;
  /** Degrees; null: not in the file. */
  readonly place: { readonly latitude: number; readonly longitude: number } | null;
}

export interface GraphEdge {
  /** Ids of nodes. */
  readonly source: number;
  readonly target: number;
}

type Value = number | string | List;
interface Entry {
  readonly key: string;
  readonly value: Value;
  readonly line: number;
}
type List = readonly Entry[];

/** Throws {@link LabError} with every problem, each with its line. */
export function parseGml(text: string, file: string): Graph {
  const top = new Reader(text, file).list(false);
  const graph = top.find(({ key, value }) => key === "graph" && typeof value === "object");
  if (graph === undefined) throw new LabError([`${file}: there is no graph [ … ] in it`]);
  const problems: string[] = [];
  const complain = (line: number, message: string) => problems.push(`${file}:${line}: ${message}`);
  const entries = graph.value as List;
  const nodes = new Map<number, GraphNode>();
  for (const { value, line } of parts(entries, "node")) {
    const id = number(value, "id");
    if (id === null) complain(line, "node has no id; accepted is a number");
    else if (nodes.has(id)) complain(line, `node ${id} is there already`);
    else nodes.set(id, { id, label: labelOf(value, id), place: placeOf(value) });
  }
  const edges = parts(entries, "edge").flatMap(({ value, line }): GraphEdge[] => {
    const ends = ["source", "target"].map((key) => {
      const id = number(value, key);
      if (id === null) complain(line, `edge has no ${key}; accepted is the id of a node`);
      else if (!nodes.has(id)) complain(line, `edge: ${key} is ${id}; there is no such node`);
      return id;
    });
    return [{ source: ends[0] ?? NaN, target: ends[1] ?? NaN }];
  });
  if (nodes.size === 0) complain(graph.line, "the graph has no node");
  if (problems.length > 0) throw new LabError(problems);
  return { nodes: [...nodes.values()], edges };
}

function parts(entries: List, key: string): { value: List; line: number }[] {
  return entries.flatMap((entry) =>
    entry.key === key && typeof entry.value === "object"
      ? [{ value: entry.value, line: entry.line }]
      : []
  );
}

function number(list: List, key: string): number | null {
  const value = list.find((entry) => entry.key === key)?.value;
  return typeof value === "number" ? value : null;
}

function labelOf(list: List, id: number): string {
  const value = list.find(({ key }) => key === "label")?.value;
  return typeof value === "string" || typeof value === "number"
    ? decoded(String(value))
    : String(id);
}

const ENTITIES: Readonly<Record<string, string>> = { quot: '"', amp: "&", lt: "<", gt: ">" };

/** Texts are ASCII; whatever else there is stands in them as in HTML. */
function decoded(text: string): string {
  return text.replaceAll(/&(?:#(\d{1,6})|(\w+));/g, (whole, code, name) => {
    if (code === undefined) return ENTITIES[name] ?? whole;
    return Number(code) > 0x10ffff ? whole : String.fromCodePoint(Number(code));
  });
}

function placeOf(list: List): GraphNode["place"] {
  const [latitude, longitude] = [number(list, "Latitude"), number(list, "Longitude")];
  return latitude === null || longitude === null ? null : { latitude, longitude };
}

/** One token after the other, with lines for messages. */
class Reader {
  readonly #tokens: IterableIterator<RegExpMatchArray>;
  readonly #file: string;
  #line = 1;
  #at = 0;

  constructor(text: string, file: string) {
    this.#file = file;
    // Comments and blanks are tokens as well, so that nothing is skipped unseen.
    this.#tokens = text.matchAll(
      /(?<blank>\s+|#[^\n]*)|(?<key>[A-Za-z_]\w*)|(?<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|"(?<text>[^"]*)"|(?<bracket>[[\]])|(?<other>.)/gs,
    );
  }

  /** Keys and values up to the closing bracket, or the end of the file. */
  list(inside: boolean): List {
    const opened = this.#line;
    const entries: Entry[] = [];
    for (;;) {
      const token = this.#next();
      if (token === null) {
        if (inside) this.#fail(`the list that begins in line ${opened} is not closed by ]`);
        return entries;
      }
      if (token.bracket === "]" && inside) return entries;
      if (token.key === undefined) this.#fail("accepted is a key, e.g. node");
      const line = this.#line;
      entries.push({ key: token.key!, value: this.#value(token.key!), line });
    }
  }

  #value(key: string): Value {
    const token = this.#next();
    if (token?.bracket === "[") return this.list(true);
    if (token?.number !== undefined) return Number(token.number);
    if (token?.text !== undefined) return token.text;
    return this.#fail(`${key} has no value; accepted is a number, a "text" or a [ list ]`);
  }

  #next(): Record<string, string | undefined> | null {
    for (;;) {
      const { value: match, done } = this.#tokens.next();
      this.#line += this.#at;
      this.#at = 0;
      if (done) return null;
      this.#at = match[0].split("\n").length - 1;
      const groups = match.groups!;
      if (groups.blank === undefined) return groups;
    }
  }

  #fail(message: string): never {
    throw new LabError([`${this.#file}:${this.#line}: ${message}`]);
  }
}
