/** What is left of us on the system when it is over. */

import { EMPTY_HOST, type Host, ours } from "../underlay/host.ts";

/** A failed start: as the system was, with what an earlier run had left there. */
export function asBefore(initial: Host, present: Host): Host {
  const kept = ours(initial);
  return {
    ...kept,
    // Devices of segments went with the engine.
    links: kept.links.filter((link) => link.kind === "wireguard"),
    settings: borrowed(initial, present),
  };
}

/** A stop: nothing of ours. */
export function nothing(initial: Host, present: Host): Host {
  return { ...EMPTY_HOST, settings: borrowed(initial, present) };
}

/** Settings to put back. Forwarding stays on: other programs may count on it by now. */
function borrowed(initial: Host, present: Host) {
  const there = new Set(present.settings.map(({ path }) => path));
  return initial.settings.filter(({ path }) => /rp_filter|accept_ra/.test(path) && there.has(path));
}
