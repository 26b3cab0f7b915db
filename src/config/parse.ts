/** The operator's file, as text → the network, or everything that is wrong with it at once. */

import type { Network } from "../model/network.ts";
import { BUILT_IN_APPLICATIONS } from "./applications.ts";
import { buildNetwork } from "./build.ts";
import { checkBandwidth } from "./checks/bandwidth.ts";
import { checkClasses } from "./checks/classes.ts";
import { checkEffects } from "./checks/effects.ts";
import { checkLabels } from "./checks/labels.ts";
import { checkLans } from "./checks/lans.ts";
import { checkApplications } from "./checks/match.ts";
import { checkPolicies } from "./checks/policies.ts";
import { checkReachability } from "./checks/reachability.ts";
import { checkRisks } from "./checks/risks.ts";
import { checkUplinks } from "./checks/uplinks.ts";
import type { Context, Names } from "./checks/context.ts";
import { BUILT_IN_CLASSES } from "./classes.ts";
import { checkShape } from "./issues.ts";
import { comparePositions, compareProblems, type Problem } from "./problem.ts";
import { type Path, readSource } from "./source.ts";

export interface ParseOptions {
  /** Accept uplinks without a right public key (theirs is then ""): before `labelway keygen`. */
  readonly allowMissingKeys?: boolean;
}

export type ParseResult =
  | {
    readonly network: Network;
    readonly problems?: undefined;
    readonly warnings: readonly Problem[];
  }
  | {
    readonly network?: undefined;
    /** At least one; by position. */
    readonly problems: readonly Problem[];
    readonly warnings: readonly Problem[];
  };

/** Never throws, whatever the text. `file` is the name that problems carry. */
export function parseNetwork(text: string, file: string, options: ParseOptions = {}): ParseResult {
  const source = readSource(text);
  let problems: Problem[] = source.problems.map((problem) => ({
    ...problem,
    file,
    kind: "syntax",
  }));
  const warnings: Problem[] = [];

  const shape = checkShape(source.value);
  const refused = shape.issues.map((issue) => issue.path);
  const { brokenFrom } = source;
  for (const { path, atKey, message, absent } of shape.issues) {
    // It may stand in the part that could not be read.
    if (brokenFrom && absent) continue;
    const position = atKey ? source.keyPositionOf(path) : source.positionOf(path);
    const kind = isPublicKey(path) ? "key" : "schema";
    if (kind === "key" && options.allowMissingKeys) continue;
    problems.push({ file, ...position, message, kind });
  }

  if (shape.file && !brokenFrom) {
    const context: Context = {
      file: shape.file,
      names: namesIn(source.value),
      problem(path, message, where) {
        const mends = where === "public-key" || where === "no-public-key";
        if (mends && options.allowMissingKeys) return;
        const original = shape.original(path);
        const position = where === "key" || where === "no-public-key"
          ? source.keyPositionOf(original)
          : source.positionOf(original);
        const kind = mends ? "key" : "check";
        problems.push({ file, ...position, message, kind });
      },
      warning(path, message, where) {
        const original = shape.original(path);
        const position = where ? source.keyPositionOf(original) : source.positionOf(original);
        warnings.push({ file, ...position, message, kind: "check" });
      },
      intact: (path) => {
        const original = shape.original(path);
        return !refused.some((other) => startsWith(other, original) || startsWith(original, other));
      },
    };
    checkLabels(context);
    checkUplinks(context);
    checkRisks(context);
    checkLans(context);
    checkPolicies(context);
    checkApplications(context);
    checkClasses(context);
    checkReachability(context);
    checkEffects(context);
    checkBandwidth(context);
  }

  if (brokenFrom) {
    problems = problems.filter((one) =>
      one.kind === "syntax" || comparePositions(one, brokenFrom) < 0
    );
  }
  problems.sort(compareProblems);
  warnings.sort(compareProblems);
  if (problems.length > 0 || !shape.file) return { problems, warnings };
  return { network: buildNetwork(shape.file), warnings };
}

const isPublicKey = (path: Path) =>
  path.length === 5 && path[0] === "sites" && path[2] === "uplinks" && path[4] === "public_key";

function startsWith(path: Path, beginning: Path): boolean {
  return beginning.every((step, index) => path[index] === step);
}

/** Names as they stand in the text, right or wrong in what follows them. */
function namesIn(root: unknown): Names {
  const sites = entries(root, "sites");
  const uplinks = new Map<string, Set<string>>();
  const colors = new Set<string>();
  for (const [site, value] of sites) {
    const those = entries(value, "uplinks");
    uplinks.set(site, new Set(those.map(([name]) => name)));
    for (const [, uplink] of those) {
      const color = (uplink as { color?: unknown } | null)?.color;
      if (typeof color === "string") colors.add(color);
    }
  }
  return {
    sites: new Set(sites.map(([name]) => name)),
    uplinks,
    segments: new Set(entries(root, "segments").map(([name]) => name)),
    colors,
    applications: new Set([
      ...Object.keys(BUILT_IN_APPLICATIONS),
      ...entries(root, "applications").map(([name]) => name),
    ]),
    classes: new Set([
      ...Object.keys(BUILT_IN_CLASSES),
      ...entries(root, "classes").map(([name]) => name),
    ]),
  };
}

function entries(value: unknown, key: string): [string, unknown][] {
  if (typeof value !== "object" || value === null) return [];
  const inner = (value as Record<string, unknown>)[key];
  return typeof inner === "object" && inner !== null && !Array.isArray(inner)
    ? Object.entries(inner)
    : [];
}
