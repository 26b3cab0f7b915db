import { afterEach, beforeEach, expect, test } from "vitest";
import { readFileSync } from "node:fs";
import { parseWords } from "../../../src/cli/arguments.ts";
import { probekey } from "../../../src/cli/probekey.ts";
import { load } from "../../../src/io/load.ts";
import {
  changedSecurity,
  fingerprints,
  probeKeyFile,
  probeSecurity,
  readProbeKeys,
} from "../../../src/io/probe_keys.ts";
import { parseNetwork } from "../../../src/config/mod.ts";
import { FakeIo } from "../cli/fake_io.ts";

const MINIMAL = readFileSync(new URL("../../../config/minimal.yaml", import.meta.url), "utf8");
const KEY = new Uint8Array(32).fill(7);

let folder = "";
let path = "";
beforeEach(async () => {
  folder = await Deno.makeTempDir({ prefix: "labelway-probes-" });
  path = probeKeyFile(folder);
});
afterEach(() => Deno.remove(folder, { recursive: true }));

function write(text: string, mode = 0o600) {
  Deno.writeTextFileSync(path, text);
  Deno.chmodSync(path, mode);
}

function network(mode: string) {
  const text = `${MINIMAL}\nprobe: { authentication: ${mode} }\n`;
  return parseNetwork(text, "n.yaml").network!;
}

async function problem(promise: Promise<unknown>): Promise<string> {
  return await promise.then(() => "none", (error: Error) => error.message);
}

test("one key, or two on lines of their own", async () => {
  const base64 = KEY.toBase64();
  write(`${base64}\n`);
  expect(await readProbeKeys(path)).toEqual(KEY);
  const other = new Uint8Array(32).fill(8);
  write(`${base64}\n\n${other.toBase64()}`);
  expect(await readProbeKeys(path)).toEqual(new Uint8Array([...KEY, ...other]));
});

test.each([
  ["", /holds no key; needs one, or 2/],
  [`${KEY.toBase64()}\n`.repeat(3), /holds 3 keys; needs one, or 2/],
  ["secret words\n", /Line 1 of .*probes.psk is not base64; needs 32 random bytes as `wg genpsk`/],
  [new Uint8Array(31).fill(7).toBase64(), /Line 1 of .* is a key of 31 bytes; needs 32 random/],
  [`${KEY.toBase64()}\n${new Uint8Array(33).fill(7).toBase64()}`, /Line 2 of .* key of 33 bytes/],
])("%j is refused, and nothing of it told", async (text, message) => {
  write(text);
  const said = await problem(readProbeKeys(path));
  expect(said).toMatch(message);
  expect(said.split("\n").length).toBe(1);
  for (const line of text.split("\n")) if (line !== "") expect(said).not.toContain(line);
});

test("what others may read is refused, with what to do", async () => {
  write(KEY.toBase64(), 0o640);
  expect(await problem(readProbeKeys(path))).toBe(
    `${path} has mode 0640, others may use it; run: chmod 600 ${path}`,
  );
});

test("a file that asks for it needs the key, one that does not needs none", async () => {
  expect(await probeSecurity(network("none"), folder)).toEqual({
    mode: "none",
    keys: new Uint8Array(),
  });
  expect(await problem(probeSecurity(network("accept"), folder))).toBe(
    `probe.authentication is accept, and there is no key at ${path}; copy the file of that name ` +
      "from another gateway of the network (mode 0600), or make the network's first: " +
      "labelway probekey FILE",
  );
  write(KEY.toBase64());
  expect(await probeSecurity(network("require"), folder)).toEqual({ mode: "require", keys: KEY });
});

test("what is wrong with both kinds of keys is told at once", async () => {
  const file = `${folder}/n.yaml`;
  Deno.writeTextFileSync(file, `${MINIMAL}\nprobe: { authentication: require }\n`);
  const result = await load({ file, renumber: false }, { text: null, backends: {} });
  const problems = "problems" in result ? result.problems.join("\n") : "";
  expect(problems).toMatch(/Cannot tell which site this is.*\nprobe.authentication is require/);
});

test("the mode decides forwarding between routers, so it is in the generation", () => {
  const generations = ["none", "accept", "prefer", "require"]
    .map((mode) => network(mode).generation);
  expect(new Set(generations).size).toBe(4);
  expect(parseNetwork(MINIMAL, "n.yaml").network!.generation).toBe(generations[0]);
});

test("a reload says what changes, and never the key", () => {
  const none = { mode: "none", keys: new Uint8Array() } as const;
  const accept = { mode: "accept", keys: KEY } as const;
  expect(changedSecurity(none, accept)).toEqual(["authenticate probes: accept in place of none"]);
  expect(changedSecurity(accept, accept)).toEqual([]);
  const other = { ...accept, keys: new Uint8Array(32).fill(8) };
  expect(changedSecurity(accept, other)).toEqual(["authenticate probes by other keys"]);
  const both = { ...accept, keys: new Uint8Array([...KEY, ...other.keys]) };
  expect(changedSecurity(accept, both)).toEqual(["authenticate probes by other keys"]);
});

test("labelway probekey makes it once, for the owner alone, and tells a fingerprint", async () => {
  const file = `${folder}/n.yaml`;
  Deno.writeTextFileSync(file, MINIMAL);
  const run = async (...words: string[]) => {
    const io = new FakeIo();
    expect(await probekey.run(parseWords(probekey, [file, ...words]), io)).toBe(0);
    return io.text + io.written;
  };
  const first = await run();
  const made = probeKeyFile(`${folder}/keys`);
  expect(Deno.statSync(made).mode! & 0o7777).toBe(0o600);
  expect(Deno.statSync(`${folder}/keys`).mode! & 0o7777).toBe(0o700);
  const text = Deno.readTextFileSync(made);
  expect(Uint8Array.fromBase64(text.trim()).length).toBe(32);
  const [fingerprint] = fingerprints(await readProbeKeys(made));
  expect(first).toMatch(/^key +made$/m);
  expect(first).toContain(fingerprint);
  expect(first).toContain("probe.authentication: none");
  expect(first).not.toContain(text.trim());
  const again = await run("--json");
  expect(JSON.parse(again)).toMatchObject({ key: "kept", fingerprints: [fingerprint] });
  expect(again).not.toContain(text.trim());
  expect(Deno.readTextFileSync(made)).toBe(text);
});
