/** The scripts of `labelway completion`, run by the shells that they are for. */

import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../../src/api/app.ts";
import { dispatch } from "../../../src/cli/dispatch.ts";
import { PROGRAM } from "../../../src/cli/program.ts";
import { FixtureRouter } from "../../fixtures/router.ts";
import { FakeIo } from "./fake_io.ts";

const TREE = join(import.meta.dirname ?? "", "../../..");
const NETWORK = `${TREE}/config/branch-offices.yaml`;
const TOPOLOGY = `${TREE}/config/lab/four-sites.yaml`;

let folder: string;
let socket: string;
let broken: string;
let server: Deno.HttpServer;

beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "labelway-completion-" });
  socket = join(folder, "labelway.sock");
  broken = join(folder, "broken.yaml");
  await Deno.writeTextFile(broken, "sites:\n  lisbon: { sid: one }\n  porto:\n");
  const program = `#!/bin/sh\nexec ${Deno.execPath()} run -A --node-modules-dir=manual ` +
    `${TREE}/src/main.ts "$@"\n`;
  await Deno.writeTextFile(join(folder, "labelway"), program, { mode: 0o755 });
  const app = createApp(new FixtureRouter(), { listen: { kind: "unix" } });
  server = Deno.serve({ path: socket, onListen: () => {} }, (request) => app.fetch(request));
});
afterAll(async () => {
  await server.shutdown();
  await Deno.remove(folder, { recursive: true });
});

async function run(words: string) {
  const io = new FakeIo({ environment: {} });
  const code = await dispatch(PROGRAM, words.split(" "), io);
  return { code, out: io.text, err: io.errors.join("\n") };
}

async function shown(words: string): Promise<string> {
  const { code, out } = await run(words);
  expect(code).toBe(0);
  return out;
}

/** What bash offers at the end of a line. Not synchronous: the router is in this process. */
async function completed(line: string, router = socket): Promise<string[]> {
  const words = line.split(" ");
  const script = `${await shown("completion bash")}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
_labelway; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const child = spawn("bash", ["--norc"], {
    env: { PATH: `${folder}:${Deno.env.get("PATH")}`, LABELWAY_SOCKET: router, HOME: folder },
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (part) => out += part);
  child.stderr.on("data", (part) => err += part);
  child.stdin.end(script);
  await new Promise((resolve) => child.on("close", resolve));
  expect(err).toBe("");
  return out.trim().split("\n").sort();
}

describe("completion", () => {
  test.each(["bash", "zsh", "fish"])("%s accepts its script", async (shell) => {
    const script = await shown(`completion ${shell}`);
    for (const word of ["adjacencies", "--watch", "impair"]) {
      expect(script).toContain(word.replace("--", ""));
    }
    const check = spawnSync(shell, ["-n"], { input: script, encoding: "utf8" });
    // bash is on every machine that runs the tests; the others are checked where they are.
    if (shell !== "bash" && check.error !== undefined) return;
    expect([check.status, check.stderr]).toEqual([0, ""]);
  });

  test.each([
    ["labelway st", "status"],
    ["labelway paths --wa", "--watch"],
    ["labelway status -o ", "table json yaml"],
    ["labelway lab im", "impair import"],
    ["labelway lab import --format ", "gml latency"],
    ["labelway completion ", "bash fish zsh --help"],
    // From the running router.
    ["labelway paths p", "porto"],
    ["labelway paths porto --policy no", "no-telnet"],
    ["labelway paths --policy calls h", "hub"],
    // From the file, also one with mistakes.
    [`labelway up ${NETWORK} --site d`, "datacentre"],
    ["labelway plan BROKEN --site ", "lisbon porto"],
    // From the lab's file.
    [`labelway lab exec ${TOPOLOGY} cabin.l`, "cabin.lte.nat"],
    [`labelway lab impair ${TOPOLOGY} lisbon.`, "lisbon.fibre lisbon.lte"],
    [`labelway lab restart ${TOPOLOGY} --wait 5 h`, "hub"],
    ["labelway lab exec missing.yaml xyz", ""],
  ])("bash completes %j", async (line, expected) => {
    expect(await completed(line.replace("BROKEN", broken))).toEqual(expected.split(" ").sort());
  });

  test("names are none, and nothing is said, where no router runs", async () => {
    expect(await completed("labelway paths p", join(folder, "none.sock"))).toEqual([""]);
  });

  test("an unknown shell is refused with the known ones", async () => {
    const { code, err } = await run("completion tcsh");
    expect(code).toBe(2);
    expect(err).toContain("accepted is one of bash, zsh, fish");
  });
});
