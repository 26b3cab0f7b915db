/** Which uplinks meet: the one rule from which all adjacencies follow. */

import type { File, FileUplink } from "./schema.ts";

export interface End {
  readonly site: string;
  readonly name: string;
  readonly uplink: FileUplink;
}

/** The reason why two uplinks have no adjacency; undefined: they have one. */
export function whyApart(file: File, a: End, b: End): string | undefined {
  if (a.site === b.site) return `both are uplinks of site ${a.site}`;
  const [one, other] = [a.uplink.color, b.uplink.color];
  if (!colorsMeet(file, one, other)) {
    return file.colors.meet.length === 0
      ? `colors ${one} and ${other} differ, and only equal ones meet without colors.meet`
      : `colors.meet does not list [${one}, ${other}]`;
  }
  if (!a.uplink.endpoint && !b.uplink.endpoint) {
    return `neither ${a.site}.${a.name} nor ${b.site}.${b.name} has an endpoint`;
  }
  return undefined;
}

export function colorsMeet(file: File, one: string, other: string): boolean {
  const { meet } = file.colors;
  if (meet.length === 0) return one === other;
  return meet.some(([x, y]) => (x === one && y === other) || (x === other && y === one));
}

export function ends(file: File): End[] {
  return Object.entries(file.sites).flatMap(([site, { uplinks }]) =>
    Object.entries(uplinks).map(([name, uplink]) => ({ site, name, uplink }))
  );
}

/** Site → sites that some adjacency leads to. */
export function neighbours(file: File): Map<string, Set<string>> {
  const all = ends(file);
  const result = new Map(Object.keys(file.sites).map((site) => [site, new Set<string>()]));
  const byColor = Map.groupBy(all, (end) => end.uplink.color);
  // Not each color with each: a network of links has a color for each end of each link.
  const pairs = file.colors.meet.length === 0
    ? [...byColor.keys()].map((color) => [color, color] as const)
    : file.colors.meet.flatMap(([one, other]) => [[one, other], [other, one]] as const);
  for (const [color, otherColor] of pairs) {
    for (const a of byColor.get(color) ?? []) {
      for (const b of byColor.get(otherColor) ?? []) {
        if (a.site !== b.site && (a.uplink.endpoint || b.uplink.endpoint)) {
          result.get(a.site)!.add(b.site);
        }
      }
    }
  }
  return result;
}
