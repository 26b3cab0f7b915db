/** Sites that others cannot reach, and colors that nobody has: allowed, but hardly meant. */

import { neighbours } from "../meeting.ts";
import type { Context } from "./context.ts";
import { known } from "./context.ts";

export function checkReachability(context: Context): void {
  if (!context.intact(["sites"]) || !context.intact(["colors"])) return;
  const { file } = context;
  for (const [index, pair] of file.colors.meet.entries()) {
    for (const [side, color] of pair.entries()) {
      const asWarning = { ...context, problem: context.warning };
      known(
        asWarning as Context,
        ["colors", "meet", index, side],
        "color",
        color,
        context.names.colors,
      );
    }
  }

  const next = neighbours(file);
  const names = Object.keys(file.sites).sort();
  if (names.length === 1) {
    context.warning(["sites", names[0]!], "the network has one site only", "key");
  }
  const alone = names.filter((name) => names.length > 1 && next.get(name)!.size === 0);
  for (const name of alone) {
    context.warning(
      ["sites", name],
      `no other site can reach ${name}: none of its uplinks meets one of theirs by color with an ` +
        "endpoint on either side",
      "key",
    );
  }
  const first = names.find((name) => !alone.includes(name));
  if (first === undefined) return;
  const reached = reach(first, next, (site) => file.sites[site]!.transit);
  for (const name of names) {
    if (reached.has(name) || alone.includes(name)) continue;
    context.warning(
      ["sites", name],
      `${name} and ${first} cannot reach each other: no site between them carries traffic of others`,
      "key",
    );
  }
}

/** Every site that `start` reaches through sites that carry others' traffic. */
function reach(
  start: string,
  next: ReadonlyMap<string, ReadonlySet<string>>,
  carries: (site: string) => boolean,
): Set<string> {
  const reached = new Set([start]);
  const open = [start];
  for (let site = open.pop(); site !== undefined; site = open.pop()) {
    if (site !== start && !carries(site)) continue;
    for (const neighbour of next.get(site)!) {
      if (reached.has(neighbour)) continue;
      reached.add(neighbour);
      open.push(neighbour);
    }
  }
  return reached;
}
