/** A network to be, from a graph or a matrix: sites with names a lab can use, and links with delays. */

import { LabError } from "../error.ts";
import { fibreMicros } from "./delay.ts";
import type { Graph } from "./gml.ts";
import type { LatencyMatrix } from "./latency.ts";

export interface Plan {
  /** Each its own link (`links`), or one uplink that meets everybody (`mesh`). */
  readonly uplinks: "links" | "mesh";
  /** Names, as a lab accepts them, no two alike. */
  readonly sites: readonly string[];
  readonly links: readonly PlannedLink[];
  /** What was left out or assumed, for a person. */
  readonly notes: readonly string[];
}

export interface PlannedLink {
  /** Indices of sites; `a` is below `b`. */
  readonly a: number;
  readonly b: number;
  /** One way, µs. */
  readonly delayMicros: number;
}

export interface PlanOptions {
  /** One-way delay where the file gives none, µs; null: 5 ms in a graph, the longest in a matrix. */
  readonly unknownMicros: number | null;
  /** Sites at most; null: all. */
  readonly most: number | null;
}

/** What a link without coordinates takes: 1,000 km of fibre. */
const UNKNOWN_MICROS = 5000;
const NAME_BYTES = 15;

/** Sites are the nodes that have a link, those first that the best connected one reaches first. */
export function planGraph({ nodes, edges }: Graph, file: string, options: PlanOptions): Plan {
  const places = new Map(nodes.map(({ place }, index) => [index, place]));
  const index = new Map(nodes.map(({ id }, at) => [id, at]));
  const ends = edges.map(({ source, target }) => [index.get(source)!, index.get(target)!] as const);
  const pairs = ends.filter(([a, b]) => a !== b);
  const kept = reached(nodes.length, pairs, options.most);
  if (kept.length < 2) throw new LabError([`${file}: no two nodes have a link between them`]);
  const place = new Map(kept.map((node, at) => [node, at]));
  let unknown = 0;
  const links = pairs.flatMap(([from, to]): PlannedLink[] => {
    const [a, b] = [place.get(from), place.get(to)];
    if (a === undefined || b === undefined) return [];
    const [near, far] = [places.get(from), places.get(to)];
    if (!near || !far) unknown++;
    const delayMicros = near && far
      ? Math.max(1, Math.round(fibreMicros(near, far)))
      : options.unknownMicros ?? UNKNOWN_MICROS;
    return [{ a: Math.min(a, b), b: Math.max(a, b), delayMicros }];
  });
  const notes = [
    ...noted(ends.length - pairs.length, "link leads", "links lead", "back to its node: left out"),
    ...noted(nodes.length - kept.length, "node is", "nodes are", "left out"),
    ...noted(
      unknown,
      "link has",
      "links have",
      "no coordinates at both ends: their delay is assumed",
    ),
  ];
  return { uplinks: "links", sites: siteNames(kept.map((at) => nodes[at]!.label)), links, notes };
}

/** A site for each row, the first ones where there are too many. */
export function planMatrix(matrix: LatencyMatrix, file: string, options: PlanOptions): Plan {
  const count = Math.min(matrix.length, options.most ?? Infinity);
  if (count < 2) throw new LabError([`${file}: there is one machine; accepted are two or more`]);
  const known = matrix.flatMap((row) => row.filter((value) => value !== null));
  const unknownMicros = options.unknownMicros ??
    Math.round(known.reduce((most, value) => Math.max(most, value), 2 * UNKNOWN_MICROS) / 2);
  const links: PlannedLink[] = [];
  let unknown = 0;
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      const both = [matrix[a]![b], matrix[b]![a]].filter((value) => value != null);
      if (both.length === 0) unknown++;
      const trip = both.reduce((sum, value) => sum + value, 0) / both.length;
      links.push({ a, b, delayMicros: both.length > 0 ? Math.round(trip / 2) : unknownMicros });
    }
  }
  return {
    uplinks: "mesh",
    sites: Array.from({ length: count }, (_, row) => `site${row + 1}`),
    links,
    notes: [
      ...noted(matrix.length - count, "machine is", "machines are", "left out"),
      ...noted(unknown, "pair was", "pairs were", "never measured: their delay is assumed"),
    ],
  };
}

/** Breadth first from the node with most links; with no bound, whatever else has a link follows. */
function reached(
  count: number,
  pairs: readonly (readonly [number, number])[],
  most: number | null,
): number[] {
  const near: number[][] = Array.from({ length: count }, () => []);
  for (const [a, b] of pairs) {
    near[a]!.push(b);
    near[b]!.push(a);
  }
  if (most === null) return near.flatMap((others, node) => others.length > 0 ? [node] : []);
  const first = near.reduce((best, { length }, at) => length > near[best]!.length ? at : best, 0);
  const found = new Set([first]);
  for (const node of found) {
    for (const other of near[node]!) if (found.size < most) found.add(other);
  }
  return [...found].sort((a, b) => a - b);
}

function noted(count: number, one: string, many: string, what: string): string[] {
  return count === 0 ? [] : [`${count} ${count === 1 ? one : many} ${what}`];
}

/** `São Paulo` → `sao-paulo`; the second of a name is `sao-paulo-2`. */
export function siteNames(labels: readonly string[]): string[] {
  const taken = new Set<string>();
  return labels.map((label, index) => {
    const plain = label.normalize("NFKD").toLowerCase().replaceAll(/\p{M}/gu, "")
      .replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^[^a-z]+/g, "");
    const base = trimmed(plain, NAME_BYTES) || `site${index + 1}`;
    let name = base;
    for (let number = 2; taken.has(name); number++) {
      name = `${trimmed(base, NAME_BYTES - 1 - String(number).length)}-${number}`;
    }
    taken.add(name);
    return name;
  });
}

function trimmed(name: string, bytes: number): string {
  return name.slice(0, bytes).replaceAll(/-+$/g, "");
}
