/** What follows when the way that a policy wants is down. */

import type { FilePolicy } from "../schema.ts";
import type { Path } from "../source.ts";
import type { Context } from "./context.ts";
import { checkWay, waysOf } from "./policies.ts";

export function checkOtherwise(context: Context, path: Path, policy: FilePolicy): void {
  const { otherwise } = policy;
  if (otherwise === undefined) return;
  const at = [...path, "otherwise"];
  const refused = ["path", "via", "require", "avoid"].some((key) =>
    !context.intact([...path, key])
  );
  const narrow = policy.path || policy.via || policy.require || policy.avoid;
  if ((!narrow || policy.action) && !refused) {
    context.problem(
      at,
      '"otherwise" follows a path, via, require or avoid that has nothing up; this policy has ' +
        "none of them",
      "key",
    );
  }
  if (typeof otherwise === "string") return;
  if (otherwise.length === 0 && context.intact(at)) {
    context.problem(at, "an empty list; needs computed, drop or a list of ways, [{ via: [hub] }]");
  }
  for (const [index, step] of otherwise.entries()) {
    const here = [...at, index];
    const before = otherwise[index - 1];
    if (before === "drop" || before === "computed") {
      context.problem(
        here,
        `nothing comes after "${before}": ${
          before === "drop" ? "it ends the list" : "it takes every path that there is"
        }; put it last`,
      );
    }
    if (typeof step === "string" || !context.intact(here)) continue;
    const ways = waysOf(step);
    if (ways.length === 0) {
      context.problem(here, "a step without a way; needs path, via, prefer, require or avoid");
    }
    for (const extra of ways.slice(1)) {
      context.problem(
        [...here, extra],
        `"${extra}" beside "${ways[0]}" in one step; needs a step for each`,
        "key",
      );
    }
    checkWay(context, here, step);
  }
}
