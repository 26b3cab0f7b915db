/** Who wants bandwidth is helped by what the file says of it: nothing else tells a path's rate. */

import { classOf } from "../build_policy.ts";
import { ends } from "../meeting.ts";
import { type Context, few } from "./context.ts";

export function checkBandwidth(context: Context): void {
  const silent = ends(context.file).filter(({ uplink }) => uplink.bandwidth === undefined)
    .map(({ site, name }) => `${site}.${name}`);
  if (silent.length === 0 || !context.intact(["sites"])) return;
  for (const [index, policy] of context.file.policies.entries()) {
    const path = ["policies", index];
    if (policy.action === "drop" || !context.intact(path)) continue;
    const { slo, objective, name } = classOf(context.file, policy);
    const wants = slo.bandwidthBitsPerSecond !== undefined
      ? "an SLO of bandwidth"
      : objective === "throughput"
      ? "objective throughput"
      : null;
    if (wants === null) continue;
    const key = (["slo", "objective"] as const).find((one) => policy[one] !== undefined) ?? "class";
    const by = key === "class" ? ` by class ${name}` : "";
    context.warning(
      [...path, key],
      `policy ${policy.name} has ${wants}${by}, and what paths carry is known by the uplinks' ` +
        `bandwidth alone, which is missing for ${few(silent)}: paths over them come last`,
      "key",
    );
  }
}
