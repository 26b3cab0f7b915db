/** The network's own file, as the lab has to know it. */

import { formatProblem, parseNetwork } from "../config/mod.ts";
import type { Network } from "../model/network.ts";
import { interfaceName } from "../sr/labels.ts";
import { LabError } from "./error.ts";
import { type Place, siteFolder } from "./folder.ts";

/** The copy that a site's router reads. */
export async function readNetwork(place: Place, site: string): Promise<Network> {
  const file = `${siteFolder(place.folder, site)}/network.yaml`;
  return parse(await Deno.readTextFile(file), file, false);
}

/** The names of a site's WireGuard interfaces, as the router will look for them. */
export function interfaceNames(network: Network, site: string): string[] {
  const uplinks = network.sites.find(({ name }) => name === site)?.uplinks ?? [];
  return uplinks.map(interfaceName);
}

/** The file must be right but for the keys, and the lab must have what it speaks of. */
export function checkNetwork(place: Place, text: string): void {
  const network = parse(text, place.networkFile, true);
  const problems: string[] = [];
  const labSites = new Map(place.topology.sites.map((site) => [site.name, site]));
  for (const site of network.sites) {
    const labSite = labSites.get(site.name);
    if (labSite === undefined) {
      problems.push(`${place.file}: the network's site ${site.name} is missing under sites`);
      continue;
    }
    for (const { device } of site.uplinks) {
      if (labSite.uplinks.some((uplink) => uplink.name === device)) continue;
      problems.push(`${place.file}: sites.${site.name}.uplinks: the device ${device} is missing`);
    }
  }
  for (const name of labSites.keys()) {
    if (network.sites.some((site) => site.name === name)) continue;
    problems.push(`${place.networkFile}: the lab's site ${name} is missing under sites`);
  }
  if (problems.length > 0) throw new LabError(problems);
}

function parse(text: string, file: string, allowMissingKeys: boolean): Network {
  const { network, problems } = parseNetwork(text, file, { allowMissingKeys });
  if (network === undefined) throw new LabError(problems.map(formatProblem));
  return network;
}
