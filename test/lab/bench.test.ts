/** The benchmark itself, as a person would run it, at its shortest. */

import { expect, test } from "vitest";
import type { JsonScenario } from "../bench/json.ts";
import { ROOT } from "./four_sites.ts";

test("one run of the shortest scenario gives figures and leaves nothing behind", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [json, plot] = [`${folder}/results.json`, `${folder}/plot.svg`];
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--node-modules-dir=manual", `${ROOT}/test/bench/main.ts`],
        ...["--only", "rtt-idle", "--runs", "1", "--peers", "labelway,veth"],
        ...["--json", json, "--plot", plot],
      ],
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { code, stdout, stderr } = await child.output();
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    expect(code, said).toBe(0);
    expect(said).toMatch(/run 1\/1 +labelway +rtt-idle [\d.]+ µs/);
    const [result, ...more] = JSON.parse(await Deno.readTextFile(json)) as JsonScenario[];
    expect(more).toEqual([]);
    expect(result?.scenario).toBe("rtt-idle");
    expect(result?.median["labelway"]).toBeGreaterThan(0);
    expect(result?.veth).toBeGreaterThan(0);
    expect(await Deno.readTextFile(plot)).toContain("<svg");

    const ours = [...Deno.readDirSync("/run/netns")].map(({ name }) => name)
      .filter((name) => name.startsWith(`lwb${child.pid}-`));
    expect(ours).toEqual([]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}, 120_000);
