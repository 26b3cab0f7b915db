/** The sockets that the HTTP interface answers on. */

import { dirname } from "node:path";

export type Handler = (request: Request) => Response | Promise<Response>;

/** A socket cannot be had; the message says which, why, and what to do. */
export class ServerError extends Error {
  override readonly name = "ServerError";
}

export interface Server {
  close(): Promise<void>;
}

/** Owner only: who can write to it can make the router read its file again. */
const SOCKET_MODE = 0o600;

const PATIENCE_MILLIS = 500;

export async function serveUnix(path: string, handler: Handler): Promise<Server> {
  const folder = dirname(path);
  try {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    await removeStale(path);
    // Born with the right mode: between bind and chmod anybody could connect.
    const mask = Deno.umask(0o777 & ~SOCKET_MODE);
    try {
      const server = Deno.serve({ path, onListen: () => {} }, handler);
      return {
        close: async () => {
          await stopped(server);
          await Deno.remove(path).catch(() => {});
        },
      };
    } finally {
      Deno.umask(mask);
    }
  } catch (error) {
    if (error instanceof ServerError) throw error;
    throw new ServerError(`Cannot listen on ${path}: ${(error as Error).message}`);
  }
}

export function serveTcp(hostname: string, port: number, handler: Handler): Server {
  try {
    const server = Deno.serve({ hostname, port, onListen: () => {} }, handler);
    return { close: () => stopped(server) };
  } catch (error) {
    const reason = error instanceof Deno.errors.AddrInUse
      ? "another program has the port; choose one by `api: { port: … }` in the file or by --listen, " +
        "or none by --no-tcp"
      : (error as Error).message;
    throw new ServerError(`Cannot listen on ${hostname}:${port}: ${reason}`);
  }
}

/** Answers under way may end; who keeps a connection open does not hold up the end. */
async function stopped(server: Deno.HttpServer): Promise<void> {
  let timer;
  const patience = new Promise<void>((resolve) => timer = setTimeout(resolve, PATIENCE_MILLIS));
  await Promise.race([server.shutdown(), patience]);
  clearTimeout(timer);
}

/** A socket that nobody answers on was left by a process that was killed. */
async function removeStale(path: string): Promise<void> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (error instanceof Deno.errors.ConnectionRefused) return await Deno.remove(path);
    throw error;
  }
  throw new ServerError(`Cannot listen on ${path}: another program answers there`);
}
