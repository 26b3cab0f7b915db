import type { Effect } from "../../src/router/event.ts";
import { describeHost } from "../../src/underlay/change.ts";

/** What the router wants done, as a recording has it. */
export function lines(effect: Effect): string[] {
  switch (effect.kind) {
    case "log":
      return [`${effect.level}: ${effect.message}`];
    case "change-host":
      return ["change-host", ...effect.changes.map((change) => `  ${describeHost(change)}`)];
    case "apply-table": {
      const ways = effect.table.segments.flatMap((segment) =>
        segment.steerings.flatMap((steering) =>
          steering.rules.map(({ policy, verdict }) =>
            `  ${policy}: ${
              verdict === "drop"
                ? "drop"
                : verdict.paths.order.map((path) => effect.table.paths[path]!.key).join(", then ")
            }`
          )
        )
      );
      return [`apply-table ${effect.table.generation}`, ...new Set(ways)];
    }
    case "probe":
      return [
        "probe",
        ...effect.probing.paths.map(({ key, rank, classes }) =>
          `  ${key} ${rank}, classes ${classes.toString(2)}`
        ),
      ];
    case "syncconf":
      return [`syncconf ${effect.desired.name}`];
    case "keep-originals":
      return [
        "keep-originals",
        ...effect.settings.map(({ path, value }) => `  ${path.replaceAll("/", ".")} ${value}`),
      ];
    case "resolve":
      return [`resolve ${effect.name}`];
    case "reloaded":
      return [
        effect.result.ok
          ? "reloaded: ok"
          : `reloaded: refused, ${effect.result.problems.length} problems`,
      ];
    case "finish":
      return ["finish", ...effect.problems.map((problem) => `  ${problem}`)];
    default:
      return [effect.kind];
  }
}
