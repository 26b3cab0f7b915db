/** SLO classes: named by a policy, with settings that agree; and policies that keep apart. */

import { classOf } from "../build_policy.ts";
import { BUILT_IN_CLASSES } from "../classes.ts";
import type { FileClass } from "../schema.ts";
import type { Path } from "../source.ts";
import { type Context, known } from "./context.ts";

export function checkClasses(context: Context): void {
  const { file } = context;
  for (const [index, policy] of file.policies.entries()) {
    if (policy.class === undefined) continue;
    known(context, ["policies", index, "class"], "class", policy.class, context.names.classes);
  }
  // Of traffic that no policy matches, too.
  const used = new Set(["default", ...file.policies.map((policy) => policy.class ?? "default")]);
  for (const [name, own] of Object.entries(file.classes)) {
    const path = ["classes", name];
    if (context.intact(path)) checkSettings(context, path, name, own);
    if (used.has(name) || !context.intact(["policies"])) continue;
    const asked = Object.hasOwn(BUILT_IN_CLASSES, name)
      ? "no policy names it"
      : `no policy names it; needs a policy with \`class: ${name}\``;
    context.warning(path, `class ${name} is not used: ${asked}`, "key");
  }
  checkDisjoint(context);
}

/** With what the class begins from, as the numbers have to stand to one another. */
function checkSettings(context: Context, path: Path, name: string, own: FileClass): void {
  const bare = { name: "", match: {}, class: name } as Parameters<typeof classOf>[1];
  const { timers } = classOf(context.file, bare);
  const { flap } = timers;
  if (timers.returnWindowMillis < timers.leaveWindowMillis) {
    context.problem(
      [...path, own.return === undefined ? "leave" : "return"],
      `class ${name} would return by ${timers.returnWindowMillis / 1000} s of measurements and ` +
        `leave by ${timers.leaveWindowMillis / 1000} s: a path is to be left sooner than trusted ` +
        "again; needs return of at least leave",
    );
  }
  if (flap.reuse >= flap.suppress) {
    context.problem(
      [...path, "flap", own.flap?.reuse === undefined ? "suppress" : "reuse"],
      `a path is suppressed from ${flap.suppress} and used again at ${flap.reuse}; needs reuse ` +
        "below suppress",
    );
  }
  if (flap.maximumMillis < flap.halfLifeMillis) {
    context.problem(
      [...path, "flap", own.flap?.maximum === undefined ? "half_life" : "maximum"],
      `no path is suppressed for longer than ${flap.maximumMillis / 1000} s, which is before the ` +
        `penalty has halved (${flap.halfLifeMillis / 1000} s); needs maximum of at least half_life`,
    );
  }
}

/** Another policy that steers, and no circle: the one whose path is chosen first is the last. */
function checkDisjoint(context: Context): void {
  const { policies } = context.file;
  const byName = new Map(policies.map((policy) => [policy.name, policy]));
  const names = new Set(byName.keys());
  for (const [index, policy] of policies.entries()) {
    const other = policy.disjoint_from;
    if (other === undefined) continue;
    const at = ["policies", index, "disjoint_from"];
    if (!known(context, at, "policy", other, names)) continue;
    if (byName.get(other)!.action === "drop") {
      context.problem(at, `policy ${other} drops its traffic, so it has no path to keep away from`);
      continue;
    }
    const chain = [policy.name];
    let next: string | undefined = other;
    while (next !== undefined && !chain.includes(next)) {
      chain.push(next);
      next = byName.get(next)?.disjoint_from;
    }
    if (next !== policy.name) continue;
    context.problem(
      at,
      next === other
        ? `policy ${other} cannot keep away from itself; needs another policy`
        : `${[...chain, next].join(" keeps away from ")}: a circle, in which none comes first; ` +
          "needs one of them without disjoint_from",
    );
  }
}
