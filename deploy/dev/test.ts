/**
 * `deno task test`: the Rust suite, then the TypeScript suite with the lab. Arguments go to
 * vitest (`deno task test test/unit`), and then the Rust suite is left out.
 */

import { fail, status, step } from "./run.ts";

const TREE = new URL("../..", import.meta.url).pathname;
const RUST_SUITES = [
  { name: "Rust tests", args: ["--workspace"] },
  // WireGuard's timers on a clock that the test moves; never a feature of the engine itself.
  {
    name: "Rust tests on a mocked clock",
    args: ["-p", "labelway-wireguard", "--features", "mock-clock", "--test", "time"],
  },
];
const failed: string[] = [];
if (Deno.args.length === 0) {
  for (const suite of RUST_SUITES) {
    step(suite.name);
    const argv = ["cargo", "test", "--locked", "--quiet", ...suite.args];
    if (await status(argv, { cwd: `${TREE}native` }) !== 0) failed.push(suite.name);
  }
}
step("TypeScript tests");
const vitest = [Deno.execPath(), "run", "-A", "npm:vitest", "run", ...Deno.args];
if (await status(vitest, { cwd: TREE }) !== 0) failed.push("TypeScript tests");
if (failed.length > 0) fail(`\nFailed: ${failed.join(", ")}`);
