/** One packet held against a policy by hand: what matches, and what does not. */

import type { ApplicationTerm, Place, Policy, PolicyMatch, PortRange } from "../model/network.ts";
import type { Instant } from "../model/quantity.ts";
import { WITH_PORTS } from "./alternatives.ts";
import { holdsAddress } from "./prefix.ts";
import { formatWindow, holdsAt, isTrueClock } from "./time.ts";
import { dscpName, protocolName } from "./words.ts";

/** What of a customer packet decides. */
export interface PacketHeader {
  readonly segment: string;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly dscp: number;
  /** null: it has none, as a later fragment. */
  readonly ports: { readonly source: number; readonly destination: number } | null;
  /** The sites at which it enters the overlay and leaves it. */
  readonly ingress: string;
  readonly egress: string;
}

/** Why the policy does not match, a reason for each thing that it asks for; empty: it matches. */
export function whyNoMatch(policy: Policy, packet: PacketHeader, now: Instant): string[] {
  const { match } = policy;
  const path = policy.steps[0]?.kind === "explicit" ? policy.steps[0].hops : [];
  const [first, last] = [path[0]?.from.site, path.at(-1)?.to.site];
  const ports = asPorts(packet);
  return [
    match.segment !== undefined && match.segment !== packet.segment &&
    `segment is ${packet.segment}, not ${match.segment}`,
    match.sources.length > 0 &&
    !match.sources.some((place) => isAt(place, packet.source, packet.ingress)) &&
    `source is ${packet.source} at ${packet.ingress}, not ${formatPlaces(match.sources)}`,
    match.destinations.length > 0 &&
    !match.destinations.some((place) => isAt(place, packet.destination, packet.egress)) &&
    `destination is ${packet.destination} at ${packet.egress}, not ${
      formatPlaces(match.destinations)
    }`,
    !isAmong(match.protocols, packet.protocol) &&
    `protocol is ${protocolName(packet.protocol)}, not ${
      match.protocols.map(protocolName).join(" or ")
    }`,
    !isAmong(match.dscps, packet.dscp) &&
    `DSCP is ${dscpName(packet.dscp)}, not ${match.dscps.map(dscpName).join(" or ")}`,
    !isWithin(match.destinationPorts, ports?.destination) &&
    `${formatPort("destination port", ports?.destination)}, not ${
      formatPorts(match.destinationPorts)
    }`,
    !isWithin(match.sourcePorts, ports?.source) &&
    `${formatPort("source port", ports?.source)}, not ${formatPorts(match.sourcePorts)}`,
    !isOfApplications(match, packet) &&
    `it is no traffic of ${match.applications.map(({ name }) => name).join(" or ")}`,
    match.time !== undefined && !holdsAt(match.time, now) &&
    (isTrueClock(now)
      ? `it is not ${formatWindow(match.time)} now`
      : `the clock is wrong (${new Date(now).toISOString()}), so no time of day holds`),
    first !== undefined && first !== packet.ingress && `its path begins at ${first}`,
    last !== undefined && last !== packet.egress && `its path ends at ${last}`,
  ].filter((reason) => reason !== false);
}

/** Of which of the match's applications the packet is. */
export function applicationsOf(match: PolicyMatch, packet: PacketHeader): string[] {
  return match.applications.filter(({ terms }) => terms.some((term) => isOf(term, packet)))
    .map(({ name }) => name);
}

function isOfApplications(match: PolicyMatch, packet: PacketHeader): boolean {
  return match.applications.length === 0 || applicationsOf(match, packet).length > 0;
}

function isOf(term: ApplicationTerm, packet: PacketHeader): boolean {
  if (!isAmong(term.protocols, packet.protocol) || !isAmong(term.dscps, packet.dscp)) return false;
  const ports = asPorts(packet);
  const isServer = (address: string, port: number | undefined) =>
    isWithin(term.ports, port) &&
    (term.servers.length === 0 || term.servers.some((prefix) => holdsAddress(prefix, address)));
  return isServer(packet.destination, ports?.destination) ||
    isServer(packet.source, ports?.source);
}

function asPorts({ protocol, ports }: PacketHeader): PacketHeader["ports"] {
  return WITH_PORTS.includes(protocol) ? ports : null;
}

function isAt(place: Place, address: string, site: string): boolean {
  return "site" in place ? place.site === site : holdsAddress(place.prefix, address);
}

function isAmong(accepted: readonly number[], value: number): boolean {
  return accepted.length === 0 || accepted.includes(value);
}

function isWithin(ranges: readonly PortRange[], port: number | undefined): boolean {
  return ranges.length === 0 ||
    port !== undefined && ranges.some(([low, high]) => low <= port && port <= high);
}

function formatPlaces(places: readonly Place[]): string {
  return places.map((place) => "site" in place ? `site ${place.site}` : place.prefix).join(" or ");
}

function formatPort(what: string, port: number | undefined): string {
  return port === undefined ? `it has no ${what}` : `${what} is ${port}`;
}

export function formatPorts(ranges: readonly PortRange[]): string {
  return ranges.map(([low, high]) => low === high ? `${low}` : `${low}-${high}`).join(", ");
}
