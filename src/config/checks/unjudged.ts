/**
 * What the file may ask for and the router does not do yet: nobody is to believe that it does. Each
 * line goes when the router does it.
 */

import { classOf } from "../build_policy.ts";
import type { Context } from "./context.ts";

export function checkUnjudged(context: Context): void {
  for (const [index, policy] of context.file.policies.entries()) {
    const path = ["policies", index];
    if (policy.action === "drop" || !context.intact(path)) continue;
    const { slo, objective } = classOf(context.file, policy);
    const key = policy.class === undefined ? policy.slo ? "slo" : "objective" : "class";
    if (Object.keys(slo).length > 0) {
      context.warning(
        [...path, key],
        `the SLO of policy ${policy.name} is not judged yet: its paths are ranked by ${
          objective === "latency" ? "latency" : "cost"
        } alone, and left when they are down`,
        "key",
      );
    }
    if (objective !== "latency" && objective !== "cost") {
      context.warning(
        [...path, policy.objective ? "objective" : key],
        `objective ${objective} is not measured yet: policy ${policy.name} ranks its paths by cost`,
        "key",
      );
    }
    if (policy.disjoint_from !== undefined) {
      context.warning(
        [...path, "disjoint_from"],
        `policy ${policy.name} does not keep away from ${policy.disjoint_from} yet`,
        "key",
      );
    }
  }
}
