/** The real program in a throw-away network namespace: how it starts, fails to start, and ends. */

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Machine, type Run, within } from "./machine.ts";

const text = new TextDecoder();
let machine: Machine;
let folder = "";
let good = "";

beforeAll(async () => {
  machine = await Machine.create("start");
  ({ folder, good } = machine);
});

afterAll(() => machine.remove());

async function refused(run: Run, ...messages: (string | RegExp)[]): Promise<void> {
  const { code, stderr } = await (await machine.start(run)).output;
  for (const message of messages) expect(stderr).toMatch(message);
  expect(code).toBe(1);
  expect(await machine.traces()).toEqual([]);
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
    const holder = machine.hold("Deno.listen({ hostname: '127.0.0.1', port: 7635 })");
    await holder.ready;
    await refused({}, "Cannot listen on 127.0.0.1:7635: another program has the port");
    await holder.end();
  });

  test("with the port of an uplink in use", async () => {
    const holder = machine.hold(
      "const { createSocket } = await import('node:dgram'); createSocket('udp4').bind(51821)",
    );
    await holder.ready;
    await refused({}, "Cannot listen on UDP port 51821 for lw-1-lte: another program has the port");
    await holder.end();
  });
});

test("a router that is told to stop leaves nothing, and a second one is refused", async () => {
  const router = await machine.start();
  await machine.forwarding();
  expect((await machine.traces()).length).toBeGreaterThan(5);
  const second = await (await machine.start({ words: ["--no-tcp"] })).output;
  expect(second).toMatchObject({ code: 1 });
  expect(second.stderr).toContain("another router uses the state folder");
  await machine.forwarding();
  router.process.kill("SIGTERM");
  const { code, stderr } = await router.output;
  expect(stderr).toContain("Forwarding: site lisbon, embedded WireGuard, 2 uplinks");
  expect(stderr).toMatch(/stopped\s*$/);
  expect(code).toBe(0);
  expect(await machine.traces()).toEqual([]);
}, 30_000);

test(
  "a start after a kill adopts what is there, and a broken file does not keep it from it",
  async () => {
    const killed = await machine.start();
    await machine.forwarding();
    killed.process.kill("SIGKILL");
    await killed.output;
    const rules = (await machine.traces()).filter((line) => line.includes("fwmark"));
    expect(rules.length).toBeGreaterThan(1);

    const router = await machine.start({
      file: good.replace("sid: 2", "sid: two"),
      words: ["--last-good"],
    });
    await machine.forwarding();
    expect((await machine.traces()).filter((line) => line.includes("fwmark"))).toEqual(rules);
    router.process.kill("SIGINT");
    const { code, stderr } = await router.output;
    expect(stderr).toContain("starting from the last good file");
    expect(stderr).not.toContain("add rule");
    expect(code).toBe(0);
    expect(await machine.traces()).toEqual([]);
  },
  30_000,
);

test(
  "SIGHUP reads the file again: mistakes change nothing, a new prefix gets its route",
  async () => {
    const router = await machine.start();
    await machine.forwarding();
    const file = join(folder, "network.yaml");
    const last = async () =>
      (await machine.ask("/v1/status")).lastReload as { ok: boolean; problems?: string[] } | null;
    const hangup = async (yaml: string, done: () => Promise<boolean>) => {
      await Deno.writeTextFile(file, yaml);
      router.process.kill("SIGHUP");
      await within(10, "the reload shows", done);
    };
    await hangup(good.replace("sid: 2", "sid: two"), async () => (await last())?.ok === false);
    expect((await last())?.problems).toEqual([expect.stringMatching(/:\d+:\d+: "two"/)]);
    await hangup(
      good.replace("10.2.0.0/24]", "10.2.0.0/24, 10.22.0.0/16]"),
      async () => (await last())?.ok === true,
    );
    expect((await machine.traces()).join("\n")).toContain("10.22.0.0/16 dev lws1-office");
    router.process.kill("SIGTERM");
    expect((await router.output).code).toBe(0);
    expect(await machine.traces()).toEqual([]);
  },
  30_000,
);
