/** Blocks of labels and addresses: apart from each other, and large enough for every number. */

import type { LabelBlocks } from "../../model/network.ts";
import { rangeOf } from "../scalar.ts";
import type { Context } from "./context.ts";

/** First label that is not special-purpose (RFC 9017), and the end of the label space. */
const FIRST_LABEL = 16;
const LABEL_END = 1 << 20;
/** A site has eight uplink numbers, so an adjacency has 64 pairs of them. */
const UPLINK_NUMBERS = 8;

export function checkLabels(context: Context): void {
  const { file } = context;
  const blocks = ["srgb", "services", "srlb"] as const;
  for (const name of blocks) {
    const { base, size } = file.blocks[name];
    if (!context.intact(["blocks", name])) continue;
    if (base < FIRST_LABEL || base + size > LABEL_END) {
      context.problem(
        ["blocks", name],
        `block ${text(file.blocks, name)} leaves the label space; ` +
          `it must lie within 16–1048575`,
      );
    }
  }
  // In order of their bases each block can only reach into a later one.
  const inOrder = [...blocks].sort((a, b) => file.blocks[a].base - file.blocks[b].base);
  for (const [index, low] of inOrder.entries()) {
    for (const high of inOrder.slice(index + 1)) {
      const { base, size } = file.blocks[low];
      if (base + size <= file.blocks[high].base) continue;
      if (!context.intact(["blocks", low]) || !context.intact(["blocks", high])) continue;
      context.problem(
        ["blocks", high],
        `blocks ${text(file.blocks, low)} and ${text(file.blocks, high)} overlap; ` +
          `a label must belong to one block, e.g. ${high} from ${base + size} on`,
      );
    }
  }

  const tunnels = rangeOf(file.tunnels);
  if (tunnels.family === 6) {
    context.problem(["tunnels"], `${file.tunnels} is IPv6; needs an IPv4 block, 100.96.0.0/12`);
  }
  const addresses = 2 ** (32 - tunnels.length);

  for (const [name, site] of Object.entries(file.sites)) {
    const path = ["sites", name, "sid"];
    const { srgb, srlb } = file.blocks;
    if (context.intact(["blocks", "srgb"]) && site.sid >= srgb.size) {
      context.problem(
        path,
        `SID ${site.sid} is outside the SRGB ${text(file.blocks, "srgb")}; ` +
          `needs 1–${srgb.size - 1}, or a larger blocks.srgb.size`,
      );
    }
    const adjacencyLabels = (site.sid + 1) * UPLINK_NUMBERS * UPLINK_NUMBERS;
    if (context.intact(["blocks", "srlb"]) && adjacencyLabels > srlb.size) {
      context.problem(
        path,
        `SID ${site.sid} needs adjacency labels up to the ${adjacencyLabels}th of the SRLB ` +
          `${text(file.blocks, "srlb")}; needs at most ` +
          `${Math.floor(srlb.size / 64) - 1}, or blocks.srlb.size of at least ${adjacencyLabels}`,
      );
    }
    const tunnelAddresses = (site.sid + 1) * UPLINK_NUMBERS;
    if (context.intact(["tunnels"]) && tunnels.family === 4 && tunnelAddresses > addresses) {
      context.problem(
        path,
        `SID ${site.sid} has no addresses in tunnels ${file.tunnels} (8 for each SID); needs at ` +
          `most ${Math.floor(addresses / 8) - 1}, or tunnels of /${
            32 - Math.ceil(Math.log2(tunnelAddresses))
          } or shorter`,
      );
    }
  }

  const { services } = file.blocks;
  for (const [name, segment] of Object.entries(file.segments)) {
    if (segment.number < services.size || !context.intact(["blocks", "services"])) continue;
    context.problem(
      ["segments", name, "number"],
      `number ${segment.number} is outside the services block ${text(file.blocks, "services")}; ` +
        `needs 1–${services.size - 1}, or a larger blocks.services.size`,
    );
  }
}

function text(blocks: LabelBlocks, name: keyof LabelBlocks): string {
  const { base, size } = blocks[name];
  return `${name} ${base}–${base + size - 1}`;
}
