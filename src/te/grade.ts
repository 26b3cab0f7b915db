/**
 * What of a ranking is not measured: the step of the policy that a path belongs to, whether it is
 * preferred there, and whether it is metered. Measurements compare paths of one grade only.
 */

import type { Network, Policy, Preference, Step } from "../model/network.ts";
import type { CandidatePath } from "../model/path.ts";

/** Field order is the ranking: smaller goes first. */
export interface Grade {
  /** Index of the first of the policy's steps that allows the path. */
  readonly step: number;
  /** Everything is where the step prefers nothing. */
  readonly preferred: boolean;
  readonly metered: boolean;
  /** The policy names what makes the path: it is used where it is metered, too. */
  readonly named: boolean;
}

/** Smaller goes first; equal grades, equal numbers. */
export function gradeNumber({ step, preferred, metered }: Grade): number {
  return step * 4 + (preferred ? 0 : 2) + Number(metered);
}

/** Used when all others have failed. A metered path that was asked for is not. */
export function isLastResort({ metered, named }: Grade): boolean {
  return metered && !named;
}

/** Color of an uplink. */
export type Colors = (end: { readonly site: string; readonly uplink: string }) => string;

export function colorsOf(network: Network): Colors {
  const colors = new Map(
    network.sites.flatMap((site) =>
      site.uplinks.map((uplink) => [`${site.name}.${uplink.name}`, uplink.color] as const)
    ),
  );
  return ({ site, uplink }) => colors.get(`${site}.${uplink}`) ?? "";
}

/** null: no step of the policy allows the path. */
export function gradeOf(policy: Policy, path: CandidatePath, colors: Colors): Grade | null {
  const step = policy.steps.findIndex((each) => allows(each, path, colors));
  if (step < 0) return null;
  const own = policy.steps[step]!;
  const preferred = own.kind !== "computed" || keepsTo(own.prefer, path, colors);
  return {
    step,
    preferred,
    metered: path.metered,
    named: own.kind !== "computed" || asksFor(own.prefer) && preferred ||
      asksFor({ sites: own.constraints.requireSites, colors: own.constraints.requireColors }),
  };
}

function asksFor({ sites, colors }: Preference): boolean {
  return sites.length + colors.length > 0;
}

function allows(step: Step, path: CandidatePath, colors: Colors): boolean {
  switch (step.kind) {
    case "explicit":
      return step.hops.length === path.hops.length && step.hops.every((hop, index) => {
        const own = path.hops[index]!;
        return sameEnd(hop.from, own.from) && sameEnd(hop.to, own.to);
      });
    case "via":
      return isInOrder(step.sites.filter((site) => !isEnd(path, site)), between(path));
    case "computed": {
      const { avoidSites, avoidColors, requireSites, requireColors } = step.constraints;
      return !between(path).some((site) => avoidSites.includes(site)) &&
        !colorsOn(path, colors).some((color) => avoidColors.includes(color)) &&
        keepsTo({ sites: requireSites, colors: requireColors }, path, colors);
    }
  }
}

/** Passes all the sites, in any order, and uses these colors only; an empty list asks nothing. */
function keepsTo(wanted: Preference, path: CandidatePath, colors: Colors): boolean {
  const passed = between(path);
  return wanted.sites.every((site) => isEnd(path, site) || passed.includes(site)) &&
    (wanted.colors.length === 0 ||
      colorsOn(path, colors).every((color) => wanted.colors.includes(color)));
}

/** The sites that the path passes, its ends left out. */
export function between(path: CandidatePath): string[] {
  return path.hops.slice(1).map((hop) => hop.from.site);
}

function isEnd(path: CandidatePath, site: string): boolean {
  return path.hops[0]?.from.site === site || path.egress === site;
}

function colorsOn(path: CandidatePath, colors: Colors): string[] {
  return path.hops.flatMap((hop) => [colors(hop.from), colors(hop.to)]);
}

function isInOrder(wanted: readonly string[], passed: readonly string[]): boolean {
  let next = 0;
  for (const site of passed) if (site === wanted[next]) next++;
  return next === wanted.length;
}

interface End {
  readonly site: string;
  readonly uplink: string;
}

function sameEnd(a: End, b: End): boolean {
  return a.site === b.site && a.uplink === b.uplink;
}
