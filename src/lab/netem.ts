/** The kernel's own emulation, where it has it: veth pairs with a netem queue at each end. */

import { runOrThrow as run } from "../io/command.ts";
import type { DirectionState, Emulator, LinkCounters } from "./emulator.ts";
import { LabError } from "./error.ts";
import type { Impairment } from "./impairment.ts";
import type { End, Layout, Link } from "./layout.ts";

/** Without a rate the queue holds what is delayed: 100 ms of full-size frames at 1 Gbit/s. */
const FRAMES_UNDER_WAY = 10_000;
const FRAME_BITS = 1514 * 8;

export async function startNetem(layout: Layout, folder: string): Promise<void> {
  const veths = layout.links.map(({ site, internet }) =>
    `link add ${site.device} netns ${site.namespace} type veth ` +
    `peer name ${internet.device} netns ${internet.namespace}`
  );
  await run(["ip", "-batch", "-"], { stdin: veths.join("\n") + "\n" });
  for (const link of layout.links) {
    await apply(link.site, link.up);
    await apply(link.internet, link.down);
  }
  await save(folder, layout.links);
}

export function netem(folder: string): Emulator {
  return {
    kind: "netem",
    change: async (name, direction, change) => {
      if (change.unplugged) {
        throw new LabError(["netem cannot unplug a link; take --emulator linkem"]);
      }
      const links = await load(folder);
      const link = links.find((other) => other.name === name);
      if (link === undefined) {
        const known = links.map((other) => other.name).join(", ");
        throw new LabError([`There is no link ${name}; there are ${known}`]);
      }
      const up = direction === "down" ? link.up : { ...link.up, ...change };
      const down = direction === "up" ? link.down : { ...link.down, ...change };
      if (direction !== "down") await apply(link.site, up);
      if (direction !== "up") await apply(link.internet, down);
      await save(folder, links.map((other) => other === link ? { ...link, up, down } : other));
    },
    show: async () =>
      await Promise.all((await load(folder)).map(async (link) => ({
        link: link.name,
        up: await state(link.site, link.up),
        down: await state(link.internet, link.down),
      }))),
  };
}

/** What follows `tc qdisc replace dev DEVICE root`. */
export function netemArguments(impairment: Impairment): string[] {
  const { delayMillis, jitterMillis, reorderPercent } = impairment;
  const { lossPercent, lossBurst, rateMbit, queueMillis } = impairment;
  const millis = (value: number) => `${Math.round(value * 1000)}us`;
  const percent = (value: number) => `${Number((value * 100).toFixed(5))}%`;
  const argv = ["netem"];
  if (delayMillis > 0 || jitterMillis > 0) argv.push("delay", millis(delayMillis));
  if (jitterMillis > 0) argv.push(millis(jitterMillis));
  if (reorderPercent > 0) argv.push("reorder", percent(reorderPercent / 100));
  const loss = impairment.cut ? 1 : lossPercent / 100;
  if (loss > 0 && loss < 1 && lossBurst > 1) {
    // Gilbert–Elliott: into the bad state, out of it.
    argv.push("loss", "gemodel", percent(loss / (lossBurst * (1 - loss))), percent(1 / lossBurst));
  } else if (loss > 0) {
    argv.push("loss", percent(loss));
  }
  // Left out, a rate that was set before would stay.
  if (rateMbit === null) return [...argv, "rate", "0bit", "limit", String(FRAMES_UNDER_WAY)];
  const held = (queueMillis + delayMillis + jitterMillis) * rateMbit * 1000 / FRAME_BITS;
  const limit = Math.max(2, Math.ceil(held));
  return [...argv, "rate", `${Math.round(rateMbit * 1000)}kbit`, "limit", String(limit)];
}

async function apply(end: End, impairment: Impairment): Promise<void> {
  const device = ["dev", end.device, "root"];
  await run([
    "tc",
    "-n",
    end.namespace,
    "qdisc",
    "replace",
    ...device,
    ...netemArguments(impairment),
  ]);
}

async function state(end: End, impairment: Impairment): Promise<DirectionState> {
  const text = await run([
    "tc",
    "-n",
    end.namespace,
    "-s",
    "-j",
    "qdisc",
    "show",
    "dev",
    end.device,
  ]);
  const queues = JSON.parse(text) as readonly {
    root?: boolean;
    packets: number;
    bytes: number;
    drops: number;
    requeues: number;
  }[];
  const none = { packets: 0, bytes: 0, drops: 0, requeues: 0 };
  const { packets, bytes, drops, requeues } = queues.find((queue) => queue.root) ?? none;
  // netem counts as put back what it puts at the head of its queue.
  const counters: LinkCounters = { packets, bytes, reordered: requeues, dropped: drops };
  return { impairment, counters };
}

/** netem cannot be asked to change one thing, so the lab remembers the rest. */
async function save(folder: string, links: readonly Link[]): Promise<void> {
  await Deno.writeTextFile(`${folder}/netem.json`, JSON.stringify(links, null, 2), { mode: 0o600 });
}

async function load(folder: string): Promise<Link[]> {
  try {
    return JSON.parse(await Deno.readTextFile(`${folder}/netem.json`)) as Link[];
  } catch {
    throw new LabError([`Nothing is known of the links in ${folder}; is the lab up?`]);
  }
}
