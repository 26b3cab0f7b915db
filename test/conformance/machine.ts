/** A throw-away network namespace in which the real program runs as the site `lisbon`. */

import { join } from "node:path";
import { setPublicKeys } from "../../src/config/mod.ts";
import { createKey, keyFile } from "../../src/io/keys.ts";

const TREE = new URL("../..", import.meta.url).pathname;
const text = new TextDecoder();

export interface Run {
  /** Words after `up FILE`. */
  readonly words?: readonly string[];
  /** Done in the program's own mount namespace before it starts. */
  readonly before?: string;
  readonly environment?: Record<string, string>;
  readonly file?: string;
  /** Another than the source tree's. */
  readonly program?: readonly string[];
}

export interface Running {
  readonly process: Deno.ChildProcess;
  readonly output: Promise<{ code: number; stderr: string }>;
}

export class Machine {
  readonly #started = new Set<Deno.ChildProcess>();

  /** `good`: a network's file that runs here. */
  private constructor(
    readonly namespace: string,
    readonly folder: string,
    readonly good: string,
  ) {}

  /** Two uplinks, `eth0` and `eth1`, each with nobody at its other end. */
  static async create(name: string): Promise<Machine> {
    const namespace = `lwt-${name}-${Deno.pid}`;
    const folder = await Deno.makeTempDir({ prefix: "labelway-test-" });
    await ip("netns", "add", namespace);
    await ip("-n", namespace, "link", "set", "lo", "up");
    const plain = await Deno.readTextFile(join(TREE, "test/conformance/networks/pair.yaml"));
    const keys = new Map<string, Awaited<ReturnType<typeof createKey>>["publicKey"]>();
    for (const uplink of ["fibre", "lte"]) {
      const pair = await createKey(keyFile(join(folder, "keys"), "lisbon", uplink));
      keys.set(uplink, pair.publicKey);
    }
    const good = setPublicKeys(plain.replace("porto.example.net", "203.0.113.20"), "lisbon", keys);
    const machine = new Machine(namespace, folder, good);
    await machine.plug("eth0", "192.0.2.10/24");
    await machine.plug("eth1", "198.51.100.10/24");
    return machine;
  }

  /** Whatever still runs, after a test that failed. */
  async end(): Promise<void> {
    const left = [...this.#started];
    for (const process of left) process.kill("SIGKILL");
    await Promise.all(left.map((process) => process.status));
  }

  async remove(): Promise<void> {
    await this.end();
    await ip("netns", "delete", this.namespace);
    await Deno.remove(this.folder, { recursive: true });
  }

  async plug(device: string, address: string): Promise<void> {
    await this.ip("link", "add", device, "type", "veth", "peer", "name", `${device}x`);
    await this.ip("address", "add", address, "dev", device);
    await this.ip("link", "set", device, "up");
    await this.ip("link", "set", `${device}x`, "up");
  }

  ip(...args: string[]): Promise<string> {
    return ip("-n", this.namespace, ...args);
  }

  sysctl(...args: string[]): Promise<string> {
    return must("ip", "netns", "exec", this.namespace, "sysctl", ...args);
  }

  /** `labelway plan` of the file as it is now. */
  plan(): Promise<string> {
    return must(
      ...["ip", "netns", "exec", this.namespace, Deno.execPath(), "run", "-A"],
      ...[`${TREE}src/main.ts`, "plan", this.file, "--state", join(this.folder, "state")],
      ...["--socket", join(this.folder, "labelway.sock")],
    );
  }

  get file(): string {
    return join(this.folder, "network.yaml");
  }

  async start(run: Run = {}): Promise<Running> {
    await Deno.writeTextFile(this.file, run.file ?? this.good);
    const script =
      `mount -t tmpfs none /run && mkdir -p /run/wireguard && ${run.before ?? "true"} && ` +
      `exec "$@"`;
    const process = new Deno.Command("ip", {
      args: [
        ...["netns", "exec", this.namespace, "unshare", "-m", "sh", "-c", script, "sh"],
        ...(run.program ?? [Deno.execPath(), "run", "-A", `${TREE}src/main.ts`]),
        ...["up", this.file, "--state", join(this.folder, "state")],
        ...["--socket", join(this.folder, "labelway.sock")],
        ...(run.words ?? []),
      ],
      env: run.environment ?? {},
      cwd: TREE,
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#started.add(process);
    const output = process.output().finally(() => this.#started.delete(process)).then((
      { code, stderr },
    ) => ({
      code,
      stderr: text.decode(stderr),
    }));
    return { process, output };
  }

  /** In the mount namespace of the program too: `wg` finds its sockets there. */
  async inside(running: Running, ...argv: string[]): Promise<string> {
    return await must("nsenter", "-t", `${running.process.pid}`, "-n", "-m", ...argv);
  }

  /** What a start may leave behind. */
  async traces(): Promise<string[]> {
    const shown = await Promise.all([
      this.ip("-4", "rule", "show"),
      this.ip("-6", "rule", "show"),
      this.ip("-4", "route", "show", "table", "all"),
      this.ip("-6", "route", "show", "table", "all"),
      this.ip("-o", "link", "show"),
    ]);
    const socket = await Deno.stat(join(this.folder, "labelway.sock"))
      .then(() => ["socket"], () => []);
    return [
      ...shown.join("\n").split("\n").filter((line) => /lw|1954300|proto 76/.test(line)),
      ...socket,
    ];
  }

  /** The answer of the running program; null: none yet. */
  async ask(path: string, method = "GET") {
    using client = Deno.createHttpClient({
      proxy: { transport: "unix", path: join(this.folder, "labelway.sock") },
    });
    const response = await fetch(`http://localhost${path}`, { client, method }).catch(() => null);
    const answer = await response?.json().catch(() => null);
    return response?.ok ? answer : null;
  }

  forwarding(): Promise<void> {
    return within(10, "the router answers", async () => (await this.ask("/v1/status")) !== null);
  }

  /** A program of the namespace that holds something until it is told to end. */
  hold(code: string): { ready: Promise<void>; end(): Promise<void> } {
    const process = new Deno.Command("ip", {
      args: [
        ...["netns", "exec", this.namespace, Deno.execPath(), "eval"],
        `${code}; console.log("ready"); setTimeout(() => {}, 60_000);`,
      ],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = process.stdout.getReader();
    return {
      ready: reader.read().then(() => {}),
      end: async () => {
        process.kill("SIGKILL");
        await reader.cancel();
        await process.status;
      },
    };
  }
}

/** Waits until something is so. */
export async function within(
  seconds: number,
  what: string,
  isSo: () => Promise<boolean>,
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!await isSo()) {
    if (Date.now() > end) throw new Error(`Not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function ip(...args: string[]): Promise<string> {
  return must("ip", ...args);
}

async function must(...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(argv[0]!, { args: argv.slice(1) })
    .output();
  if (code !== 0) throw new Error(`${argv.join(" ")}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}
