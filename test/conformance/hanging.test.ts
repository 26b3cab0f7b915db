/** The real program, while a program of the system that it asks never answers. */

import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { Machine, type Running, within } from "./machine.ts";

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.create("hang");
});
afterEach(async () => {
  for (const program of ["ip", "wg"]) await Deno.remove(hang(program)).catch(() => {});
  await machine.end();
});
afterAll(() => machine.remove());

// Each waits for the limit of a program or of a step.
vi.setConfig({ testTimeout: 90_000 });

interface Status {
  readonly warnings: readonly string[];
  readonly lastReload: { readonly ok: boolean } | null;
}

const status = (): Promise<Status> => machine.ask("/v1/status");

async function stopped(router: Running): Promise<string> {
  router.process.kill("SIGTERM");
  const { code, stderr } = await router.output;
  expect(code, stderr).toBe(0);
  expect(await machine.traces()).toEqual([]);
  return stderr;
}

/** `ip` and `wg` that sleep for as long as a file named `hang-ip` or `hang-wg` is there. */
async function sleepyPath(): Promise<string> {
  const bin = join(machine.folder, "sleepy");
  await Deno.mkdir(bin, { recursive: true });
  for (const program of ["ip", "wg"]) {
    const found = await new Deno.Command("sh", { args: ["-c", `command -v ${program}`] })
      .output();
    const real = new TextDecoder().decode(found.stdout).trim();
    const script = `#!/bin/sh\n[ -e ${hang(program)} ] && exec sleep 600\nexec ${real} "$@"\n`;
    await Deno.writeTextFile(join(bin, program), script, { mode: 0o755 });
  }
  return `export PATH=${bin}:$PATH`;
}
const hang = (program: string) => join(machine.folder, `hang-${program}`);

for (const [program, address] of [["ip", "192.0.2.77/24"], ["wg", "192.0.2.78/24"]] as const) {
  test(`${program}: it is said, tried again, and holds up nothing`, async () => {
    const router = await machine.start({ before: await sleepyPath() });
    await machine.forwarding();
    await Deno.writeTextFile(hang(program), "");
    // Something to look at, for a router that is asked to do something by it.
    await machine.ip("address", "add", address, "dev", "eth0");
    const reloading = machine.ask("/v1/reload", "POST");
    await within(
      30,
      "it is said",
      async () =>
        (await status()).warnings.some((warning) =>
          new RegExp(`\`${program} .*\` did not end within 10 s and was killed`).test(warning)
        ) || (await status()).lastReload?.ok === false,
    );
    expect((await machine.ask("/livez"))?.status).toBe("ok");
    await Deno.remove(hang(program));
    await reloading;
    await within(40, "all is well", async () => (await status()).warnings.length === 0);
    await machine.ask("/v1/reload", "POST");
    expect((await status()).lastReload?.ok).toBe(true);
    const log = await stopped(router);
    expect(log).toMatch(new RegExp(`\`${program} .*\` did not end within 10 s and was killed`));
  });
}

test("a stop meanwhile comes to its end, and a start says what hangs", async () => {
  const before = await sleepyPath();
  const router = await machine.start({ before });
  await machine.forwarding();
  await Deno.writeTextFile(hang("ip"), "");
  router.process.kill("SIGTERM");
  const end = await router.output;
  expect(end.stderr).toMatch(/Cannot look at the system: `ip .* did not end within 10 s/);
  expect(end.code).toBe(1);
  const again = await (await machine.start({ before })).output;
  expect(again.stderr).toMatch(/`ip .* did not end within 10 s and was killed/);
  expect(again.code).toBe(1);
  await Deno.remove(hang("ip"));
  await stopped(
    await machine.start({ before }).then(async (third) => {
      await machine.forwarding();
      return third;
    }),
  );
});

test("a step that never ends is noticed by /livez", async () => {
  const router = await machine.start();
  await machine.forwarding();
  await Deno.remove(machine.file);
  // Whoever reads it waits until somebody writes.
  await machine.inside(router, "mkfifo", machine.file);
  const reloading = machine.ask("/v1/reload", "POST");
  await within(45, "it is noticed", async () => (await machine.ask("/livez")) === null);
  await Deno.writeTextFile(machine.file, machine.good);
  await reloading;
  expect((await machine.ask("/livez"))?.status).toBe("ok");
  await Deno.remove(machine.file);
  await stopped(router);
});
