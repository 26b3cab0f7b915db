/**
 * Numbers are identities: packets under way and routers that still run the former file read them as
 * they were. A number that comes to mean something else is refused unless it is asked for.
 */

import type { LabelBlock } from "../model/quantity.ts";
import type { Network, Site } from "../model/network.ts";

export interface Renumbering {
  /** Where in the file, as keys from its root: `["sites", "porto", "sid"]`. */
  readonly path: readonly string[];
  readonly message: string;
}

/** What means something else in `next` than it did in `previous`, in the order of the file. */
export function renumberings(previous: Network, next: Network): Renumbering[] {
  return [...blocks(previous, next), ...sites(previous, next), ...segments(previous, next)];
}

function blocks(previous: Network, next: Network): Renumbering[] {
  const moved = (["srgb", "srlb", "services"] as const)
    .filter((name) => previous.blocks[name].base !== next.blocks[name].base)
    .map((name) => ({
      path: ["blocks", name],
      message: `block ${name} moves from ${range(previous.blocks[name])} to ${
        range(next.blocks[name])
      }: every label of it would mean something else`,
    }));
  if (previous.tunnels.split("/")[0] === next.tunnels.split("/")[0]) return moved;
  return [...moved, {
    path: ["tunnels"],
    message: `tunnels moves from ${previous.tunnels} to ${next.tunnels}: ` +
      `every address inside the tunnels would be another`,
  }];
}

function sites(previous: Network, next: Network): Renumbering[] {
  const bySid = new Map(previous.sites.map((site) => [site.sid, site]));
  return next.sites.flatMap((site): Renumbering[] => {
    const before = bySid.get(site.sid);
    if (!before) return [];
    // One of its keys is proof that it is the same machine under another name.
    if (before.name !== site.name && !shareKey(before, site)) {
      return [{
        path: ["sites", site.name, "sid"],
        message: `SID ${site.sid} was site ${before.name} and would now be site ${site.name}`,
      }];
    }
    return uplinks(before, site);
  });
}

function uplinks(before: Site, site: Site): Renumbering[] {
  const byNumber = new Map(before.uplinks.map((uplink) => [uplink.number, uplink]));
  return site.uplinks.flatMap((uplink) => {
    const was = byNumber.get(uplink.number);
    if (!was || was.name === uplink.name || was.publicKey === uplink.publicKey) return [];
    return [{
      path: ["sites", site.name, "uplinks", uplink.name, "number"],
      message: `number ${uplink.number} of site ${site.name} was uplink ${was.name} ` +
        `and would now be uplink ${uplink.name}`,
    }];
  });
}

function segments(previous: Network, next: Network): Renumbering[] {
  const byNumber = new Map(previous.segments.map((segment) => [segment.number, segment]));
  return next.segments.flatMap((segment) => {
    const was = byNumber.get(segment.number);
    if (!was || was.name === segment.name) return [];
    return [{
      path: ["segments", segment.name, "number"],
      message:
        `number ${segment.number} was segment ${was.name} and would now be segment ${segment.name}`,
    }];
  });
}

function shareKey(a: Site, b: Site): boolean {
  return a.uplinks.some((uplink) => b.uplinks.some((one) => one.publicKey === uplink.publicKey));
}

function range({ base, size }: LabelBlock): string {
  return `${base}–${base + size - 1}`;
}
