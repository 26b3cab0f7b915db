/** What the lab has to know of the network's own file. */

import { parse } from "@std/yaml";
import { LabError } from "./error.ts";
import type { Place } from "./folder.ts";

/** The names of a site's WireGuard interfaces, as the router will look for them. */
export function interfaceNames(text: string, site: string): string[] {
  const file = parse(text) as NetworkFile;
  return Object.entries(file.sites?.[site]?.uplinks ?? {})
    .map(([name, uplink]) => `lw-${uplink.number}-${name}`.slice(0, 15));
}

/** The lab must have what the network's file speaks of; everything else is the router's to check. */
export function checkNetwork(place: Place, text: string): void {
  let file: NetworkFile;
  try {
    file = parse(text) as NetworkFile;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new LabError([`${place.networkFile}: ${why}`]);
  }
  const problems: string[] = [];
  const labSites = new Map(place.topology.sites.map((site) => [site.name, site]));
  for (const [name, site] of Object.entries(file.sites ?? {})) {
    const labSite = labSites.get(name);
    if (labSite === undefined) {
      problems.push(`${place.file}: the network's site ${name} is missing under sites`);
      continue;
    }
    for (const uplink of Object.values(site.uplinks ?? {})) {
      if (labSite.uplinks.every((other) => other.name !== uplink.device)) {
        problems.push(
          `${place.file}: sites.${name}.uplinks: the network's device ${uplink.device} is missing`,
        );
      }
    }
  }
  for (const name of labSites.keys()) {
    if (file.sites?.[name] === undefined) {
      problems.push(`${place.networkFile}: the lab's site ${name} is missing under sites`);
    }
  }
  if (problems.length > 0) throw new LabError(problems);
}

interface NetworkFile {
  readonly sites?: Readonly<
    Record<
      string,
      { readonly uplinks?: Readonly<Record<string, { number: number; device: string }>> }
    >
  >;
}
