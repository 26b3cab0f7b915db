import { expect, test } from "vitest";

test("a router that looks at the system again and again does not grow", async () => {
  const child = new URL("memory_child.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--node-modules-dir=manual", child],
  }).output();
  const text = new TextDecoder();
  expect(code, text.decode(stderr)).toBe(0);
  const { looks, grownBytes } = JSON.parse(text.decode(stdout));
  expect(looks).toBeGreaterThan(200);
  // V8 collects when its own heap has doubled a few times; one buffer kept for each pipe would be
  // 200 MB by now.
  expect(grownBytes).toBeLessThan(40_000_000);
}, 120_000);
