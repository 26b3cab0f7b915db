/** Policies: known names, one action each, and ways that exist. */

import { ends, whyApart } from "../meeting.ts";
import { rangeOf, type UplinkReference } from "../scalar.ts";
import type { FilePolicy } from "../schema.ts";
import type { Path } from "../source.ts";
import { type Context, known, Unique } from "./context.ts";

/** TCP, UDP and SCTP: the protocols whose ports the engine reads. */
const WITH_PORTS = [6, 17, 132];

export function checkPolicies(context: Context): void {
  const names = new Unique<string>();
  for (const [index, policy] of context.file.policies.entries()) {
    const path = ["policies", index];
    if (names.claim(policy.name, policy.name) !== undefined) {
      context.problem(
        [...path, "name"],
        `a policy named ${policy.name} stands above already; each needs its own name`,
      );
    }
    checkMatch(context, path, policy);
    checkAction(context, path, policy);
    if (policy.path && context.intact([...path, "path"])) {
      checkPath(context, [...path, "path"], policy.path);
    }
    if (policy.via && context.intact([...path, "via"])) {
      checkVia(context, [...path, "via"], policy.via);
    }
    checkConstraints(context, path, policy);
  }
}

function checkMatch(context: Context, path: Path, { match }: FilePolicy): void {
  const at = [...path, "match"];
  if (match.segment !== undefined) {
    known(context, [...at, "segment"], "segment", match.segment, context.names.segments);
  }
  if (match.source && match.destination) {
    const [source, destination] = [rangeOf(match.source), rangeOf(match.destination)];
    if (source.family !== destination.family) {
      context.problem(
        [...at, "destination"],
        `source is IPv${source.family} and destination IPv${destination.family}: no packet has ` +
          "both; needs one family",
      );
    }
  }
  for (const field of ["ports", "source_ports"] as const) {
    if (!match[field] || match.protocol === undefined) continue;
    if (WITH_PORTS.includes(match.protocol)) continue;
    context.problem(
      [...at, field],
      `protocol ${match.protocol} has no ports; needs protocol tcp, udp or sctp, or none`,
    );
  }
}

const ACTIONS = "path, via, objective (with avoid and require), action: drop";

function checkAction(context: Context, path: Path, policy: FilePolicy): void {
  const computed = (["objective", "avoid", "require"] as const).filter((key) => policy[key]);
  const chosen = [
    ...(["path", "via"] as const).filter((key) => policy[key]),
    ...computed.slice(0, 1),
    ...(policy.action ? ["action"] : []),
  ];
  const refused = ["path", "via", "objective", "avoid", "require", "action"]
    .some((key) => !context.intact([...path, key]));
  if (chosen.length === 0 && !refused) {
    context.problem(path, `policy ${policy.name} says nothing to do; needs one of ${ACTIONS}`);
  }
  for (const extra of chosen.slice(1)) {
    context.problem(
      [...path, extra],
      `"${extra}" beside "${chosen[0]}" in policy ${policy.name}; needs one of ${ACTIONS}`,
      "key",
    );
  }
  if (policy.otherwise && !policy.path && !policy.via && !refused) {
    context.problem(
      [...path, "otherwise"],
      '"otherwise" follows a path or via that is down; this policy has neither',
      "key",
    );
  }
}

function checkPath(context: Context, path: Path, hops: NonNullable<FilePolicy["path"]>): void {
  if (hops.length === 0) {
    context.problem(path, "an empty path; needs at least one hop, lisbon.fibre > hub.fibre");
    return;
  }
  const all = new Map(ends(context.file).map((end) => [`${end.site}.${end.name}`, end]));
  const visited = new Set<string>();
  for (const [index, { from, to }] of hops.entries()) {
    const at = [...path, index];
    const exist = [from, to].map((end) => exists(context, at, end));
    const before = hops[index - 1]?.to.site;
    if (before !== undefined && before !== from.site) {
      context.problem(
        at,
        `this hop leaves from ${from.site}, the one before it ends at ${before}; needs ` +
          `${before}.UPLINK > …`,
      );
    }
    visited.add(from.site);
    if (visited.has(to.site) && from.site !== to.site) {
      context.problem(at, `the path comes back to ${to.site}; needs each site once`);
    }
    visited.add(to.site);
    if (index > 0 && context.file.sites[from.site]?.transit === false) {
      context.problem(
        at,
        `site ${from.site} carries no traffic of others (transit: false); needs another way, or ` +
          `transit: true there`,
      );
    }
    const [a, b] = [all.get(text(from)), all.get(text(to))];
    // What is known but refused elsewhere in the file has been reported there.
    if (!exist.every(Boolean) || !a || !b) continue;
    if (!context.intact(["colors"]) || !intactEnds(context, [from, to])) continue;
    const reason = whyApart(context.file, a, b);
    if (reason !== undefined) {
      context.problem(at, `${text(from)} and ${text(to)} have no adjacency: ${reason}`);
    }
  }
}

function intactEnds(context: Context, references: readonly UplinkReference[]): boolean {
  return references.every(({ site, uplink }) =>
    context.intact(["sites", site, "uplinks", uplink, "color"]) &&
    context.intact(["sites", site, "uplinks", uplink, "endpoint"])
  );
}

function exists(context: Context, path: Path, { site, uplink }: UplinkReference): boolean {
  const uplinks = context.names.uplinks.get(site) ?? new Set();
  return known(context, path, "site", site, context.names.sites) &&
    known(context, path, `uplink of site ${site}`, uplink, uplinks);
}

const text = ({ site, uplink }: UplinkReference): string => `${site}.${uplink}`;

function checkVia(context: Context, path: Path, sites: readonly string[]): void {
  if (sites.length === 0) context.problem(path, "no site to pass; needs at least one, e.g. [hub]");
  const seen = new Unique<string>();
  for (const [index, site] of sites.entries()) {
    const at = [...path, index];
    if (!known(context, at, "site", site, context.names.sites)) continue;
    if (seen.claim(site, site) !== undefined) {
      context.problem(at, `site ${site} stands here twice; needs each once`);
    }
    if (context.file.sites[site]?.transit === false) {
      context.problem(
        at,
        `site ${site} carries no traffic of others (transit: false); needs a site that may`,
      );
    }
  }
}

function checkConstraints(context: Context, path: Path, policy: FilePolicy): void {
  for (const kind of ["avoid", "require"] as const) {
    for (const [index, site] of (policy[kind]?.sites ?? []).entries()) {
      known(context, [...path, kind, "sites", index], "site", site, context.names.sites);
    }
    for (const [index, color] of (policy[kind]?.colors ?? []).entries()) {
      known(context, [...path, kind, "colors", index], "color", color, context.names.colors);
    }
  }
  for (const list of ["sites", "colors"] as const) {
    for (const [index, name] of (policy.require?.[list] ?? []).entries()) {
      if (!policy.avoid?.[list].includes(name)) continue;
      context.problem(
        [...path, "require", list, index],
        `${name} is to be avoided by the same policy; needs one or the other`,
      );
    }
  }
}
