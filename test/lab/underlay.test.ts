/** The lab without routers: what it is made of must be right before anything is measured in it. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { linkem } from "../../src/lab/linkem.ts";
import { identify, processesIn } from "../../src/lab/process.ts";
import { ping, send } from "../../src/lab/traffic.ts";
import {
  attempt,
  current,
  inside,
  labelway,
  namespaces,
  sweep,
  takeDown,
  TOPOLOGY,
} from "./four_sites.ts";

const LAB_SECONDS = 60_000;

describe("the bare lab", { timeout: 30_000 }, () => {
  beforeAll(async () => {
    await sweep();
    await labelway("lab", "up", TOPOLOGY, "--no-routers", "--emulator", "linkem");
  }, LAB_SECONDS);
  afterAll(takeDown, LAB_SECONDS);

  test("an uplink reaches the others with the delay of both links", async () => {
    const { place, state } = await current();
    // 4 ms ± 0.2 out of lisbon, 3 ms ± 0.2 into porto, and back: 14 ms.
    for (const address of ["198.51.100.6", "2001:db8:f:3::2"]) {
      // The first one also asks for link addresses.
      await ping(place, state, "lisbon", address, { count: 1, intervalMillis: 10 });
      const result = await ping(place, state, "lisbon", address, { count: 50, intervalMillis: 10 });
      expect(result.received).toBe(50);
      // The quickest tells the links' own delay; how late the others are is the machine's load.
      const quickest = Math.min(...result.replies.map(({ rttMillis }) => rttMillis));
      expect(quickest).toBeGreaterThan(14 - 4 * 0.2);
      expect(quickest).toBeLessThan(15);
    }
  });

  test("the rate of an uplink holds for TCP", async () => {
    const { place, state } = await current();
    const flow = { from: "lisbon", to: "porto", address: "198.51.100.6", port: 5301, seconds: 2 };
    const result = await send(place, state, { ...flow, protocol: "tcp" });
    expect(result.receivedMbit).toBeGreaterThan(80);
    expect(result.receivedMbit).toBeLessThan(201);
  });

  test("the cabin gets out through its NAT, and nobody gets in", async () => {
    const { place, state } = await current();
    const out = await ping(place, state, "cabin", "198.51.100.10", {
      count: 5,
      intervalMillis: 20,
    });
    expect(out.received).toBeGreaterThan(3);
    const seen = await inside("cabin.lte.nat", "ip", "-4", "-br", "addr", "show", "dev", "wan");
    expect(seen.out).toContain("192.0.2.2/30");
    await labelway(
      "lab",
      "exec",
      TOPOLOGY,
      "hub",
      "--",
      "ip",
      "route",
      "add",
      "192.168.8.0/24",
      "via",
      "198.51.100.9",
    );
    await labelway(
      "lab",
      "exec",
      TOPOLOGY,
      "internet",
      "--",
      "ip",
      "route",
      "add",
      "192.168.8.0/24",
      "via",
      "192.0.2.2",
    );
    const into = await ping(place, state, "hub", "192.168.8.2", { count: 3, intervalMillis: 20 });
    expect(into.received).toBe(0);
  });

  test("what leaves by the wrong uplink is lost, as at a provider that checks sources", async () => {
    const { place, state } = await current();
    const wrong = { count: 3, intervalMillis: 20, more: ["-I", "203.0.113.2"] };
    expect((await ping(place, state, "lisbon", "198.51.100.6", wrong)).received).toBe(0);
    const right = { count: 3, intervalMillis: 20, more: ["-I", "198.51.100.2"] };
    expect((await ping(place, state, "lisbon", "198.51.100.6", right)).received).toBe(3);
  });

  test("a link is made worse, cut and healed while it runs", async () => {
    const { place, state } = await current();
    const probe = (count: number) =>
      ping(place, state, "lisbon", "198.51.100.6", { count, intervalMillis: 10 });
    const said = await labelway(
      "lab",
      "impair",
      TOPOLOGY,
      "lisbon.fibre",
      "delay=20ms",
      "loss=20%",
      "--direction",
      "up",
    );
    expect(said).toContain("up 20 ± 0.2 ms, loss 20 %, 200 Mbit/s; down 4 ± 0.2 ms, 200 Mbit/s");
    const worse = await probe(400);
    expect(worse.rttMillis?.median).toBeGreaterThan(29);
    // Five standard deviations around 20 %.
    expect(worse.lossPercent).toBeGreaterThan(10);
    expect(worse.lossPercent).toBeLessThan(30);
    await labelway("lab", "impair", TOPOLOGY, "lisbon.fibre", "cut");
    expect((await probe(20)).received).toBe(0);
    await labelway("lab", "impair", TOPOLOGY, "lisbon.fibre", "heal", "delay=4ms", "loss=0%");
    expect((await probe(20)).received).toBe(20);
    const link = (await linkem(place.folder).show()).find(({ link }) => link === "lisbon.fibre");
    expect(link?.up.counters.dropped).toBeGreaterThan(50);
  });

  test("LAN hosts reach their gateway in both families", async () => {
    const { place, state } = await current();
    for (const address of ["10.1.0.1", "2001:db8:1:1::1"]) {
      const { received } = await ping(place, state, "lisbon.office", address, {
        count: 2,
        intervalMillis: 20,
      });
      expect(received).toBe(2);
    }
  });

  test("each gateway has a /run of its own, and its socket's folder is seen from outside", async () => {
    const { place } = await current();
    expect((await inside("lisbon", "touch", "/run/wireguard/mine.sock", "/run/labelway/seen")).code)
      .toBe(0);
    expect((await inside("porto", "ls", "/run/wireguard")).out).toBe("");
    await expect(Deno.stat("/run/wireguard/mine.sock")).rejects.toThrow();
    expect((await Deno.stat(`${place.folder}/lisbon/run/seen`)).isFile).toBe(true);
    expect(((await Deno.stat(place.folder)).mode ?? 0) & 0o077).toBe(0);
  });

  test("status says what is there", async () => {
    const status = JSON.parse(await labelway("lab", "status", TOPOLOGY, "--json"));
    expect(status.emulator).toEqual({ kind: "linkem", running: true });
    expect(status.nodes).toHaveLength(14);
    expect(status.links).toHaveLength(7);
    expect(status.nodes.find((n: { node: string }) => n.node === "hub").router.state).toBe(
      "not started",
    );
    expect(await labelway("lab", "status", TOPOLOGY)).toContain("lisbon.fibre");
  });

  test("what cannot be done says what could", async () => {
    const node = await attempt("lab", "exec", TOPOLOGY, "lisbn", "--", "true");
    expect(node).toMatchObject({ code: 1, err: expect.stringContaining("did you mean lisbon?") });
    const link = await attempt("lab", "impair", TOPOLOGY, "lisbon.dsl", "cut");
    expect(link).toMatchObject({ code: 1, err: expect.stringContaining("no link lisbon.dsl") });
    expect(link.err).toContain("did you mean lisbon.");
    const change = await attempt(
      "lab",
      "impair",
      TOPOLOGY,
      "lisbon.fibre",
      "delay=much",
      "lose=1%",
    );
    expect(change.code).toBe(2);
    expect(change.err).toMatch(/delay=?.*30ms[\s\S]*lose/);
    const file = await attempt("lab", "up", "/nonexistent.yaml");
    expect(file).toMatchObject({ code: 1, err: expect.stringContaining("no such file") });
    const exit = await inside("lisbon", "sh", "-c", "exit 7");
    expect(exit.code).toBe(7);
  });
});

describe("cleaning up", { timeout: 60_000 }, () => {
  afterAll(takeDown, LAB_SECONDS);

  test("down leaves no namespace, process or folder", async () => {
    await labelway("lab", "up", TOPOLOGY, "--no-routers");
    const { place } = await current();
    const processes = processesIn(await namespaces());
    expect(processes.length).toBeGreaterThanOrEqual(5);
    await labelway("lab", "down", TOPOLOGY);
    expect(await namespaces()).toEqual([]);
    for (const { pid, startTime } of processes) {
      expect(identify(pid)?.startTime).not.toBe(startTime);
    }
    await expect(Deno.stat(place.folder)).rejects.toThrow();
  });

  test("a lab whose command was killed half-way is replaced by the next", async () => {
    const up = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "src/main.ts", "lab", "up", TOPOLOGY, "--no-routers"],
      env: { LABELWAY_LAB: Deno.env.get("LABELWAY_LAB") ?? "" },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    while ((await namespaces()).length === 0) await new Promise((r) => setTimeout(r, 5));
    up.kill("SIGKILL");
    await up.status;
    expect((await namespaces()).length).toBeGreaterThan(0);
    await labelway("lab", "up", TOPOLOGY, "--no-routers");
    expect(await namespaces()).toHaveLength(14);
  });

  test("without its state file a lab is still found, by its names", async () => {
    const { place } = await current();
    await Deno.remove(place.folder, { recursive: true });
    await labelway("lab", "down", TOPOLOGY);
    expect(await namespaces()).toEqual([]);
  });

  test("a process that only has a recorded number is let alone", async () => {
    await labelway("lab", "up", TOPOLOGY, "--no-routers");
    const { place, state } = await current();
    const bystander = new Deno.Command("sleep", { args: ["60"] }).spawn();
    const emulatorProcess = { pid: bystander.pid, startTime: "1" };
    await Deno.writeTextFile(
      `${place.folder}/state.json`,
      JSON.stringify({ ...state, emulatorProcess }),
    );
    await labelway("lab", "down", TOPOLOGY);
    expect(identify(bystander.pid)).not.toBeNull();
    bystander.kill();
    await bystander.status;
    expect(await namespaces()).toEqual([]);
  });
});
