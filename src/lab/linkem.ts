/** The lab's own link emulator, a process in the internet's namespace that makes both devices. */

import { run as attempt } from "../io/command.ts";
import type { DirectionState, Emulator, LinkState } from "./emulator.ts";
import { LabError } from "./error.ts";
import type { Impairment } from "./impairment.ts";
import type { Layout } from "./layout.ts";
import { isAlive, pause, type ProcessId, startDaemon } from "./process.ts";

const START_MILLIS = 5000;

/** Environment variable, then the native build of this tree. */
export function linkemPath(root: string): string {
  return Deno.env.get("LABELWAY_LINKEM") ?? `${root}/native/target/release/labelway-linkem`;
}

/** Answers when the devices of every link are there. */
export async function startLinkem(
  layout: Pick<Layout, "links">,
  options: { root: string; folder: string; seed: number },
): Promise<ProcessId> {
  const path = linkemPath(options.root);
  try {
    await Deno.stat(path);
  } catch {
    throw new LabError([`There is no link emulator at ${path}; build it: deno task native`]);
  }
  const end = ({ namespace, device }: { namespace: string; device: string }) => ({
    namespace: `/run/netns/${namespace}`,
    device,
  });
  const config = {
    socket: linkemSocket(options.folder),
    seed: options.seed,
    links: layout.links.map(({ name, site, internet, up, down }) => ({
      name,
      site: end(site),
      internet: end(internet),
      up,
      down,
    })),
  };
  const file = `${options.folder}/linkem.json`;
  const log = `${options.folder}/linkem.log`;
  await Deno.writeTextFile(file, JSON.stringify(config, null, 2), { mode: 0o600 });
  const internet = layout.links[0]?.internet.namespace ?? "";
  const id = startDaemon(["ip", "netns", "exec", internet, path, file], log);
  const emulator = linkem(options.folder);
  for (let waited = 0; waited < START_MILLIS; waited += 20) {
    if (!isAlive(id)) break;
    const answers = await emulator.show().then(() => true, () => false);
    const last = layout.links.at(-1)?.internet;
    if (answers && last !== undefined && await exists(last.namespace, last.device)) return id;
    await pause(20);
  }
  const said = await Deno.readTextFile(log).catch(() => "");
  throw new LabError(["The link emulator does not start:", ...said.trim().split("\n")]);
}

export function linkem(folder: string): Emulator {
  const socket = linkemSocket(folder);
  return {
    kind: "linkem",
    change: async (link, direction, change) => {
      await ask(socket, { link, direction, ...change });
    },
    show: async () => {
      const { links } = await ask(socket, { show: true }) as { links: readonly Shown[] };
      return links.map((shown): LinkState => ({
        link: shown.link,
        up: summarise(shown.up),
        down: summarise(shown.down),
      }));
    },
  };
}

interface Shown {
  readonly link: string;
  readonly up: ShownDirection;
  readonly down: ShownDirection;
}

interface ShownDirection {
  readonly impairment: Impairment;
  readonly counters: Readonly<
    Record<
      "packets" | "bytes" | "reordered" | "lost" | "queueDrops" | "cutDrops" | "refused",
      number
    >
  >;
}

function linkemSocket(folder: string): string {
  return `${folder}/linkem.sock`;
}

function summarise({ impairment, counters }: ShownDirection): DirectionState {
  const { packets, bytes, reordered, lost, queueDrops, cutDrops, refused } = counters;
  return {
    impairment,
    counters: { packets, bytes, reordered, dropped: lost + queueDrops + cutDrops + refused },
  };
}

/** One request, one answer, a line each. */
async function ask(path: string, request: object): Promise<unknown> {
  let connection: Deno.UnixConn;
  try {
    connection = await Deno.connect({ transport: "unix", path });
  } catch {
    throw new LabError([`The link emulator does not answer on ${path}; is the lab up?`]);
  }
  using _ = connection;
  const writer = connection.writable.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(request) + "\n"));
  let text = "";
  for await (const piece of connection.readable.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.endsWith("\n")) break;
  }
  const answer = JSON.parse(text) as { error?: string };
  if (answer.error !== undefined) throw new LabError([answer.error]);
  return answer;
}

async function exists(namespace: string, device: string): Promise<boolean> {
  return (await attempt(["ip", "-n", namespace, "link", "show", "dev", device])).code === 0;
}
