/** Network namespaces for the engine's tests; what a crashed run left is removed by the next. */

import { TextLineStream } from "./lines.ts";
import type { Command } from "./gateway.ts";

export type { Command };

const PREFIX = "lwe";

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function exec(command: readonly string[]): Promise<Output> {
  const [program, ...args] = command;
  const output = await new Deno.Command(program!, { args, stdin: "null" }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: decode(output.stdout), stderr: decode(output.stderr) };
}

/** Runs a command that must succeed; gives what it printed. */
export async function must(...command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await exec(command);
  if (code !== 0) throw new Error(`${command.join(" ")}: ${stderr}${stdout}`);
  return stdout;
}

/** Every command on a line; `ip` is left out: `netns add x`. */
export async function ip(lines: string): Promise<void> {
  for (const line of lines.split("\n")) {
    const words = line.trim().split(/\s+/);
    if (words[0] !== "") await must("ip", ...words);
  }
}

export class Net {
  readonly #names: string[] = [];
  readonly #gateways: Gateway[] = [];

  /** Namespaces of this process: their names carry its number. */
  name(short: string): string {
    return `${PREFIX}${Deno.pid}-${short}`;
  }

  async add(short: string): Promise<string> {
    const name = this.name(short);
    await must("ip", "netns", "add", name);
    this.#names.push(name);
    await ip(`-n ${name} link set lo up`);
    return name;
  }

  /** A veth pair between two namespaces, both ends up. */
  async join(a: string, aDevice: string, b: string, bDevice: string): Promise<void> {
    await ip(`
      link add ${aDevice} netns ${a} type veth peer name ${bDevice} netns ${b}
      -n ${a} link set ${aDevice} up
      -n ${b} link set ${bDevice} up`);
  }

  gateway(namespace: string, environment: Record<string, string> = {}, prepare = ""): Gateway {
    const gateway = new Gateway(namespace, environment, prepare);
    this.#gateways.push(gateway);
    return gateway;
  }

  async remove(): Promise<void> {
    for (const gateway of this.#gateways) await gateway.end();
    for (const name of this.#names) await removeNamespace(name);
  }

  /** Namespaces of processes that are no more. */
  static async removeStale(): Promise<void> {
    const { stdout } = await exec(["ip", "netns", "list"]);
    for (const line of stdout.split("\n")) {
      const [name] = line.split(" ");
      const pid = name?.match(new RegExp(`^${PREFIX}(\\d+)-`))?.[1];
      if (pid === undefined || name === undefined) continue;
      const alive = await Deno.stat(`/proc/${pid}`).then(() => true, () => false);
      if (!alive) await removeNamespace(name);
    }
  }
}

/** With all that still runs in it, a daemon that a test started for example. */
async function removeNamespace(name: string): Promise<void> {
  const { stdout } = await exec(["ip", "netns", "pids", name]);
  for (const pid of stdout.split("\n").filter((line) => line !== "")) {
    await exec(["kill", "-9", pid]);
  }
  await exec(["ip", "netns", "delete", name]);
}

/** A running `gateway.ts` inside a namespace, with a /run/wireguard of its own. */
export class Gateway {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<string>;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(namespace: string, environment: Record<string, string>, prepare: string) {
    const program = new URL("gateway.ts", import.meta.url).pathname;
    // `ip netns exec` gives a mount namespace of its own that passes nothing on.
    const script = `set -e; mkdir -p /run/wireguard; mount -t tmpfs tmpfs /run/wireguard; ${prepare}
      exec "$@"`;
    const deno = [Deno.execPath(), "run", "-A", "--quiet", "--v8-flags=--expose-gc", program];
    this.#child = new Deno.Command("ip", {
      args: ["netns", "exec", namespace, "sh", "-c", script, "sh", ...deno],
      env: environment,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#answers = this.#child.stdout
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream())
      .getReader();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Does one command after the other; throws what the gateway threw. */
  // deno-lint-ignore no-explicit-any
  ask(command: Command): Promise<any> {
    const next = this.#queue.then(() => this.#ask(command));
    this.#queue = next.catch(() => {});
    return next;
  }

  async #ask(command: Command): Promise<unknown> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(command)}\n`));
    const { value, done } = await this.#answers.read();
    if (done) throw new Error("the gateway is gone");
    const answer = JSON.parse(value) as { error?: string; answer?: unknown };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.answer;
  }

  /** Runs a command where the gateway runs. */
  run(command: string, input?: string): Promise<string> {
    return this.ask({ do: "run", command: command.split(" "), input });
  }

  /** As kill -9. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }

  async terminate(): Promise<number> {
    this.#child.kill("SIGTERM");
    return (await this.#child.status).code;
  }

  async end(): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#answers.cancel().catch(() => {});
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await this.#child.status;
    clearTimeout(late);
  }
}
