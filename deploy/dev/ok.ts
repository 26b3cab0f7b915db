/**
 * `deno task ok`: everything that continuous integration holds a change to, in order of cost; goes
 * on after a failure and lists what failed at the end.
 *
 *     deno task ok            every check and both test suites
 *     deno task ok --tested   without the suites of `deno task test`, where they have just run
 */

import { fail, status, step } from "./run.ts";

interface Check {
  readonly name: string;
  readonly argv: readonly string[];
  readonly cwd?: string;
  readonly suite?: true;
}

const TREE = new URL("../..", import.meta.url).pathname;
const NATIVE = `${TREE}native`;
const deno = Deno.execPath();

const CHECKS: readonly Check[] = [
  { name: "format", argv: [deno, "fmt", "--check"] },
  { name: "format (Rust)", argv: ["cargo", "fmt", "--all", "--check"], cwd: NATIVE },
  { name: "lint", argv: [deno, "lint"] },
  { name: "types", argv: [deno, "check"] },
  {
    name: "import layers",
    argv: [deno, "run", "-A", "npm:vitest", "run", "test/unit/layers.test.ts"],
  },
  { name: "boundary freshness", argv: [deno, "task", "boundary", "--check"] },
  {
    name: "clippy",
    argv: ["cargo", "clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"],
    cwd: NATIVE,
  },
  {
    // What only the benchmark builds; its tests run with the others.
    name: "clippy (plain)",
    argv: [
      ...["cargo", "clippy", "--locked", "--package", "labelway-ffi", "--features", "plain"],
      ...["--", "-D", "warnings"],
    ],
    cwd: NATIVE,
  },
  { name: "instructions", argv: [deno, "task", "instructions"] },
  { name: "tests", argv: [deno, "task", "test"], suite: true },
  { name: "tests on a real kernel", argv: [deno, "task", "test:kernel"] },
];

const unknown = Deno.args.filter((argument) => argument !== "--tested");
if (unknown.length > 0) {
  console.error(`ok: unknown argument ${unknown.join(" ")}; there is --tested`);
  Deno.exit(2);
}
const checks = CHECKS.filter((check) => !(check.suite && Deno.args.includes("--tested")));
const failed: string[] = [];
for (const check of checks) {
  step(check.name);
  if (await status(check.argv, { cwd: check.cwd ?? TREE }) !== 0) failed.push(check.name);
}
if (failed.length > 0) fail(`\nNot ok: ${failed.join(", ")}`);
console.log(`\nok: ${checks.map((check) => check.name).join(", ")}`);
