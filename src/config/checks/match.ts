/** What a policy matches: known names, and nothing that contradicts itself. */

import { alternatives, MOST_ALTERNATIVES, WITH_PORTS } from "../../match/alternatives.ts";
import { isIpv6 } from "../../match/prefix.ts";
import { protocolName } from "../../match/words.ts";
import type { Place } from "../../model/network.ts";
import { countOf } from "../../model/quantity.ts";
import { buildMatch } from "../build_policy.ts";
import type { FilePolicy } from "../schema.ts";
import type { Path } from "../source.ts";
import { type Context, known } from "./context.ts";

export function checkMatch(context: Context, path: Path, policy: FilePolicy): void {
  const { match } = policy;
  const at = [...path, "match"];
  if (match.segment !== undefined) {
    known(context, [...at, "segment"], "segment", match.segment, context.names.segments);
  }
  for (const side of ["source", "destination"] as const) {
    for (const [index, place] of (match[side] ?? []).entries()) {
      if (!("site" in place)) continue;
      known(context, itemAt(at, side, index), "site", place.site, context.names.sites);
    }
  }
  const applications = (match.application ?? []).map((name, index) =>
    known(
      context,
      itemAt(at, "application", index),
      "application",
      name,
      context.names.applications,
    )
  );
  checkFamilies(context, at, match);
  const refusedPorts = checkPorts(context, at, match);
  // Unknown names and ports without a protocol that has any are told already.
  if (!applications.every(Boolean) || refusedPorts || !context.intact(at)) return;
  if (!context.intact(["applications"])) return;
  checkAlternatives(context, at, policy);
}

/** One value may stand alone or in a list; the position falls back to the key. */
function itemAt(at: Path, key: string, index: number): Path {
  return [...at, key, index];
}

function checkFamilies(context: Context, at: Path, match: FilePolicy["match"]): void {
  const [sources, destinations] = [familyOf(match.source), familyOf(match.destination)];
  if (sources === undefined || destinations === undefined || sources === destinations) return;
  context.problem(
    [...at, "destination"],
    `source is IPv${sources} and destination IPv${destinations}: no packet has both; needs one ` +
      "family",
  );
}

/** undefined: both, or any. */
function familyOf(places: readonly Place[] = []): 4 | 6 | undefined {
  const families = new Set(
    places.map((place) => "site" in place ? undefined : isIpv6(place.prefix) ? 6 : 4),
  );
  return families.size === 1 ? [...families][0] : undefined;
}

/** True where something was wrong. */
function checkPorts(context: Context, at: Path, match: FilePolicy["match"]): boolean {
  let refused = false;
  for (const field of ["ports", "source_ports"] as const) {
    if (!match[field]) continue;
    for (const protocol of match.protocol ?? []) {
      if (WITH_PORTS.includes(protocol)) continue;
      refused = true;
      context.problem(
        [...at, field],
        `protocol ${protocolName(protocol)} has no ports; needs protocol tcp, udp or sctp, or none`,
      );
    }
  }
  return refused;
}

function checkAlternatives(context: Context, at: Path, { name, match }: FilePolicy): void {
  const built = buildMatch(context.file, match);
  const found = alternatives(built);
  if (found.length === 0 && match.application) {
    context.problem(
      [...at, "application"],
      `no packet of ${
        match.application.join(" or ")
      } is what else policy ${name} asks for; needs ` +
        "another application, or less beside it",
      "key",
    );
  }
  if (found.length <= MOST_ALTERNATIVES) return;
  const counts = [
    [match.source, "source"],
    [match.destination, "destination"],
    [match.protocol, "protocol"],
    [match.dscp, "DSCP"],
    [match.application, "application"],
  ] as const;
  const factors = counts.filter(([list]) => list !== undefined && list.length > 0)
    .map(([list, word]) => countOf(list!.length, word));
  context.problem(
    at,
    `policy ${name} comes to ${found.length} combinations of ${
      factors.join(", ")
    }; needs at most ` +
      `${MOST_ALTERNATIVES}: name sites or a segment in place of prefixes, use wider prefixes, or ` +
      "split it",
    "key",
  );
}

/** Applications of the file's own: ports need a protocol that has some, and a term says something. */
export function checkApplications(context: Context): void {
  const { file } = context;
  const used = new Set(file.policies.flatMap(({ match }) => match.application ?? []));
  for (const [name, terms] of Object.entries(file.applications)) {
    const path = ["applications", name];
    if (terms.length === 0) {
      context.problem(path, "no term; needs at least one, e.g. { protocol: tcp, ports: 8443 }");
    }
    for (const [index, term] of terms.entries()) {
      // A single term may stand without a list around it.
      const at = [...path, index];
      if (!context.intact(at)) continue;
      const protocols = term.protocol ?? [];
      if (Object.values(term).every((value) => value === undefined || value.length === 0)) {
        context.problem(
          at,
          `a term of application ${name} that says nothing would match everything; needs ` +
            "protocol, ports, dscp or servers",
        );
      }
      const without = protocols.filter((protocol) => !WITH_PORTS.includes(protocol));
      if (!term.ports || without.length === 0) continue;
      context.problem(
        [...at, "ports"],
        `protocol ${without.map(protocolName).join(", ")} has no ports; needs protocol tcp, udp ` +
          "or sctp, or none",
      );
    }
    if (used.has(name) || !context.intact(["policies"])) continue;
    context.warning(path, `application ${name} is matched by no policy`, "key");
  }
}
