/** What deploy/install.ts puts into another root is all that the program needs. */

import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Machine } from "./machine.ts";

const TREE = resolve(import.meta.dirname ?? "", "../..");
const text = new TextDecoder();
let root = "";

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(argv: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const [program = "", ...args] = argv;
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: root,
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", HOME: root, NO_COLOR: "1", ...env },
  }).output();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** The installed program, which believes that its root is the machine's. */
function labelway(...words: string[]): Promise<Ended> {
  const script = 'mount --bind "$0/opt" /opt && exec /opt/labelway/labelway "$@"';
  return run(["unshare", "--mount", "sh", "-c", script, root, ...words]);
}

beforeAll(async () => {
  root = await Deno.makeTempDir({ prefix: "lw-install-" });
  const install = ["run", "-A", "--node-modules-dir=manual", `${TREE}/deploy/install.ts`];
  const { code, stderr } = await run([Deno.execPath(), ...install, "--root", root], {
    DENO_DIR: Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "/root", ".cache/deno"),
  });
  expect({ code, stderr }).toMatchObject({ code: 0 });
});

afterAll(() => Deno.remove(root, { recursive: true }));

test("the program reads a file and says its version", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(`${TREE}/deno.json`));
  expect(await labelway("--version")).toEqual({
    code: 0,
    stdout: `labelway ${version}\n`,
    stderr: "",
  });
  await Deno.copyFile(`${TREE}/config/branch-offices.yaml`, join(root, "network.yaml"));
  const checked = await labelway("check", join(root, "network.yaml"));
  expect(checked).toMatchObject({ code: 0, stderr: "" });
  expect(checked.stdout).toContain("branch-offices");
});

test("each command is there", async () => {
  const { stdout } = await labelway("completion", "bash");
  const { PROGRAM } = await import("../../src/cli/program.ts");
  const names = Object.keys(PROGRAM.commands);
  expect(names.filter((name) => !stdout.includes(name))).toEqual([]);
  for (const name of names) {
    expect(await labelway(name, "--help")).toMatchObject({ code: 0, stderr: "" });
  }
});

test("nothing of the source tree is left in it, and the licences of what is bundled are", async () => {
  for (const { name } of Deno.readDirSync(join(root, "opt/labelway/program"))) {
    const file = await Deno.readTextFile(join(root, "opt/labelway/program", name));
    // Without the slash in front, as a relative path would have it.
    expect(file.includes(TREE.slice(1)), name).toBe(false);
  }
  const licences = await Deno.readTextFile(join(root, "opt/labelway/program/LICENCES"));
  for (const name of ["hono", "yaml", "zod"]) {
    expect(licences).toMatch(new RegExp(`^${name} \\d+\\.`, "m"));
  }
});

test("it forwards, with the native half that lies beside it", { timeout: 20_000 }, async () => {
  const machine = await Machine.create("inst");
  try {
    const running = await machine.start({
      program: ["/opt/labelway/labelway"],
      before: `mount --bind ${root}/opt /opt`,
      // What is set where the tests run would be taken for the library otherwise.
      environment: { DENO_DIR: join(root, "cache"), LABELWAY_LIBRARY: "" },
    });
    await machine.forwarding();
    expect(await machine.ask("/v1/paths")).not.toBeNull();
    running.process.kill("SIGTERM");
    expect(await running.output).toMatchObject({ code: 0 });
  } finally {
    await machine.remove();
  }
});
