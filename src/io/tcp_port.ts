/** The TCP socket that follows the file's port from one file to the next. */

import type { Network } from "../model/network.ts";
import type { Server } from "./server.ts";

interface Bound {
  readonly port: number;
  readonly server: Server;
}

/** A port is taken before its file is accepted, so that one in use refuses the file. */
export class TcpPort {
  readonly #serve: (port: number) => Server;
  #now: Bound;
  #next: Bound | null = null;

  /** @throws ServerError where the port cannot be had */
  constructor(serve: (port: number) => Server, port: number) {
    this.#serve = serve;
    this.#now = { port, server: serve(port) };
  }

  get port(): number {
    return this.#now.port;
  }

  /** @throws ServerError where the port cannot be had; the present one stays */
  async prepare(port: number): Promise<void> {
    await this.settle(false);
    if (port !== this.#now.port) this.#next = { port, server: this.#serve(port) };
  }

  /** What was prepared takes the place of what is there, or is given up. */
  async settle(accepted: boolean): Promise<void> {
    const next = this.#next;
    if (next === null) return;
    this.#next = null;
    const former = this.#now;
    if (accepted) this.#now = next;
    await (accepted ? former : next).server.close();
  }

  async close(): Promise<void> {
    await this.settle(false);
    await this.#now.server.close();
  }
}

/** What a reload says of a port that the file moves. */
export function movedPort(former: Network, next: Network): string[] {
  if (former.api.port === next.api.port) return [];
  return [`answer HTTP on TCP port ${next.api.port} in place of ${former.api.port}`];
}
