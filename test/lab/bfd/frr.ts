/** FRR's bfdd in a namespace, ordered and asked by vtysh. */

import { exec, must } from "../engine/namespaces.ts";

const DAEMONS = "/usr/lib/frr";
const START_MILLIS = 10_000;

/** Of `show bfd peers json`, what is compared. Intervals in milliseconds. */
export interface FrrPeer {
  readonly status: "up" | "down" | "init" | "shutdown";
  readonly diagnostic: string;
  readonly "remote-diagnostic": string;
  readonly id: number;
  readonly "remote-id": number;
  readonly "receive-interval": number;
  readonly "transmit-interval": number;
  readonly "remote-receive-interval": number;
  readonly "remote-transmit-interval": number;
  readonly "remote-detect-multiplier": number;
}

/** zebra, which tells bfdd of addresses and links, and bfdd with one peer. */
export class Frr {
  #daemons: Deno.ChildProcess[] = [];

  constructor(
    readonly namespace: string,
    /** Of its own: sockets, configurations, logs. */
    readonly folder: string,
    readonly local: string,
    readonly peer: string,
  ) {}

  /** Answers when vtysh can ask for the peer. */
  async start(lines: readonly string[]): Promise<void> {
    // The daemons give up root's rights, and open their sockets after that.
    await must("chown", "frr:frr", this.folder);
    await Deno.writeTextFile(`${this.folder}/zebra.conf`, "");
    const peer = [`peer ${this.peer} local-address ${this.local}`, ...lines, "no shutdown"];
    await Deno.writeTextFile(`${this.folder}/bfdd.conf`, ["bfd", ...peer, ""].join("\n"));
    this.#spawn("zebra");
    await until("zebra listens", () => exists(`${this.folder}/zserv`));
    this.#spawn("bfdd", "--bfdctl", `${this.folder}/bfdd.ctl`);
    await until("bfdd answers", async () => await this.#shown() !== null);
  }

  /** Orders for the peer, as in its configuration. */
  async configure(...lines: string[]): Promise<void> {
    const place = ["configure terminal", "bfd", `peer ${this.peer} local-address ${this.local}`];
    await this.#vtysh([...place, ...lines]);
  }

  async show(): Promise<FrrPeer> {
    const peer = await this.#shown();
    if (peer === null) throw new Error(`bfdd does not answer:\n${await this.#logs()}`);
    return peer;
  }

  /** As kill -9: neither says farewell. */
  async end(): Promise<void> {
    for (const daemon of this.#daemons.reverse()) {
      try {
        daemon.kill("SIGKILL");
      } catch {
        // it has ended by itself
      }
      await daemon.status;
    }
    this.#daemons = [];
    for (const file of ["zserv", "zebra.vty", "bfdd.vty", "bfdd.ctl"]) {
      await Deno.remove(`${this.folder}/${file}`).catch(() => {});
    }
  }

  #spawn(daemon: string, ...more: string[]): void {
    const files = ["-f", `${this.folder}/${daemon}.conf`, "-i", `${this.folder}/${daemon}.pid`];
    const sockets = ["--vty_socket", this.folder, "-z", `${this.folder}/zserv`, "-P", "0"];
    this.#daemons.push(
      new Deno.Command("ip", {
        args: [
          ...["netns", "exec", this.namespace, "sh", "-c", 'log=$1; shift; exec "$@" > $log 2>&1'],
          ...["sh", `${this.folder}/${daemon}.log`, `${DAEMONS}/${daemon}`],
          ...[...files, ...sockets, "--log", "stdout", ...more],
        ],
        stdin: "null",
      }).spawn(),
    );
  }

  async #shown(): Promise<FrrPeer | null> {
    const peers = await this.#vtysh(["show bfd peers json"]).catch(() => "[]");
    return (JSON.parse(peers || "[]") as FrrPeer[])[0] ?? null;
  }

  async #vtysh(commands: readonly string[]): Promise<string> {
    const argv = ["vtysh", "--vty_socket", this.folder, "-d", "bfdd"];
    const { code, stdout, stderr } = await exec([...argv, ...commands.flatMap((c) => ["-c", c])]);
    // Of a command that it does not know it says so, with status 0.
    if (code !== 0 || /^%/m.test(stdout)) throw new Error(`${commands}: ${stdout}${stderr}`);
    return stdout;
  }

  async #logs(): Promise<string> {
    const read = (daemon: string) => Deno.readTextFile(`${this.folder}/${daemon}.log`);
    return (await Promise.all(["zebra", "bfdd"].map(read))).join("\n");
  }
}

/** Asks until it is so. @throws after {@link START_MILLIS}, or what was asked for */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  millis = START_MILLIS,
): Promise<void> {
  const end = performance.now() + millis;
  while (!await holds()) {
    if (performance.now() > end) throw new Error(`Waited ${millis} ms: not so that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}
