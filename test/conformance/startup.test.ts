/** The real program in a throw-away network namespace: how it starts, fails to start, and ends. */

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createKey, keyFile } from "../../src/io/keys.ts";
import { setPublicKeys } from "../../src/config/mod.ts";

const NAMESPACE = `lwt-start-${Deno.pid}`;
const TREE = new URL("../..", import.meta.url).pathname;
const text = new TextDecoder();

let folder = "";
let good = "";

beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "labelway-test-" });
  await ip("netns", "add", NAMESPACE);
  await ip("-n", NAMESPACE, "link", "set", "lo", "up");
  for (const [device, address] of [["eth0", "192.0.2.10/24"], ["eth1", "198.51.100.10/24"]]) {
    await ip("-n", NAMESPACE, "link", "add", device!, "type", "veth", "peer", "name", `${device}x`);
    await ip("-n", NAMESPACE, "address", "add", address!, "dev", device!);
    await ip("-n", NAMESPACE, "link", "set", device!, "up");
    await ip("-n", NAMESPACE, "link", "set", `${device}x`, "up");
  }
  const plain = await Deno.readTextFile(join(TREE, "test/conformance/networks/pair.yaml"));
  const keys = new Map<string, Awaited<ReturnType<typeof createKey>>["publicKey"]>();
  for (const uplink of ["fibre", "lte"]) {
    const pair = await createKey(keyFile(join(folder, "keys"), "lisbon", uplink));
    keys.set(uplink, pair.publicKey);
  }
  good = setPublicKeys(plain.replace("porto.example.net", "203.0.113.20"), "lisbon", keys);
});

afterAll(async () => {
  await ip("netns", "delete", NAMESPACE);
  await Deno.remove(folder, { recursive: true });
});

interface Run {
  /** Words after `up FILE`. */
  readonly words?: readonly string[];
  /** Done in the program's own mount namespace before it starts. */
  readonly before?: string;
  readonly environment?: Record<string, string>;
  readonly file?: string;
}

interface Running {
  readonly process: Deno.ChildProcess;
  readonly output: Promise<{ code: number; stderr: string }>;
}

