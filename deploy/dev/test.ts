/**
 * `deno task test`: the Rust suite, then the TypeScript suite with the lab. Arguments go to
 * vitest (`deno task test test/unit`), and then the Rust suite is left out.
 */

import { fail, status, step } from "./run.ts";

const TREE = new URL("../..", import.meta.url).pathname;
const failed: string[] = [];
if (Deno.args.length === 0) {
  step("Rust tests");
  const argv = ["cargo", "test", "--locked", "--quiet", "--workspace"];
  if (await status(argv, { cwd: `${TREE}native` }) !== 0) failed.push("Rust tests");
}
step("TypeScript tests");
const vitest = [Deno.execPath(), "run", "-A", "npm:vitest", "run", ...Deno.args];
if (await status(vitest, { cwd: TREE }) !== 0) failed.push("TypeScript tests");
if (failed.length > 0) fail(`\nFailed: ${failed.join(", ")}`);
