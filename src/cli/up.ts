/** `labelway up`: the running router. */

import type { RouterView } from "../ports/router_view.ts";
import { type GatewayOptions, runGateway } from "../io/gateway.ts";
import type { Handler } from "../io/server.ts";
import type { LoadOptions } from "../io/load.ts";
import { lineLog, type Log, type LogFormat } from "../io/log.ts";
import { socketOption, socketPath } from "./client.ts";
import {
  type Arguments,
  type Command,
  Failure,
  type Io,
  OK,
  type Option,
  UsageError,
} from "./command.ts";
import { VERSION } from "./program.ts";

export const DEFAULT_STATE = "/var/lib/labelway";

/** Options that say which configuration, for which site: of `up` and of `plan`. */
export const siteOptions = {
  site: {
    kind: "text",
    value: "NAME",
    names: "site",
    help: "This site (default: as its private keys tell)",
  },
  keys: {
    kind: "text",
    value: "DIR",
    help: "Folder of the private keys (default: keys beside FILE)",
  },
  state: {
    kind: "text",
    value: "DIR",
    help: `What outlives the process (default ${DEFAULT_STATE})`,
  },
  ...socketOption,
  backend: {
    kind: "text",
    value: "KIND",
    choices: ["auto", "kernel", "embedded"],
    help: "Whose WireGuard, in place of what FILE says",
  },
  renumber: {
    kind: "flag",
    help: "Let a number mean another site, segment or uplink than in the file before",
  },
} as const satisfies Record<string, Option>;

export const up: Command = {
  name: "up",
  summary: "Run the router of this site until it is told to stop",
  details:
    "SIGHUP reads FILE again; a file with mistakes changes nothing. SIGTERM and Ctrl-C stop\n" +
    "the router and take away everything that it made.",
  options: {
    ...siteOptions,
    listen: {
      kind: "text",
      value: "ADDRESS:PORT",
      help: "Loopback address of the HTTP interface (default: 127.0.0.1 and the port in FILE)",
    },
    "no-tcp": { kind: "flag", help: "The Unix socket alone" },
    keep: {
      kind: "flag",
      help: "Leave kernel interfaces, rules and routes when it stops, for the next start",
    },
    "last-good": {
      kind: "flag",
      help: "When FILE has mistakes, start from the last one that had none",
    },
    log: { kind: "text", value: "FORMAT", choices: ["text", "json"], help: "How to log" },
  },
  positional: [{ name: "FILE", help: "The network's file" }],
  examples: [
    ["up /etc/labelway/network.yaml", "The site whose keys are in /etc/labelway/keys"],
    ["up network.yaml --site porto --no-tcp", "Answer questions on the Unix socket alone"],
  ],
  run: async (args, io) => {
    const journal = io.environment("JOURNAL_STREAM") !== undefined;
    const format = (args.text("log") ?? "text") as LogFormat;
    const log = lineLog((line) => io.err(line), format, journal);
    const options: GatewayOptions = {
      ...loadOptions(args, io),
      listen: args.flag("no-tcp") ? null : parseListen(args.text("listen")),
      keep: args.flag("keep"),
      lastGood: args.flag("last-good"),
    };
    const problems = await runGateway(options, {
      version: VERSION,
      createHandler: (view, port) => answering(view, port, log),
      log,
      stop: io.interrupted(),
      environment: io.environment,
    });
    if (problems.length > 0) throw new Failure(problems);
    return OK;
  },
};

/**
 * The HTTP interface, loaded when somebody first asks: most of the time from the process's start to
 * its first packet goes into loading modules, and packets must not wait for those of answers.
 */
function answering(view: RouterView, port: number | null, log: Log): Handler {
  let loaded: Promise<Handler> | undefined;
  const load = async (): Promise<Handler> => {
    const { createApp } = await import("../api/app.ts");
    const app = createApp(view, {
      listen: port === null ? { kind: "unix" } : { kind: "tcp", port },
      onFault: (error) => log("error", error instanceof Error ? `${error.stack}` : `${error}`),
    });
    return (request) => app.fetch(request);
  };
  return async (request) => (await (loaded ??= load()))(request);
}

export function loadOptions(
  args: Arguments,
  io: Pick<Io, "environment">,
): LoadOptions & { readonly state: string; readonly socket: string } {
  return {
    file: args.positional[0] ?? "",
    site: args.text("site"),
    keys: args.text("keys"),
    backend: args.text("backend") as LoadOptions["backend"],
    renumber: args.flag("renumber"),
    state: args.text("state") ?? DEFAULT_STATE,
    socket: socketPath(args, io),
  };
}

/** Beyond loopback the interface would need a way to know who asks. */
function parseListen(text: string | undefined): { hostname: string; port: number } | undefined {
  if (text === undefined) return undefined;
  const found = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost):(\d+)$/.exec(text);
  const port = Number(found?.[2]);
  if (!found || port < 1 || port > 65535) {
    throw new UsageError([
      `--listen ${text} is not accepted: give a loopback address and a port, as 127.0.0.1:7635`,
    ]);
  }
  return { hostname: found[1]!.replace(/[[\]]/g, ""), port };
}
