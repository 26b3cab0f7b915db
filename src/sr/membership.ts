import type { Network, Segment, Site } from "../model/network.ts";

/** Which site has which segment, indexed: asked for each egress of each segment. */
export interface Membership {
  /** Segments with LANs at the site, by number. */
  segmentsAt(site: string): readonly Segment[];
  has(segment: Segment, site: string): boolean;
  /** Other sites with a LAN in a segment of this one, or in the one named; ascending. */
  sharedWith(site: string, segment?: string): string[];
  /** LAN prefixes of the site in the segment, and its loopbacks if they live there; sorted. */
  prefixes(segment: Segment, site: Site): string[];
}

export function indexMembership(network: Network): Membership {
  const bySite = new Map<string, Segment[]>();
  const lans = new Map<number, Map<string, string[]>>();
  for (const segment of [...network.segments].sort((a, b) => a.number - b.number)) {
    const sites = new Map<string, string[]>();
    lans.set(segment.number, sites);
    for (const { site, prefixes } of segment.lans) {
      if (prefixes.length === 0) continue;
      if (!sites.has(site)) bySite.set(site, [...bySite.get(site) ?? [], segment]);
      sites.set(site, [...sites.get(site) ?? [], ...prefixes]);
    }
  }
  const segmentsAt = (site: string) => bySite.get(site) ?? [];
  return {
    segmentsAt,
    sharedWith(site, name) {
      const names = new Set(
        segmentsAt(site).filter((segment) => name === undefined || segment.name === name)
          .flatMap((segment) => segment.lans.map((lan) => lan.site)),
      );
      names.delete(site);
      return [...names].sort();
    },
    has: (segment, site) => lans.get(segment.number)?.has(site) ?? false,
    prefixes(segment, site) {
      const all = new Set(lans.get(segment.number)?.get(site.name));
      // The loopbacks live in the lowest-numbered segment of their site.
      if (segmentsAt(site.name)[0]?.number === segment.number) {
        if (site.loopback4) all.add(`${site.loopback4}/32`);
        if (site.loopback6) all.add(`${site.loopback6}/128`);
      }
      return [...all].sort();
    },
  };
}
