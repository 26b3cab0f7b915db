import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

test("the program itself: exit codes, and a reader that leaves early", async () => {
  const main = join(import.meta.dirname ?? "", "../../../src/main.ts");
  const program = (...words: string[]) =>
    spawnSync(Deno.execPath(), ["run", "-A", main, ...words], { encoding: "utf8" });
  expect(program("--version").status).toBe(0);
  expect(program("statsu").stderr).toContain("did you mean status?");
  expect(program("status", "--socket", "/nonexistent/none.sock").status).toBe(1);
  expect(program("status", "--nonsense").status).toBe(2);
  const pipe = await new Deno.Command("bash", {
    args: [
      "-c",
      'set -o pipefail; "$1" run -A "$2" completion fish | head -n 1',
      "bash",
      Deno.execPath(),
      main,
    ],
  }).output();
  expect([pipe.code, new TextDecoder().decode(pipe.stderr)]).toEqual([0, ""]);
});
