/** `labelway lab demo`: a lab, shown to somebody who sees it for the first time. */

import { join } from "node:path";
import { findPlace, type Place, requireState } from "../lab/folder.ts";
import { down, up } from "../lab/lab.ts";
import { ROOT } from "../lab/program.ts";
import type { EmulatorKind } from "../lab/emulator.ts";
import { type Command, Failure, type Io, OK } from "./command.ts";
import { fourSites } from "./lab_demo_four.ts";
import { heading, type Play } from "./lab_demo_stage.ts";
import { betterThroughAThird } from "./lab_demo_third.ts";
import { EMULATOR, WAIT } from "./lab_up.ts";
import { paint } from "./table.ts";

/** By the name of the topology in `config/lab`. */
const PLAYS: Readonly<Record<string, Play>> = {
  "four-sites": fourSites,
  "better-through-a-third": betterThroughAThird,
};
const DEFAULT = "four-sites";

export const labDemo: Command = {
  name: "demo",
  summary: "Bring a lab up and show what Labelway does in it",
  details: "four-sites goes through everything; better-through-a-third has one thing to show.\n" +
    "The lab stays up for exploring; with --exit it is removed at the end. Whatever goes wrong,\n" +
    "and on Ctrl-C, it is removed at once.",
  options: {
    exit: { kind: "flag", help: "Remove the lab at the end" },
    emulator: EMULATOR,
    wait: WAIT,
  },
  positional: [{
    name: "LAB",
    help: `Which (default ${DEFAULT})`,
    optional: true,
    choices: Object.keys(PLAYS),
  }],
  examples: [
    ["lab demo --exit", "About a minute"],
    ["lab demo better-through-a-third --exit", "The direct way is the slow one"],
  ],
  run: async (args, io) => {
    const name = args.positional[0] ?? DEFAULT;
    const play = PLAYS[name];
    if (play === undefined) throw new TypeError(`${name} is no lab to show`);
    const file = `config/lab/${name}.yaml`;
    const place = await findPlace(join(ROOT, file));
    const stop = io.interrupted();
    const aborted = new Promise<never>((_, reject) =>
      stop.addEventListener("abort", () => reject(new Failure(["Interrupted"])))
    );
    // Rejected after the last race is over, it would otherwise count as nobody's.
    aborted.catch(() => {});
    try {
      await Promise.race([
        perform(play, place, args.text("emulator") as EmulatorKind | undefined, {
          io,
          waitMillis: (args.number("wait") ?? 30) * 1000,
          stop,
        }),
        aborted,
      ]);
    } catch (error) {
      await down(place, { keepLogs: true });
      io.err(`The lab is taken down; logs are in ${place.folder}`);
      throw error;
    }
    if (args.flag("exit")) {
      const removed = await down(place);
      io.out(`\nThe lab is gone: ${removed} namespaces.`);
    } else sayWhatNext(file, play, io);
    return OK;
  },
};

async function perform(
  play: Play,
  place: Place,
  emulator: EmulatorKind | undefined,
  { io, waitMillis, stop }: { io: Io; waitMillis: number; stop: AbortSignal },
): Promise<void> {
  heading(io, "The network", play.network);
  play.showNetwork(place, io);
  heading(io, "Bringing it up", ["Each gateway runs the real program with its own keys."]);
  await up(place, {
    emulator,
    routers: true,
    waitMillis,
    stop,
    report: (line) => io.out(`  ${paint("✓", "good", io.color)} ${line}`),
  });
  await play.perform({ place, state: await requireState(place), io });
}

function sayWhatNext(file: string, { tryThis }: Play, io: Io): void {
  const lab = "npx deno task labelway lab";
  heading(io, "The lab stays up", []);
  io.out([
    "  Look around, and break things:",
    `    ${lab} status ${file}`,
    ...tryThis.map(([command, rest]) => `    ${lab} ${command} ${file} ${rest}`),
    "  Take it down:",
    `    ${lab} down ${file}`,
  ].join("\n"));
}
