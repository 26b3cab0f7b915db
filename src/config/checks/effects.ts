/** Policies that are right and yet do nothing: allowed, but hardly meant. */

import { type Alternative, alternatives } from "../../match/alternatives.ts";
import { contains } from "../../match/prefix.ts";
import type { Place as End, PolicyMatch, PortRange } from "../../model/network.ts";
import { buildMatch } from "../build_policy.ts";
import { overlap, type Range, rangeOf } from "../scalar.ts";
import type { FilePolicy } from "../schema.ts";
import type { Path } from "../source.ts";
import type { Context } from "./context.ts";

/** A LAN prefix, or a loopback, as part of a segment at a site. */
interface Place {
  readonly site: string;
  readonly segment: string;
  readonly range: Range;
}

export function checkEffects(context: Context): void {
  const { policies } = context.file;
  const places = placesIn(context);
  const spelled = policies.map(({ match }) => spell(buildMatch(context.file, match)));
  for (const [index, policy] of policies.entries()) {
    const path = ["policies", index];
    if (!context.intact(path)) continue;
    const covering = policies.slice(0, index).find((earlier, before) =>
      context.intact(["policies", before]) && !earlier.path &&
      context.intact(["applications"]) && covers(spelled[before]!, spelled[index]!)
    );
    if (covering) {
      context.warning(
        [...path, "name"],
        `policy ${policy.name} never decides: ${covering.name} above it matches all that it does; ` +
          "put it first, or match less above",
      );
    } else if (context.intact(["sites"]) && context.intact(["segments"])) {
      checkPlaces(context, path, policy, places);
    }
  }
}

/** Traffic that the policy speaks of must be able to exist: from one site to another. */
function checkPlaces(
  context: Context,
  path: Path,
  { name, match, path: hops }: FilePolicy,
  places: readonly Place[],
): void {
  const { segment } = match;
  if (segment !== undefined && !context.names.segments.has(segment)) return;
  const isSite = (site: string) => context.names.sites.has(site);
  const within = places.filter((place) => segment === undefined || place.segment === segment);
  const where = segment === undefined ? "at any site" : `in segment ${segment}`;
  const [sources, destinations] = (["source", "destination"] as const).map((side) => {
    const ends = match[side];
    if (ends === undefined) return within;
    const found = within.filter((place) => ends.some((end) => isAt(place, end)));
    if (found.length === 0 && ends.every((end) => !("site" in end) || isSite(end.site))) {
      const what = ends.map((end) => "site" in end ? `site ${end.site}` : end.prefix).join(" or ");
      context.warning(
        [...path, "match", side],
        ends.some((end) => "site" in end)
          ? `policy ${name} never matches: ${what} has no LAN ${where}`
          : `policy ${name} never matches: no LAN ${where} has addresses of ${what}`,
      );
    }
    return found;
  }) as [Place[], Place[]];
  if (sources.length === 0 || destinations.length === 0) return;

  const [first, last] = [hops?.[0]?.from.site, hops?.at(-1)?.to.site];
  const meets = sources.some((from) =>
    (first === undefined || from.site === first) &&
    destinations.some((to) =>
      (last === undefined || to.site === last) && to.site !== from.site &&
      to.segment === from.segment
    )
  );
  if (meets) return;
  context.warning(
    hops ? [...path, "path"] : [...path, "name"],
    first !== undefined && last !== undefined
      ? `policy ${name} never matches: its path leads from ${first} to ${last}, and nothing that ` +
        "it matches goes from the one to the other"
      : `policy ${name} never matches: what it speaks of is at one site only`,
    hops ? "key" : undefined,
  );
}

/** The loopbacks belong to the site's segment with the smallest number. */
function placesIn({ file }: Context): Place[] {
  return Object.entries(file.sites).flatMap(([site, { lans, loopback = [] }]) => {
    const members = Object.entries(lans).filter(([, prefixes]) => prefixes.length > 0);
    const numberOf = (segment: string) => file.segments[segment]?.number ?? Infinity;
    const home = members.map(([segment]) => segment).sort((a, b) => numberOf(a) - numberOf(b))[0];
    const all: [string, readonly string[]][] = home === undefined
      ? members
      : [...members, [home, loopback]];
    return all.flatMap(([segment, texts]) =>
      texts.map((text) => ({ site, segment, range: rangeOf(text) }))
    );
  });
}

function isAt(place: Place, end: End): boolean {
  return "site" in end ? place.site === end.site : overlap(place.range, rangeOf(end.prefix));
}

interface Spelled {
  readonly match: PolicyMatch;
  readonly alternatives: readonly Alternative[];
}

function spell(match: PolicyMatch): Spelled {
  return { match, alternatives: alternatives(match) };
}

/**
 * Does the first match every packet that the second does? True only where each alternative of the
 * second lies within a single one of the first: several that share it out are not seen, nor warned
 * of.
 */
function covers(wide: Spelled, narrow: Spelled): boolean {
  const [outer, inner] = [wide.match, narrow.match];
  if (outer.segment !== undefined && outer.segment !== inner.segment) return false;
  if (outer.time && JSON.stringify(outer.time) !== JSON.stringify(inner.time)) return false;
  return narrow.alternatives.length > 0 &&
    narrow.alternatives.every((small) =>
      wide.alternatives.some((large) => coversAlternative(large, small))
    );
}

function coversAlternative(wide: Alternative, narrow: Alternative): boolean {
  return equalOrFree(wide.dscp, narrow.dscp) && equalOrFree(wide.protocol, narrow.protocol) &&
    coversEnd(wide.source, narrow.source) && coversEnd(wide.destination, narrow.destination) &&
    coversServer(wide.sourceServer, narrow.sourceServer, narrow.source) &&
    coversServer(wide.destinationServer, narrow.destinationServer, narrow.destination) &&
    coversPorts(wide.sourcePorts, narrow.sourcePorts) &&
    coversPorts(wide.destinationPorts, narrow.destinationPorts);
}

function equalOrFree<Value>(wide: Value | null, narrow: Value | null): boolean {
  return wide === null || wide === narrow;
}

function coversEnd(wide: End | null, narrow: End | null): boolean {
  if (wide === null) return true;
  if (narrow === null) return false;
  if ("site" in wide) return "site" in narrow && wide.site === narrow.site;
  return "prefix" in narrow && contains(wide.prefix, narrow.prefix);
}

function coversServer(wide: string | null, narrow: string | null, end: End | null): boolean {
  if (wide === null) return true;
  const inner = narrow ?? (end !== null && "prefix" in end ? end.prefix : null);
  return inner !== null && contains(wide, inner);
}

/** Each range within a single one of the wider, which are apart from each other. */
function coversPorts(wide: readonly PortRange[], narrow: readonly PortRange[]): boolean {
  if (wide.length === 0) return true;
  if (narrow.length === 0) return false;
  return narrow.every(([low, high]) => wide.some((range) => range[0] <= low && high <= range[1]));
}
