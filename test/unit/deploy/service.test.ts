import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

const UNIT = new URL("../../../deploy/labelway.service", import.meta.url).pathname;
const text = Deno.readTextFileSync(UNIT);

function analyze(...words: string[]) {
  return spawnSync("systemd-analyze", words, { encoding: "utf8" });
}

// The machine that runs the tests may have another init.
const here = analyze("--version").error === undefined;

test.runIf(here)("the unit is exposed no more than what a router needs", () => {
  const { status, stdout, stderr } = analyze(
    ...["security", "--offline=yes", "--no-pager", "--threshold=26", UNIT],
  );
  expect(status, `${stdout}${stderr}`).toBe(0);
});

test("the unit has three capabilities, and may set the niceness that the packet threads take", () => {
  expect(/^CapabilityBoundingSet=(.*)$/m.exec(text)?.[1]?.split(" ").sort()).toEqual([
    "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
  ]);
  const folder = new URL("../../../native/io/src/", import.meta.url);
  const sources = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile)
    .map(({ name }) => Deno.readTextFileSync(new URL(name, folder))).join("\n");
  const niceness = /const NICENESS: i32 = (-\d+);/.exec(sources)?.[1];
  expect(/^LimitNICE=(.*)$/m.exec(text)?.[1]).toBe(niceness);
});
