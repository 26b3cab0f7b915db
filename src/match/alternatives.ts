/**
 * What a policy matches, spelled out: a list of plain conditions of which one has to hold. The
 * engine's rules have one prefix a side, one DSCP and one protocol each; a policy may have several
 * of each, and applications that look at either end.
 */

import type { ApplicationTerm, Place, PolicyMatch, PortRange } from "../model/network.ts";
import type { Prefix } from "../model/quantity.ts";
import { contains, isIpv6, overlaps } from "./prefix.ts";

/** Every field that asks for something must hold; null and empty lists ask for nothing. */
export interface Alternative {
  readonly source: Place | null;
  readonly destination: Place | null;
  /** Of an application's server on this side, beside the place; a prefix as place is cut down to it. */
  readonly sourceServer: Prefix | null;
  readonly destinationServer: Prefix | null;
  readonly dscp: number | null;
  readonly protocol: number | null;
  readonly sourcePorts: readonly PortRange[];
  readonly destinationPorts: readonly PortRange[];
}

/**
 * Most alternatives of one policy. Each becomes a rule for every other site of the segment, and a
 * packet whose flow is new is compared with them one after the other.
 */
export const MOST_ALTERNATIVES = 128;

/** TCP, UDP and SCTP: the protocols whose ports are read. */
export const WITH_PORTS: readonly number[] = [6, 17, 132];

/**
 * Empty: no packet can match, because what the policy asks for contradicts its applications. The
 * segment and the time are no part of it.
 */
export function alternatives(match: PolicyMatch): Alternative[] {
  const sides: readonly Side[] = match.applications.length === 0
    ? [NO_SIDE]
    : match.applications.flatMap(({ terms }) => terms.flatMap(sidesOf));
  const found = sides.flatMap((side) => withSide(match, side));
  return joinPorts(joinPorts(found, "destinationPorts"), "sourcePorts");
}

/** One application term, looked at from one direction. */
interface Side {
  readonly protocols: readonly number[];
  readonly dscps: readonly number[];
  readonly sourcePorts: readonly PortRange[];
  readonly destinationPorts: readonly PortRange[];
  readonly sourceServers: readonly Prefix[];
  readonly destinationServers: readonly Prefix[];
}

const NO_SIDE: Side = {
  protocols: [],
  dscps: [],
  sourcePorts: [],
  destinationPorts: [],
  sourceServers: [],
  destinationServers: [],
};

function sidesOf({ protocols, dscps, ports, servers }: ApplicationTerm): Side[] {
  const common = { ...NO_SIDE, protocols, dscps };
  if (ports.length === 0 && servers.length === 0) return [common];
  return [
    { ...common, destinationPorts: ports, destinationServers: servers },
    { ...common, sourcePorts: ports, sourceServers: servers },
  ];
}

function withSide(match: PolicyMatch, side: Side): Alternative[] {
  const sourcePorts = both(match.sourcePorts, side.sourcePorts, crossPorts);
  const destinationPorts = both(match.destinationPorts, side.destinationPorts, crossPorts);
  const dscps = both(match.dscps, side.dscps, common);
  const protocols = both(match.protocols, side.protocols, common);
  if (!sourcePorts || !destinationPorts || !dscps || !protocols) return [];
  const asksPorts = sourcePorts.length > 0 || destinationPorts.length > 0;
  const sources = ends(match.sources, side.sourceServers);
  const destinations = ends(match.destinations, side.destinationServers);
  return each(protocols).flatMap((protocol) => {
    // Only these have ports: another protocol would match nothing.
    if (asksPorts && protocol !== null && !WITH_PORTS.includes(protocol)) return [];
    return each(dscps).flatMap((dscp) =>
      sources.flatMap((from) =>
        destinations.filter((to) => sameFamily(from, to)).map((to) => ({
          source: from.place,
          destination: to.place,
          sourceServer: from.server,
          destinationServer: to.server,
          dscp,
          protocol,
          sourcePorts,
          destinationPorts,
        }))
      )
    );
  });
}

interface End {
  readonly place: Place | null;
  readonly server: Prefix | null;
}

/** Every place with every server, a prefix cut down to what it has in common with the server. */
function ends(places: readonly Place[], servers: readonly Prefix[]): End[] {
  return each(places).flatMap((place) =>
    each(servers).flatMap((server): End[] => {
      if (place === null || "site" in place || server === null) return [{ place, server }];
      if (!overlaps(place.prefix, server)) return [];
      return [{
        place: contains(place.prefix, server) ? { prefix: server } : place,
        server: null,
      }];
    })
  );
}

function sameFamily(from: End, to: End): boolean {
  const families = [from, to].flatMap(({ place, server }) => [
    ...(place !== null && "prefix" in place ? [isIpv6(place.prefix)] : []),
    ...(server === null ? [] : [isIpv6(server)]),
  ]);
  return new Set(families).size <= 1;
}

/** What both lists allow, where an empty one allows everything; null: nothing. */
function both<Item>(
  own: readonly Item[],
  other: readonly Item[],
  cross: (own: readonly Item[], other: readonly Item[]) => readonly Item[],
): readonly Item[] | null {
  if (own.length === 0) return other;
  if (other.length === 0) return own;
  const left = cross(own, other);
  return left.length === 0 ? null : left;
}

function common(own: readonly number[], other: readonly number[]): number[] {
  return own.filter((one) => other.includes(one));
}

function crossPorts(own: readonly PortRange[], other: readonly PortRange[]): PortRange[] {
  return own.flatMap(([low, high]) =>
    other.map(([from, to]): PortRange => [Math.max(low, from), Math.min(high, to)])
      .filter(([from, to]) => from <= to)
  );
}

function each<Item>(list: readonly Item[]): readonly (Item | null)[] {
  return list.length === 0 ? [null] : list;
}

/** Alternatives that differ in this side's ports alone become one. */
function joinPorts(
  found: readonly Alternative[],
  side: "sourcePorts" | "destinationPorts",
): Alternative[] {
  const groups = Map.groupBy(found, (one) => JSON.stringify({ ...one, [side]: null }));
  return [...groups.values()].flatMap((group) => {
    const asking = group.filter((one) => one[side].length > 0);
    // One that asks for no port here takes in packets without ports too: it covers the others.
    if (asking.length < group.length) return [{ ...group[0]!, [side]: [] }];
    return [{ ...group[0]!, [side]: joined(group.flatMap((one) => one[side])) }];
  });
}

/** Ascending, apart from each other. */
export function joined(ranges: readonly PortRange[]): PortRange[] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const result: [number, number][] = [];
  for (const [low, high] of sorted) {
    const last = result.at(-1);
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else result.push([low, high]);
  }
  return result;
}