async function start(run: Run = {}): Promise<Running> {
  const file = join(folder, "network.yaml");
  await Deno.writeTextFile(file, run.file ?? good);
  const script =
    `mount -t tmpfs none /run && mkdir -p /run/wireguard && ${run.before ?? "true"} && ` +
    `exec "$@"`;
  const process = new Deno.Command("ip", {
    args: [
      ...["netns", "exec", NAMESPACE, "unshare", "-m", "sh", "-c", script, "sh"],
      ...[Deno.execPath(), "run", "-A", `${TREE}src/main.ts`, "up", file],
      ...["--state", join(folder, "state"), "--socket", join(folder, "labelway.sock")],
      ...(run.words ?? []),
    ],
    env: run.environment ?? {},
    cwd: TREE,
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const output = process.output().then(({ code, stderr }) => ({
    code,
    stderr: text.decode(stderr),
  }));
  return { process, output };
}

/** What a start may leave behind. */
async function traces(): Promise<string[]> {
  const shown = await Promise.all([
    ip("-n", NAMESPACE, "-4", "rule", "show"),
    ip("-n", NAMESPACE, "-6", "rule", "show"),
    ip("-n", NAMESPACE, "-4", "route", "show", "table", "all"),
    ip("-n", NAMESPACE, "-6", "route", "show", "table", "all"),
    ip("-n", NAMESPACE, "-o", "link", "show"),
  ]);
  const socket = await Deno.stat(join(folder, "labelway.sock")).then(() => ["socket"], () => []);
  return [
    ...shown.join("\n").split("\n").filter((line) => /lw|1954300|proto 76/.test(line)),
    ...socket,
  ];
}

async function refused(run: Run, ...messages: (string | RegExp)[]): Promise<void> {
  const { code, stderr } = await (await start(run)).output;
  for (const message of messages) expect(stderr).toMatch(message);
  expect(code).toBe(1);
  expect(await traces()).toEqual([]);
}

async function forwarding(): Promise<void> {
  using client = Deno.createHttpClient({
    proxy: { transport: "unix", path: join(folder, "labelway.sock") },
  });
  for (let tries = 0; tries < 200; tries++) {
    const response = await fetch("http://localhost/v1/status", { client }).catch(() => null);
    await response?.body?.cancel();
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("The router does not answer within 10 s");
}

describe("a start that cannot be", { timeout: 20_000 }, () => {
  test("names every mistake in the file with its line", () =>
    refused(
      {
        file: good.replace("sid: 2", "sid: two").replace("color: lte", "colour: lte"),
      },
      /network\.yaml:\d+:\d+: "two" is not accepted/,
      /network\.yaml:\d+:\d+: .*colour/,
    ));

  test("names the private keys that it looked for", () =>
    refused({ words: ["--keys", join(folder, "nowhere")] }, "Cannot tell which site this is"));

  test("without /dev/net/tun", () =>
    refused({ before: "mount -t tmpfs none /dev/net" }, "/dev/net/tun"));

  test("without the native half, and with another library in its place", async () => {
    const missing = join(folder, "missing.so");
    await refused({ environment: { LABELWAY_LIBRARY: missing } }, missing, "deno task native");
    const other = join(folder, "other.so");
    await Deno.writeTextFile(other, "not a library");
    await refused({ environment: { LABELWAY_LIBRARY: other } }, other, "deno task native");
  });

  test("without the right to change the network", () =>
    refused(
      { before: 'exec setpriv --bounding-set -net_admin "$@"' },
      "this process lacks CAP_NET_ADMIN",
    ));

  test("without `wg`", async () => {
    const bin = join(folder, "bin");
    await Deno.mkdir(bin);
    const where = await new Deno.Command("sh", { args: ["-c", "command -v ip"] }).output();
    await Deno.symlink(text.decode(where.stdout).trim(), join(bin, "ip"));
    await refused({ before: `export PATH=${bin}` }, "apt-get install wireguard-tools");
  });

  test("with the port of the HTTP interface in use", async () => {
    const holder = hold("Deno.listen({ hostname: '127.0.0.1', port: 7635 })");
    await holder.ready;
    await refused({}, "Cannot listen on 127.0.0.1:7635: another program has the port");
    await holder.end();
  });

  test("with the port of an uplink in use", async () => {
    const holder = hold(
      "const { createSocket } = await import('node:dgram'); createSocket('udp4').bind(51821)",
    );
    await holder.ready;
    await refused({}, "Cannot listen on UDP port 51821 for lw-1-lte: another program has the port");
    await holder.end();
  });
});

test("a router that is told to stop leaves nothing, and a second one is refused", async () => {
  const router = await start();
  await forwarding();
  expect((await traces()).length).toBeGreaterThan(5);
  const second = await (await start({ words: ["--no-tcp"] })).output;
  expect(second).toMatchObject({ code: 1 });
  expect(second.stderr).toContain("another router uses the state folder");
  await forwarding();
  router.process.kill("SIGTERM");
  const { code, stderr } = await router.output;
  expect(stderr).toContain("Forwarding: site lisbon, embedded WireGuard, 2 uplinks");
  expect(stderr).toMatch(/stopped\s*$/);
  expect(code).toBe(0);
  expect(await traces()).toEqual([]);
}, 30_000);

test(
  "a start after a kill adopts what is there, and a broken file does not keep it from it",
  async () => {
    const killed = await start();
    await forwarding();
    killed.process.kill("SIGKILL");
    await killed.output;
    const rules = (await traces()).filter((line) => line.includes("fwmark"));
    expect(rules.length).toBeGreaterThan(1);

    const router = await start({
      file: good.replace("sid: 2", "sid: two"),
      words: ["--last-good"],
    });
    await forwarding();
    expect((await traces()).filter((line) => line.includes("fwmark"))).toEqual(rules);
    router.process.kill("SIGINT");
    const { code, stderr } = await router.output;
    expect(stderr).toContain("starting from the last good file");
    expect(stderr).not.toContain("add rule");
    expect(code).toBe(0);
    expect(await traces()).toEqual([]);
  },
  30_000,
);

test(
  "SIGHUP reads the file again: mistakes change nothing, a new prefix gets its route",
  async () => {
    const router = await start();
    await forwarding();
    const file = join(folder, "network.yaml");
    const hangup = async (yaml: string, done: () => Promise<boolean>) => {
      await Deno.writeTextFile(file, yaml);
      router.process.kill("SIGHUP");
      for (let tries = 0; tries < 200; tries++) {
        if (await done()) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error("The reload shows no effect within 10 s");
    };
    const last = async () => {
      using client = Deno.createHttpClient({
        proxy: { transport: "unix", path: join(folder, "labelway.sock") },
      });
      const status = await (await fetch("http://localhost/v1/status", { client })).json();
      return status.lastReload as { ok: boolean; problems?: string[] } | null;
    };
    await hangup(good.replace("sid: 2", "sid: two"), async () => (await last())?.ok === false);
    expect((await last())?.problems).toEqual([expect.stringMatching(/:\d+:\d+: "two"/)]);
    await hangup(
      good.replace("10.2.0.0/24]", "10.2.0.0/24, 10.22.0.0/16]"),
      async () => (await last())?.ok === true,
    );
    expect((await traces()).join("\n")).toContain("10.22.0.0/16 dev lws1-office");
    router.process.kill("SIGTERM");
    expect((await router.output).code).toBe(0);
    expect(await traces()).toEqual([]);
  },
  30_000,
);

/** A program of the namespace that holds something until it is told to end. */
function hold(code: string): { ready: Promise<void>; end(): Promise<void> } {
  const process = new Deno.Command("ip", {
    args: [
      ...["netns", "exec", NAMESPACE, Deno.execPath(), "eval"],
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

async function ip(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("ip", { args }).output();
  if (code !== 0) throw new Error(`ip ${args.join(" ")}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}
