/** The real program, and what may befall a gateway: devices that go, meddlers, full disks, storms. */

import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Machine, type Running, within } from "./machine.ts";

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.create("depend");
});
afterEach(() => machine.end());
afterAll(() => machine.remove());

interface Status {
  readonly generation: string;
  readonly warnings: readonly string[];
  readonly lastReload: {
    readonly ok: boolean;
    readonly problems?: readonly string[];
    readonly changes?: readonly string[];
  } | null;
}

const status = (): Promise<Status> => machine.ask("/v1/status");

/** Whether the adjacencies of an uplink are said to wait for its device. */
async function waits(uplink: string): Promise<boolean> {
  const { adjacencies } = await machine.ask("/v1/adjacencies") as {
    adjacencies: { uplink: string; reason: string | null }[];
  };
  return adjacencies.some((one) =>
    one.uplink === uplink && one.reason?.startsWith("there is no device ")
  );
}

async function stopped(router: Running): Promise<string> {
  router.process.kill("SIGTERM");
  const { code, stderr } = await router.output;
  expect(stderr).not.toContain("Internal fault");
  expect(code).toBe(0);
  expect(await machine.traces()).toEqual([]);
  return stderr;
}

async function reload(file: string): Promise<Status["lastReload"]> {
  await Deno.writeTextFile(machine.file, file);
  await machine.ask("/v1/reload", "POST");
  return (await status()).lastReload;
}

describe("a device of an uplink that is away", { timeout: 60_000 }, () => {
  test("stops nothing, is taken in when it comes, and given up when it goes", async () => {
    await machine.ip("link", "delete", "eth1");
    const router = await machine.start();
    await machine.forwarding();
    expect((await status()).warnings).toEqual([
      "uplink lte: there is no device eth1; waiting for it",
    ]);
    expect([await waits("fibre"), await waits("lte")]).toEqual([false, true]);
    const fibre = () => machine.inside(router, "wg", "show", "lw-0-fibre", "endpoints");
    const before = await fibre();
    const bound = () => machine.inside(router, "ss", "-H", "-uln", "sport", "=", ":51821");
    for (let times = 0; times < 2; times++) {
      await machine.plug("eth1", "198.51.100.10/24");
      await within(
        10,
        "the uplink has its device",
        async () =>
          !await waits("lte") && (await bound()).includes("%eth1:51821") &&
          (await machine.traces()).some((line) => line.includes("default dev eth1 table 19543001")),
      );
      expect((await status()).warnings).toEqual([]);
      await machine.ip("link", "delete", "eth1");
      await within(10, "it is known to be away", () => waits("lte"));
    }
    expect(await fibre()).toBe(before);
    const log = (await stopped(router)).split("Forwarding:")[1]!;
    expect(log).toContain("device eth1 is there now");
    expect(log).not.toContain("lw-0-fibre");
    expect(log).not.toContain("eth0");
  });

  test("may be every one of them", async () => {
    await machine.ip("link", "delete", "eth0");
    const router = await machine.start();
    await machine.forwarding();
    expect((await status()).warnings.length).toBe(2);
    await machine.plug("eth0", "192.0.2.10/24");
    await machine.plug("eth1", "198.51.100.10/24");
    await within(10, "both are there", async () => (await status()).warnings.length === 0);
    await stopped(router);
  });

  test("may come and go all the time", async () => {
    const router = await machine.start();
    await machine.forwarding();
    for (let times = 0; times < 15; times++) {
      await machine.ip("link", "set", "eth1", "down");
      if (times % 5 === 0) {
        await machine.ip("link", "delete", "eth1");
        await machine.plug("eth1", "198.51.100.10/24");
      }
      await machine.ip("link", "set", "eth1", "up");
      await new Promise((resolve) => setTimeout(resolve, 100 * (times % 4)));
    }
    await within(30, "it is used again", async () =>
      (await status()).warnings.length === 0 &&
      (await machine.traces()).some((line) => line.includes("default dev eth1 table 19543001")));
    await stopped(router);
  });
});

