/** One session of native/bfd over UDP in a namespace: `native/bfd/examples/peer.rs`. */

import { TextLineStream } from "../engine/lines.ts";

const NATIVE = new URL("../../../native", import.meta.url).pathname;
const ANSWER_MILLIS = 5000;

/** A change of state. */
export interface Change {
  readonly from: string;
  readonly to: string;
  readonly diagnostic: string;
  readonly remoteState: string;
  readonly remoteDiagnostic: string;
  /** Since the last packet that was taken in. */
  readonly silentMillis: number;
}

export interface Status {
  readonly status: string;
  readonly discriminator: number;
  readonly remoteDiscriminator: number;
  readonly remoteState: string;
  readonly remoteDiagnostic: string;
  readonly transmitMillis: number;
  readonly detectionMillis: number;
  readonly polling: boolean;
  readonly downs: number;
  readonly sent: number;
  readonly received: number;
}

export async function buildPeer(): Promise<void> {
  const args = ["build", "--quiet", "--locked", "-p", "labelway-bfd", "--example", "peer"];
  const { success } = await new Deno.Command("cargo", { args, cwd: NATIVE }).output();
  if (!success) throw new Error(`cargo ${args.join(" ")} failed`);
}

export class Peer {
  /** Oldest first. */
  readonly changes: Change[] = [];
  /** Reasons. */
  readonly discarded: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #heard: Promise<void>;
  #answer: ((status: Status) => void) | null = null;

  /** `timers`: milliseconds between packets sent, received; multiplier. */
  constructor(namespace: string, local: string, remote: string, timers: readonly number[]) {
    this.#child = new Deno.Command("ip", {
      args: [
        ...["netns", "exec", namespace, `${NATIVE}/target/debug/examples/peer`, local, remote],
        ...timers.map(String),
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#heard = this.#hear();
  }

  async order(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  async status(): Promise<Status> {
    const { promise, resolve, reject } = Promise.withResolvers<Status>();
    this.#answer = resolve;
    const late = setTimeout(() => reject(new Error("the peer does not answer")), ANSWER_MILLIS);
    await this.order("status");
    return await promise.finally(() => clearTimeout(late));
  }

  async end(): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#child.status;
    await this.#heard;
  }

  async #hear(): Promise<void> {
    const lines = this.#child.stdout
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    for await (const line of lines) {
      const said = JSON.parse(line) as Change | Status | { discarded: string };
      if ("status" in said) this.#answer?.(said);
      else if ("discarded" in said) this.discarded.push(said.discarded);
      else this.changes.push(said);
    }
  }
}
