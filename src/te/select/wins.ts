/** For people: what would have to change for a path to lead. */

import type { Instant } from "../../model/quantity.ts";
import type { SloClass } from "../../model/slo.ts";
import type { PathExplanation } from "./explain.ts";
import { marginOf } from "./figure.ts";
import { figureInWords, megabits, millis, percent, type Reason, seconds } from "./reason.ts";

/** Against the one that leads. */
export function winsInWords(
  one: PathExplanation,
  lead: PathExplanation,
  slo: SloClass,
  now: Instant,
): string {
  const conditions = [...one.reasons.map((reason) => overcome(reason, slo, now)), ...ahead()];
  const own = [...new Set(conditions)].join(", and ");
  const alone = one.verdict === "dead" || own === OTHERS_FAIL || own === PREFERRED_FAIL;
  return alone ? own : `${own}, or ${OTHERS_FAIL}`;

  function ahead(): string[] {
    const { behind } = one;
    if (behind === null) return [];
    switch (behind.kind) {
      case "waiting":
        return [`it stays so for ${seconds(behind.until - now)}`];
      case "blamed":
        return [`it is good and the best in ${seconds(behind.until - now)}`];
      case "figure-unknown":
        return one.reasons.length > 0 ? [] : [`its ${slo.objective} is known`];
      case "field":
        // What is wrong with itself stands above.
        if (behind.field === "verdict" || behind.field === "usability") return [];
        return [
          behind.field === "preference"
            ? PREFERRED_FAIL
            : behind.field === "shared"
            ? "the other policy's traffic leaves what they share"
            : OTHERS_FAIL,
        ];
      case "margin":
      case "worse":
      case "tie":
        return [beaten(lead.figure, slo)];
    }
  }
}

const OTHERS_FAIL = "those before it fail";
const PREFERRED_FAIL = "those that the policy prefers fail or break its SLO";

/** `its latency is below 10 ms for 5 s`. */
function beaten(figure: number | null, { objective, timers }: SloClass): string {
  if (objective === "cost" || figure === null) return OTHERS_FAIL;
  const limit = figure - marginOf(figure, objective, timers.marginShare);
  if (objective === "throughput") {
    return `the file gives it more than ${figureInWords(limit, objective)}`;
  }
  if (limit <= 0) return OTHERS_FAIL;
  const wanted = figureInWords(limit, objective);
  return `its ${objective} is below ${wanted} for ${seconds(timers.holdMillis)}`;
}

function overcome(reason: Reason, { timers }: SloClass, now: Instant): string {
  const long = seconds(timers.returnWindowMillis);
  switch (reason.kind) {
    case "unmeasured":
      return reason.what === "liveness" ? "it answers" : "it is measured";
    case "stale":
      return "it is measured again";
    case "dead":
      return `it comes up and stays good for ${long}`;
    case "suppressed":
      return `it does not fail again for ${seconds(reason.until - now)}`;
    case "loss":
      return `its loss stays well below ${percent(reason.allowed)} for ${long}`;
    case "latency":
    case "jitter": {
      const limit = reason.allowedMicros * (1 - timers.marginShare);
      return `its ${reason.kind} stays below ${millis(limit)} for ${long}`;
    }
    case "bandwidth":
      return `the file gives it at least ${megabits(reason.neededBitsPerSecond)}`;
    case "recovering":
      return reason.at === null
        ? `its figures are good for ${long}`
        : `it stays so for ${seconds(reason.at - now)}`;
  }
}
