/** Shared risks: each named once by an uplink, and by more than one. */

import { ends } from "../meeting.ts";
import { didYouMean } from "../suggest.ts";
import { type Context, Unique } from "./context.ts";

export function checkRisks(context: Context): void {
  const sharers = new Map<string, number>();
  const all = ends(context.file).map(({ site, name, uplink }) => ({
    at: ["sites", site, "uplinks", name, "risks"],
    full: `${site}.${name}`,
    risks: uplink.risks ?? [],
  }));
  for (const { at, full, risks } of all) {
    const own = new Unique<string>();
    for (const [index, risk] of risks.entries()) {
      if (own.claim(risk, full) !== undefined) {
        context.problem([...at, index], `risk ${risk} stands here twice; needs each once`);
      }
    }
    for (const risk of new Set(risks)) sharers.set(risk, (sharers.get(risk) ?? 0) + 1);
  }
  if (!context.intact(["sites"])) return;
  const shared = [...sharers.keys()].filter((risk) => sharers.get(risk)! > 1);
  for (const { at, full, risks } of all) {
    for (const [index, risk] of risks.entries()) {
      if (sharers.get(risk) !== 1 || !context.intact(at)) continue;
      context.warning(
        [...at, index],
        `risk ${risk} is ${full}'s alone, so nothing fails with it; needs the same name at another ` +
          `uplink.${didYouMean(risk, shared)}`,
      );
    }
  }
}
