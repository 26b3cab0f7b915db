/** Policies that are right and yet do nothing: allowed, but hardly meant. */

import { overlap, type Range, rangeOf } from "../scalar.ts";
import type { FilePolicy } from "../schema.ts";
import type { Path } from "../source.ts";
import type { Context } from "./context.ts";

type Match = FilePolicy["match"];

/** A LAN prefix, or a loopback, as part of a segment at a site. */
interface Place {
  readonly site: string;
  readonly segment: string;
  readonly range: Range;
}

export function checkEffects(context: Context): void {
  const { policies } = context.file;
  const places = placesIn(context);
  for (const [index, policy] of policies.entries()) {
    const path = ["policies", index];
    if (!context.intact(path)) continue;
    const covering = policies.slice(0, index).find((earlier, before) =>
      context.intact(["policies", before]) && !earlier.path && covers(earlier.match, policy.match)
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
  const within = places.filter((place) => segment === undefined || place.segment === segment);
  const where = segment === undefined ? "at any site" : `in segment ${segment}`;
  const [sources, destinations] = (["source", "destination"] as const).map((side) => {
    const prefix = match[side];
    if (prefix === undefined) return within;
    const found = within.filter((place) => overlap(place.range, rangeOf(prefix)));
    if (found.length === 0) {
      context.warning(
        [...path, "match", side],
        `policy ${name} never matches: no LAN ${where} has addresses of ${prefix}`,
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

/** Does the first match every packet that the second does? */
function covers(wide: Match, narrow: Match): boolean {
  return equalOrFree(wide.segment, narrow.segment) && equalOrFree(wide.dscp, narrow.dscp) &&
    equalOrFree(wide.protocol, narrow.protocol) &&
    coversPrefix(wide.source, narrow.source) &&
    coversPrefix(wide.destination, narrow.destination) &&
    coversPorts(wide.ports, narrow.ports) && coversPorts(wide.source_ports, narrow.source_ports);
}

function equalOrFree<Value>(wide: Value | undefined, narrow: Value | undefined): boolean {
  return wide === undefined || wide === narrow;
}

function coversPrefix(wide: string | undefined, narrow: string | undefined): boolean {
  if (wide === undefined) return true;
  if (narrow === undefined) return false;
  const [outer, inner] = [rangeOf(wide), rangeOf(narrow)];
  return outer.length <= inner.length && overlap(outer, inner);
}

type Ports = readonly (readonly [low: number, high: number])[] | undefined;

/** Each range within a single one of the wider: joined ranges are not seen, and not warned of. */
function coversPorts(wide: Ports, narrow: Ports): boolean {
  if (wide === undefined || wide.length === 0) return true;
  if (narrow === undefined || narrow.length === 0) return false;
  return narrow.every(([low, high]) => wide.some((range) => range[0] <= low && high <= range[1]));
}
