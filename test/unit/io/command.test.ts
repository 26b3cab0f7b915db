import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run, runOrThrow } from "../../../src/io/command.ts";

let folder = "";
beforeEach(async () => {
  folder = await Deno.makeTempDir({ prefix: "labelway-test-" });
});
afterEach(() => Deno.remove(folder, { recursive: true }));

describe("run", () => {
  test("both outputs whole, whatever their size, and the exit status", async () => {
    // Three bytes a letter: buffers end in the midst of one.
    const script = "yes ₂₃₄ | head -c 700000; yes €€€ | head -c 300000 >&2; exit 3";
    const { code, stdout, stderr } = await run(["sh", "-c", script]);
    expect(code).toBe(3);
    expect(stdout.replaceAll("₂₃₄\n", "")).toBe("");
    expect([stdout.length, stderr.length]).toEqual([280_000, 120_000]);
  });

  test("what is written is read, also by a program that stops reading", async () => {
    const text = "line\n".repeat(100_000);
    expect((await run(["cat"], { stdin: text })).stdout).toBe(text);
    expect((await run(["true"], { stdin: text })).code).toBe(0);
  });

  test("outputs of many at once are not mixed up", async () => {
    const words = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(30_000));
    const outputs = await Promise.all(words.map((word) => run(["cat"], { stdin: word })));
    expect(outputs.map((output) => output.stdout)).toEqual(words);
  });

  test("what hangs is killed in time, though a child of it keeps the pipe open", async () => {
    const pids = join(folder, "pids");
    const script = `sleep 600 & echo $$ $! > ${pids}; wait`;
    const start = performance.now();
    await expect(runOrThrow(["sh", "-c", script], { limitMillis: 500 })).rejects.toThrow(
      `\`sh -c ${script}\` did not end within 0.5 s and was killed`,
    );
    expect(performance.now() - start).toBeLessThan(5_000);
    const [program, child] = Deno.readTextFileSync(pids).trim().split(" ").map(Number);
    Deno.kill(child!, "SIGKILL");
    await gone(program!);
    // What comes after it is not disturbed.
    expect((await run(["echo", "here"], { limitMillis: 5_000 })).stdout).toBe("here\n");
  });

  test("a missing program is named with its package", async () => {
    await expect(run(["no-such-program"])).rejects.toThrow(
      "Cannot run `no-such-program`: it is not installed",
    );
  });
});

async function gone(pid: number): Promise<void> {
  for (let waited = 0; waited < 5_000; waited += 20) {
    if (await Deno.stat(`/proc/${pid}`).then(() => false, () => true)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`Process ${pid} is still there`);
}