test("what somebody takes away comes back", async () => {
  const router = await machine.start();
  await machine.forwarding();
  // A new device has another index and another link-local address.
  const now = async () =>
    (await machine.traces()).filter((line) => !line.includes("fe80:"))
      .map((line) => line.replace(/^\d+: lws/, "lws")).sort().join("\n");
  const whole = await now();
  await machine.inside(router, "rm", "/run/wireguard/lw-0-fibre.sock");
  await machine.ip("rule", "delete", "fwmark", "0x4c570001");
  await machine.ip("route", "flush", "table", "19543000");
  await machine.ip("link", "delete", "lws1-office");
  await within(15, "all is there again", async () => {
    const wg = await machine.inside(router, "wg", "show", "lw-0-fibre", "dump").catch(() => "");
    return wg !== "" && await now() === whole;
  });
  expect((await status()).warnings).toEqual([]);
  await stopped(router);
}, 30_000);

describe("a reload", { timeout: 30_000 }, () => {
  test("to a port that another program has leaves the old file running", async () => {
    const router = await machine.start();
    await machine.forwarding();
    const before = await status();
    const holder = machine.hold(
      "const { createSocket } = await import('node:dgram'); createSocket('udp4').bind(51999)",
    );
    await holder.ready;
    const moved = machine.good.replace("51821", "51999");
    expect((await reload(moved))?.problems).toEqual([
      "Cannot listen on UDP port 51999 for lw-1-lte: another program has the port",
    ]);
    // Who hears of the refusal finds the old file running.
    expect((await status()).generation).toBe(before.generation);
    const port = () => machine.inside(router, "wg", "show", "lw-1-lte", "listen-port");
    expect((await port()).trim()).toBe("51821");
    await holder.end();
    expect((await reload(moved))?.ok).toBe(true);
    expect((await port()).trim()).toBe("51999");
    await stopped(router);
  });

  test("that moves the HTTP port is answered there, and refused where that port is in use", async () => {
    const router = await machine.start();
    await machine.forwarding();
    const answers = async (port: number) =>
      await machine.inside(router, "curl", "-sf", `http://127.0.0.1:${port}/livez`)
        .then(() => true, () => false);
    expect([await answers(7635), await answers(7700)]).toEqual([true, false]);
    const moved = `${machine.good}\napi: { port: 7700 }\n`;
    const holder = machine.hold("Deno.listen({ hostname: '127.0.0.1', port: 7700 })");
    await holder.ready;
    expect((await reload(moved))?.problems).toEqual([
      expect.stringMatching(/^Cannot listen on 127\.0\.0\.1:7700: another program has the port/),
    ]);
    expect(await answers(7635)).toBe(true);
    await holder.end();
    const plan = await machine.plan();
    expect(plan).toContain("answer HTTP on TCP port 7700 in place of 7635");
    const done = await reload(moved);
    expect(done).toMatchObject({
      ok: true,
      changes: expect.arrayContaining(["answer HTTP on TCP port 7700 in place of 7635"]),
    });
    expect([await answers(7635), await answers(7700)]).toEqual([false, true]);
    expect(await machine.plan()).not.toContain("answer HTTP");
    // A file that is refused for something else leaves no port open.
    const refused = moved.replace("7700", "7701").replace("51821", "51820");
    expect((await reload(refused))?.ok).toBe(false);
    expect([await answers(7701), await answers(7700)]).toEqual([false, true]);
    await stopped(router);
  });

  test("without the file, without a key, or with a key that others may read", async () => {
    const router = await machine.start();
    await machine.forwarding();
    const key = join(machine.folder, "keys", "lisbon.lte.key");
    const problem = async () => {
      await machine.ask("/v1/reload", "POST");
      return (await status()).lastReload?.problems?.join("\n");
    };
    await Deno.remove(machine.file);
    expect(await problem()).toContain(`Cannot read ${machine.file}: there is no such file`);
    await Deno.mkdir(machine.file);
    expect(await problem()).toBe(
      `Cannot read ${machine.file}: it is a folder; name the file in it`,
    );
    await Deno.remove(machine.file);
    await Deno.writeFile(machine.file, new Uint8Array([0x6e, 0xff, 0xfe, 0x0a]));
    expect(await problem()).toBe(`Cannot read ${machine.file}: it is not text in UTF-8`);
    await Deno.writeTextFile(machine.file, "# nothing\n");
    expect(await problem()).toMatch(/network\.yaml:1:1: the file is empty; needs the keys /);
    await Deno.writeTextFile(machine.file, machine.good);
    await Deno.chmod(key, 0o644);
    expect(await problem()).toContain("has mode 0644");
    await Deno.chmod(key, 0o600);
    expect((await reload(machine.good))?.ok).toBe(true);
    await stopped(router);
  });

  test("asked for a hundred times at once, also while it starts", async () => {
    const router = await machine.start();
    await within(10, "it has begun", async () => (await machine.traces()).length > 0);
    for (let times = 0; times < 10; times++) router.process.kill("SIGHUP");
    await machine.forwarding();
    const before = await machine.inside(router, "wg", "show", "lw-1-lte", "dump");
    for (let times = 0; times < 100; times++) router.process.kill("SIGHUP");
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => machine.ask("/v1/reload", "POST")),
    );
    expect(answers.filter((answer) => answer !== null).length).toBe(20);
    expect((await status()).lastReload?.ok).toBe(true);
    expect(await machine.inside(router, "wg", "show", "lw-1-lte", "dump")).toBe(before);
    const log = await stopped(router);
    expect(log.split("generation").length).toBeLessThan(80);
  });
});

