/** The three gateways with the link emulator between them, and its state in a folder. */

import type { Emulator } from "../../../src/lab/emulator.ts";
import type { Impairment } from "../../../src/lab/impairment.ts";
import { linkem, startLinkem } from "../../../src/lab/linkem.ts";
import { build, NAMES, type Network, start } from "./network.ts";

const ROOT = new URL("../../..", import.meta.url).pathname;

export interface Emulated {
  readonly network: Network;
  readonly emulator: Emulator;
  remove(): Promise<void>;
}

/** Every gateway started; `link` is what each one's line to the others is like, both ways. */
export async function buildEmulated(link: Impairment): Promise<Emulated> {
  const folder = await Deno.makeTempDir({ prefix: "labelway-engine-" });
  const network = await build(async (net, middle) => {
    const links = NAMES.map((name) => ({
      name,
      site: { namespace: net.name(name), device: "wan" },
      internet: { namespace: middle, device: `to-${name}` },
      up: link,
      down: link,
    }));
    await startLinkem({ links }, { root: ROOT, folder, seed: 1 });
  });
  await Promise.all(NAMES.map((name) => start(network, name)));
  return {
    network,
    emulator: linkem(folder),
    remove: async () => {
      await network.net.remove();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
