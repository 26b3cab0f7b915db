/** A whole network whose probes carry codes, driven as an operator drives it. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { findPlace } from "../../src/lab/folder.ts";
import {
  attempt,
  AUTHENTICATED,
  labelway,
  type Said,
  sweep,
  takeDown,
  until,
} from "./four_sites.ts";

const LAB_SECONDS = 90_000;
const SITES = ["lyon", "turin", "geneva"] as const;
type Site = (typeof SITES)[number];
const THROUGH_GENEVA = "isp>geneva.isp,isp>turin.isp";

beforeAll(async () => {
  await sweep();
  await labelway("lab", "up", AUTHENTICATED);
}, LAB_SECONDS);
afterAll(takeDown, LAB_SECONDS);

async function at(site: Site, ...words: string[]): Promise<Said> {
  return await attempt("lab", "exec", AUTHENTICATED, site, "--", "labelway", ...words);
}

async function json<T>(site: Site, ...words: string[]): Promise<T> {
  return JSON.parse((await at(site, ...words, "--json")).out);
}

async function files(site: Site) {
  const { folder } = await findPlace(AUTHENTICATED);
  return { key: `${folder}/${site}/keys/probes.psk`, network: `${folder}/${site}/network.yaml` };
}

interface Paths {
  readonly paths: readonly { key: string; state: string }[];
}

async function state(site: Site, to: Site, key: string): Promise<string | undefined> {
  const { paths } = await json<Paths>(site, "paths", to);
  return paths.find((path) => path.key === key)?.state;
}

/** Packets that a router refused for their mode or code. */
async function refused(site: Site): Promise<number> {
  const { drops } = await json<{ drops: { reason: string; packets: number }[] }>(site, "drops");
  return drops.filter(({ reason }) => /^probe-(other-mode|wrong-code)$/.test(reason))
    .reduce((sum, { packets }) => sum + packets, 0);
}

test("paths come up, and are measured", async () => {
  for (const site of SITES) {
    await until(`all paths of ${site}`, 20, async () => {
      const { paths } = await json<Paths>(site, "paths");
      return paths.length === 4 && paths.every((path) => path.state === "up");
    });
    expect(await refused(site)).toBe(0);
  }
  const { code, out } = await at("lyon", "measurements", "turin");
  expect(code).toBe(0);
  // Two links of 1 ms there and back, and twice that through geneva.
  for (const [path, least] of [["isp>turin.isp", 4], [THROUGH_GENEVA, 8]] as const) {
    const row = out.split("\n").find((line) => line.startsWith(`${path} `));
    expect(Number(/ 1 s +([\d.]+) ms/.exec(row ?? "")?.[1]), out).toBeGreaterThanOrEqual(least);
  }
  const status = await at("lyon", "status", "--json");
  const log = await Deno.readTextFile(`${(await findPlace(AUTHENTICATED)).folder}/lyon/router.log`);
  const secret = (await Deno.readTextFile((await files("lyon")).key)).trim();
  for (const text of [out, status.out, log]) expect(text).not.toContain(secret);
}, 60_000);

test(
  "the mode is turned off and on, one router after the other, and nothing is refused",
  async () => {
    const steps = ["prefer", "accept", "none", "accept", "prefer", "require"];
    let before = "require";
    for (const mode of steps) {
      for (const site of SITES) {
        const file = (await files(site)).network;
        const text = await Deno.readTextFile(file);
        await Deno.writeTextFile(
          file,
          text.replace(/authentication: \w+/, `authentication: ${mode}`),
        );
        const { code, out, err } = await at(site, "reload");
        expect(code, err).toBe(0);
        expect(out + err).toContain(`authenticate probes: ${mode} in place of ${before}`);
      }
      before = mode;
    }
    for (const site of SITES) {
      expect(await refused(site)).toBe(0);
      const { paths } = await json<Paths>(site, "paths");
      for (const path of paths) expect([path.key, path.state]).toEqual([path.key, "up"]);
    }
  },
  120_000,
);

test("a key that others may read refuses the file, and the former goes on", async () => {
  const { key } = await files("geneva");
  await Deno.chmod(key, 0o644);
  const { code, err } = await at("geneva", "reload");
  await Deno.chmod(key, 0o600);
  expect(code).not.toBe(0);
  expect(err).toContain(`${key} has mode 0644, others may use it; run: chmod 600`);
  expect(await state("geneva", "lyon", "isp>lyon.isp")).toBe("up");
}, 30_000);

test("a site with another key: its measured paths go down, and drops say why", async () => {
  const { key } = await files("geneva");
  const right = await Deno.readTextFile(key);
  await Deno.writeTextFile(key, `${new Uint8Array(32).fill(1).toBase64()}\n`);
  const { out, err } = await at("geneva", "reload");
  expect(out + err).toContain("authenticate probes by other keys");
  const ends = [["geneva", "lyon", "isp>turin.isp,isp>lyon.isp"], [
    "lyon",
    "geneva",
    "isp>turin.isp,isp>geneva.isp",
  ]] as const;
  for (const [from, to, path] of ends) {
    await until(`${path} is down`, 20, async () => await state(from, to, path) === "down");
  }
  for (const site of SITES) {
    expect((await at(site, "drops")).out, site).toMatch(/probe-wrong-code +\d/);
  }
  // What only passes geneva is none of its business.
  expect(await state("lyon", "turin", THROUGH_GENEVA)).toBe("up");
  await Deno.writeTextFile(key, right);
  await at("geneva", "reload");
  for (const [from, to, path] of ends) {
    await until(`${path} is up`, 30, async () => await state(from, to, path) === "up");
  }
}, 120_000);