test("settings of the system are put back also after a router that was killed", async () => {
  const read = async (name: string) =>
    (await machine.sysctl("-n", `net.ipv4.conf.${name}.rp_filter`)).trim();
  await machine.sysctl("-w", "net.ipv4.conf.eth0.rp_filter=1");
  const before = [await read("eth0"), await read("eth1"), await read("all")];
  const killed = await machine.start();
  await machine.forwarding();
  expect(await read("eth0")).toBe("2");
  killed.process.kill("SIGKILL");
  await killed.output;
  const router = await machine.start();
  await machine.forwarding();
  await stopped(router);
  expect([await read("eth0"), await read("eth1"), await read("all")]).toEqual(before);
  // And from then on it is theirs again.
  await machine.sysctl("-w", "net.ipv4.conf.eth0.rp_filter=0");
  const later = await machine.start();
  await machine.forwarding();
  await stopped(later);
  expect(await read("eth0")).toBe("0");
}, 30_000);

test("a full disk keeps no router from starting, forwarding and reloading", async () => {
  const state = join(machine.folder, "state");
  await Deno.remove(state, { recursive: true }).catch(() => {});
  const router = await machine.start({
    before: `mkdir ${state} && mount -t tmpfs -o size=4k none ${state} && ` +
      `dd if=/dev/zero of=${state}/full bs=4096 count=1 status=none`,
  });
  await machine.forwarding();
  expect((await reload(machine.good.replace("10.2.0.0/24]", "10.2.0.0/24, 10.22.0.0/16]")))?.ok)
    .toBe(true);
  expect((await machine.traces()).join("\n")).toContain("10.22.0.0/16 dev lws1-office");
  expect(await stopped(router)).toMatch(/Cannot remember the file as the last good one: .*space/);
}, 30_000);

test("SIGTERM at any moment of a start leaves nothing", async () => {
  for (let millis = 150; millis < 1_500; millis += 150) {
    const router = await machine.start();
    await new Promise((resolve) => setTimeout(resolve, millis));
    router.process.kill("SIGTERM");
    await router.output;
    expect(await machine.traces(), `after ${millis} ms`).toEqual([]);
  }
}, 60_000);

test("a private key that others may read stops a start", async () => {
  const key = join(machine.folder, "keys", "lisbon.lte.key");
  await Deno.chmod(key, 0o644);
  const { code, stderr } = await (await machine.start()).output;
  await Deno.chmod(key, 0o600);
  expect(code).toBe(1);
  expect(stderr).toContain("run: chmod 600");
  expect(await machine.traces()).toEqual([]);
}, 15_000);
