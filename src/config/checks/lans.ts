/** Segments, their prefixes, and the loopbacks that lie among them. */

import { compareRanges, overlap, type Range, rangeOf } from "../scalar.ts";
import type { Path } from "../source.ts";
import type { Context } from "./context.ts";
import { known, Unique } from "./context.ts";

interface Entry {
  readonly path: Path;
  readonly site: string;
  readonly segment: string;
  readonly text: string;
  readonly range: Range;
  /** Of equal start and length, the later in the file is the one to complain about. */
  readonly order: number;
}

export function checkLans(context: Context): void {
  const { file } = context;
  const numbers = new Unique<number>();
  for (const [name, segment] of Object.entries(file.segments)) {
    const owner = numbers.claim(segment.number, name);
    if (owner === undefined) continue;
    context.problem(
      ["segments", name, "number"],
      `number ${segment.number} is segment ${owner}'s already; each segment needs its own`,
    );
  }

  const entries: Entry[] = [];
  for (const [site, { lans }] of Object.entries(file.sites)) {
    for (const [segment, prefixes] of Object.entries(lans)) {
      const path = ["sites", site, "lans", segment];
      if (!known(context, path, "segment", segment, context.names.segments, "key")) continue;
      for (const [index, text] of prefixes.entries()) {
        const order = entries.length;
        entries.push({
          path: [...path, index],
          site,
          segment,
          text,
          range: rangeOf(text),
          order,
        });
      }
    }
  }

  for (const segment of Object.keys(file.segments)) {
    if (entries.some((entry) => entry.segment === segment) || !context.intact(["sites"])) continue;
    context.warning(["segments", segment], `segment ${segment} has no LAN at any site`, "key");
  }
  checkOverlaps(context, entries);
  checkLoopbacks(context, entries);
}

function checkOverlaps(context: Context, entries: readonly Entry[]): void {
  // In order of addresses, only a prefix that begins before and reaches over this one overlaps it.
  const sorted = [...entries].sort((a, b) => compareRanges(a.range, b.range) || a.order - b.order);
  const open: Entry[] = [];
  for (const entry of sorted) {
    while (open.length > 0 && !overlap(open.at(-1)!.range, entry.range)) open.pop();
    for (const outer of open) {
      const reason = clash(context, outer, entry);
      if (reason === undefined) continue;
      const [first, later] = outer.order < entry.order ? [outer, entry] : [entry, outer];
      context.problem(
        later.path,
        `${later.text} overlaps ${first.text} of site ${first.site}` +
          `${first.segment === later.segment ? "" : `, segment ${first.segment}`}; ${reason}`,
      );
    }
    open.push(entry);
  }

  const tunnels = rangeOf(context.file.tunnels);
  for (const entry of entries) {
    if (context.file.segments[entry.segment]?.vrf || !overlap(entry.range, tunnels)) continue;
    context.problem(
      entry.path,
      `${entry.text} overlaps the tunnels' own block ${context.file.tunnels}; ` +
        "needs a prefix outside it, or another block under `tunnels`",
    );
  }
}

function clash(context: Context, a: Entry, b: Entry): string | undefined {
  if (a.segment === b.segment) return "within a segment each prefix belongs to one LAN";
  const { segments, sites } = context.file;
  const [one, other] = [segments[a.segment], segments[b.segment]];
  if (!one || !other || one.vrf !== other.vrf) return undefined;
  const both = Object.keys(sites).find((name) =>
    sites[name]!.lans[a.segment] && sites[name]!.lans[b.segment]
  );
  return both === undefined
    ? undefined
    : `both segments share a routing table at site ${both}; needs a \`vrf\` for one of them`;
}

function checkLoopbacks(context: Context, entries: readonly Entry[]): void {
  const owners = new Unique<string>();
  const tunnels = rangeOf(context.file.tunnels);
  for (const [site, { loopback = [] }] of Object.entries(context.file.sites)) {
    for (const [index, address] of loopback.entries()) {
      const path = ["sites", site, "loopback", index];
      const owner = owners.claim(address, site);
      if (owner !== undefined) {
        context.problem(
          path,
          `loopback ${address} is site ${owner}'s already; needs one of its own`,
        );
      }
      const range = rangeOf(address);
      if (overlap(range, tunnels)) {
        context.problem(
          path,
          `loopback ${address} lies within tunnels ${context.file.tunnels}; needs one outside`,
        );
      }
      const lan = entries.find((entry) => overlap(range, entry.range));
      if (lan) {
        context.problem(
          path,
          `loopback ${address} lies within LAN ${lan.text} of site ${lan.site}; ` +
            "needs an address outside every LAN",
        );
      }
    }
  }
}
