/** Policies: known names, one way for the traffic each, and ways that exist. */

import { ends, whyApart } from "../meeting.ts";
import type { UplinkReference } from "../scalar.ts";
import type { FilePolicy } from "../schema.ts";
import type { Path } from "../source.ts";
import { type Context, known, Unique } from "./context.ts";
import { checkMatch } from "./match.ts";
import { checkOtherwise } from "./otherwise.ts";

/** What a policy and each step of its `otherwise` may say of the way. */
export type FileWay = Pick<FilePolicy, "path" | "via" | "avoid" | "require" | "prefer">;

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
    checkWay(context, path, policy);
    checkOtherwise(context, path, policy);
  }
}

const WAYS = ["path", "via", "prefer", "avoid", "require"] as const;
/** What says how paths are judged, of whichever way. */
const JUDGED = ["class", "objective", "slo", "disjoint_from", "balance"] as const;
const ACTIONS = "path, via, prefer, require, avoid, class, objective, slo, action: drop";

function checkAction(context: Context, path: Path, policy: FilePolicy): void {
  const chosen = [
    ...waysOf(policy),
    ...(policy.action ? ["action"] : []),
  ];
  const judged = JUDGED.filter((key) => policy[key] !== undefined);
  const refused = [...WAYS, ...JUDGED, "action"].some((key) => !context.intact([...path, key]));
  if (chosen.length === 0 && judged.length === 0 && !refused) {
    context.problem(
      path,
      `policy ${policy.name} says nothing to do; needs one of ${ACTIONS}`,
    );
  }
  for (const extra of chosen.slice(1)) {
    context.problem(
      [...path, extra],
      `"${extra}" beside "${chosen[0]}" in policy ${policy.name}; needs one of path, via, ` +
        "constraints (prefer, require, avoid), action: drop",
      "key",
    );
  }
  if (!policy.action) return;
  for (const key of judged) {
    context.problem(
      [...path, key],
      `"${key}" beside "action" in policy ${policy.name}: what is dropped takes no path; needs one ` +
        "or the other",
      "key",
    );
  }
}

/** The ways that it names; constraints together are one. */
export function waysOf(way: FileWay): string[] {
  return [
    ...(["path", "via"] as const).filter((key) => way[key]),
    ...(["prefer", "avoid", "require"] as const).filter((key) => way[key]).slice(0, 1),
  ];
}

/** One way, at the path of the policy or of a step of its `otherwise`. */
export function checkWay(context: Context, path: Path, way: FileWay): void {
  if (way.path && context.intact([...path, "path"])) {
    checkPath(context, [...path, "path"], way.path);
  }
  if (way.via && context.intact([...path, "via"])) checkVia(context, [...path, "via"], way.via);
  checkConstraints(context, path, way);
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

function checkConstraints(context: Context, path: Path, way: FileWay): void {
  for (const kind of ["avoid", "require", "prefer"] as const) {
    for (const [index, site] of (way[kind]?.sites ?? []).entries()) {
      known(context, [...path, kind, "sites", index], "site", site, context.names.sites);
    }
    for (const [index, color] of (way[kind]?.colors ?? []).entries()) {
      known(context, [...path, kind, "colors", index], "color", color, context.names.colors);
    }
  }
  for (const kind of ["require", "prefer"] as const) {
    for (const list of ["sites", "colors"] as const) {
      for (const [index, name] of (way[kind]?.[list] ?? []).entries()) {
        if (!way.avoid?.[list].includes(name)) continue;
        context.problem(
          [...path, kind, list, index],
          `${name} is to be avoided by the same policy; needs one or the other`,
        );
      }
    }
  }
  const required = way.require?.colors ?? [];
  for (const [index, color] of (way.prefer?.colors ?? []).entries()) {
    if (required.length === 0 || required.includes(color)) continue;
    context.problem(
      [...path, "prefer", "colors", index],
      `every hop is required to use ${
        required.join(" or ")
      }, so none uses ${color}; needs a color ` +
        "that require.colors lists",
    );
  }
}
