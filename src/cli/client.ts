/** Asks the running router over its Unix socket. */

import type { Problem } from "../api/schema.ts";
import { type Arguments, Failure, type Io, type Option } from "./command.ts";

export const DEFAULT_SOCKET = "/run/labelway/labelway.sock";

export const socketOption = {
  socket: {
    kind: "text",
    value: "PATH",
    short: "s",
    help: `The router's Unix socket (else $LABELWAY_SOCKET, else ${DEFAULT_SOCKET})`,
  },
} as const satisfies Record<string, Option>;

export type Ask = (path: string, init?: { method: "GET" | "POST" }) => Promise<Response>;

/** Asks the router; what is not an answer becomes a {@link Failure} that says what to do. */
export class Client {
  constructor(private readonly ask: Ask) {}

  async get<Answer>(path: string, query: Record<string, string | undefined> = {}): Promise<Answer> {
    const given = Object.entries(query).filter((pair): pair is [string, string] =>
      pair[1] !== undefined
    );
    const search = new URLSearchParams(given).toString();
    return await this.send("GET", search === "" ? path : `${path}?${search}`);
  }

  async post<Answer>(path: string): Promise<Answer> {
    return await this.send("POST", path);
  }

  private async send<Answer>(method: "GET" | "POST", path: string): Promise<Answer> {
    const response = await this.ask(path, { method });
    const text = await response.text();
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      throw new Failure([
        `The router answered ${path} with what is no JSON: ${text.slice(0, 200)}`,
      ]);
    }
    if (response.ok) return body as Answer;
    const { detail, errors } = body as Problem;
    throw new Failure([
      detail ?? `The router answered ${path} with status ${response.status}`,
      ...(errors ?? []).map(({ where, message }) =>
        where === "" ? message : `${where}: ${message}`
      ),
    ]);
  }
}

export function connect(args: Arguments, io: Io): Client {
  return new Client(askSocket(socketPath(args, io)));
}

/** Where the router answers: the same for who asks and for the router itself. */
export function socketPath(args: Arguments, io: Pick<Io, "environment">): string {
  return args.text("socket") ?? (io.environment("LABELWAY_SOCKET") || DEFAULT_SOCKET);
}

export function askSocket(path: string): Ask {
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  return async (target, init) => {
    try {
      return await fetch(`http://localhost${target}`, { ...init, client });
    } catch (error) {
      throw new Failure([await whyNoAnswer(path, error)], { cause: error });
    }
  };
}

/** `fetch` says only that it failed: connecting by hand says why. */
async function whyNoAnswer(path: string, error: unknown): Promise<string> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (reason) {
    if (reason instanceof Deno.errors.NotFound) {
      return `No router runs here: there is no socket ${path}. Start one by \`labelway up FILE\`, ` +
        "or name its socket by --socket.";
    }
    const found = await Deno.stat(path).catch(() => null);
    if (found?.isSocket === false) {
      return `${path} is no socket; name the router's by --socket (default ${DEFAULT_SOCKET}).`;
    }
    if (reason instanceof Deno.errors.ConnectionRefused) {
      return `No router runs here: nobody answers on ${path} any more. Start one by ` +
        "`labelway up FILE`.";
    }
    if (
      reason instanceof Deno.errors.PermissionDenied || reason instanceof Deno.errors.NotCapable
    ) {
      return `The socket ${path} may be opened by its owner only: ask as root (sudo).`;
    }
    return `Cannot reach the router on ${path}: ${(reason as Error).message}`;
  }
  return `The router on ${path} broke off its answer: ${(error as Error).message}`;
}
