import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parse } from "@std/yaml";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createApp } from "../../../src/api/app.ts";
import { parseWords } from "../../../src/cli/arguments.ts";
import { DEFAULT_SOCKET } from "../../../src/cli/client.ts";
import { dispatch } from "../../../src/cli/dispatch.ts";
import { PROGRAM } from "../../../src/cli/program.ts";
import { loadOptions, up } from "../../../src/cli/up.ts";
import type { RolloutState } from "../../../src/ports/router_view.ts";
import { FixtureRouter, NOW } from "../../fixtures/router.ts";
import { FakeIo } from "./fake_io.ts";

let folder: string;
let socket: string;
let server: Deno.HttpServer;
let router: FixtureRouter;

beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "labelway-cli-" });
  socket = join(folder, "labelway.sock");
  server = Deno.serve(
    { path: socket, onListen: () => {} },
    (request) => createApp(router, { listen: { kind: "unix" } }).fetch(request),
  );
});
afterAll(async () => {
  await server.shutdown();
  await Deno.remove(folder, { recursive: true });
});
beforeEach(() => {
  router = new FixtureRouter();
});

async function run(words: string, io = new FakeIo({ environment: { LABELWAY_SOCKET: socket } })) {
  const code = await dispatch(PROGRAM, words.split(" "), io);
  return { code, out: io.text, err: io.errors.join("\n") };
}

async function shown(words: string): Promise<string> {
  const { code, out, err } = await run(words);
  expect([code, err]).toEqual([0, ""]);
  // The hash is another part's business.
  return `\n${out.replaceAll(router.current().network.generation, "0000000000000000")}\n`;
}

describe("tables", () => {
  test("status", async () => {
    expect(await shown("status")).toMatchInlineSnapshot(`
      "
      site         lisbon (SID 2) of network fixture
      state        forwarding
      backend      embedded
      file         /etc/labelway/network.yaml
      generation   0000000000000000
                   every neighbour that answers runs the same
      up for       1 h 2 min
      adjacencies  4 of 4 up
      paths        8 of 8 up
      sites        2 of 2 reachable
      last reload  none since the start
      version      0.1.0
      "
    `);
  });

  test("status when not all is well", async () => {
    router.setAdjacency("fibre>porto.fibre", "up", "fedcba9876543210");
    router.setAdjacency("lte>hub.fibre", "down");
    router.change({
      warnings: ["hub.example.net does not resolve; tried again in 8 s"],
      lastReload: { ok: false, at: NOW, problems: ["network.yaml:3:5: no such key"] },
    });
    expect(await shown("status")).toMatchInlineSnapshot(`
      "
      site         lisbon (SID 2) of network fixture
      state        forwarding
      backend      embedded
      file         /etc/labelway/network.yaml
      generation   0000000000000000
                   porto runs fedcba9876543210
      up for       1 h 2 min
      adjacencies  3 of 4 up, 1 down
                   \`labelway adjacencies\` says why
      paths        6 of 8 up, 2 down
      sites        2 of 2 reachable
      last reload  2026-01-31 13:02:05 UTC: refused
      version      0.1.0

      Warnings:
        hub.example.net does not resolve; tried again in 8 s

      The last reload was refused:
        network.yaml:3:5: no such key
      "
    `);
  });

  test("status while a file that turns ways arrives", async () => {
    const line = async (rollout: RolloutState) => {
      router.change({ rollout });
      return (await shown("status")).split("\n").find((one) => one.startsWith("rollout"));
    };
    const until = NOW;
    expect(await line({ phase: "segment-routed", until, awaited: [] }))
      .toBe("rollout      segment-routed until 2026-01-31 13:02:05 UTC");
    expect(await line({ phase: "segment-routed", until, awaited: ["hub", "porto"] })).toBe(
      "rollout      segment-routed until hub, porto run this generation, " +
        "2026-01-31 13:02:05 UTC at the latest",
    );
    expect(await line({ phase: "switched", until: null, awaited: ["a", "b", "c", "d"] }))
      .toBe("rollout      switched until 4 neighbours more run this generation");
    expect(await line({ phase: "switched", until: null, awaited: ["hub"] }))
      .toBe("rollout      switched until hub runs this generation");
  });

  test("nobody that answers does not count as everybody that agrees", async () => {
    for (const { key } of router.current().table.adjacencies) router.setAdjacency(key, "down");
    const text = await shown("status");
    expect(text).not.toContain("runs the same");
    expect(text).toContain("not known of hub, porto");
  });

  test("whose WireGuard it is, where the uplinks differ", async () => {
    expect(await shown("status")).toContain("\nbackend      embedded\n");
    const { table } = router.current();
    const uplinks = table.uplinks.map((uplink, index) => ({
      ...uplink,
      backend: index === 0 ? "kernel" as const : "embedded" as const,
    }));
    router.change({ backend: "mixed", table: { ...table, uplinks } });
    expect(await shown("status")).toContain("\nbackend      fibre kernel, lte embedded\n");
  });

  test("paths, before and after an uplink fails", async () => {
    expect(await shown("paths porto")).toMatchInlineSnapshot(`
      "
      PATH                                  STATE    RTT  JITTER  LOSS   MTU  COST  USE
      to porto
        fibre>porto.fibre                   up     12 ms  250 µs   1 %  1388    10  office, voice by default and calls
        fibre>hub.fibre, fibre>porto.fibre  up     25 ms  250 µs   1 %  1384    20  office by inspected
        lte>porto.fibre                     up     13 ms  250 µs   1 %  1388    50  standby; metered
        lte>hub.fibre, fibre>porto.fibre    up     27 ms  250 µs   1 %  1384    60  standby; metered
      "
    `);
    router.setAdjacency("fibre>porto.fibre", "down");
    expect(await shown("paths porto")).toMatchInlineSnapshot(`
      "
      PATH                                  STATE    RTT  JITTER   LOSS   MTU  COST  USE
      to porto
        fibre>hub.fibre, fibre>porto.fibre  up     25 ms  250 µs    1 %  1384    20  office by default and inspected, voice by default and calls
        lte>porto.fibre                     up     13 ms  250 µs    1 %  1388    50  standby; metered
        lte>hub.fibre, fibre>porto.fibre    up     27 ms  250 µs    1 %  1384    60  standby; metered
        fibre>porto.fibre                   down       –       –  100 %  1388    10  adjacency fibre>porto.fibre is down
      "
    `);
  });

  test("paths with labels", async () => {
    expect(await shown("paths porto --policy inspected --labels")).toMatchInlineSnapshot(`
      "
      PATH                                  STATE    RTT  JITTER  LOSS   MTU  COST  LABELS                                          USE
      to porto
        fibre>hub.fibre, fibre>porto.fibre  up     25 ms  250 µs   1 %  1384    20  100192 (adjacency SID hub.fibre > porto.fibre)  office by inspected
        lte>hub.fibre, fibre>porto.fibre    up     27 ms  250 µs   1 %  1384    60  100192 (adjacency SID hub.fibre > porto.fibre)  standby; metered
      "
    `);
  });

  test("policies", async () => {
    router.setAdjacency("fibre>hub.fibre", "down");
    expect(await shown("policies")).toMatchInlineSnapshot(`
      "
      calls: objective latency; avoid colors lte
      matches segment voice; DSCP ef (46)
      SEGMENT  TO     RANK  PATH                               STATE    RTT  WHY NOT
      voice    porto  * 1   fibre>porto.fibre                  up     12 ms
                        2   fibre>hub.fibre,fibre>porto.fibre  down   25 ms  adjacency fibre>hub.fibre is down

      inspected: via hub; otherwise drop
      matches segment office; to 10.3.0.0/24; protocol tcp; ports 80, 8000-8010
      SEGMENT  TO     RANK  PATH                               STATE    RTT  WHY NOT
      office   porto    1   fibre>hub.fibre,fibre>porto.fibre  down   25 ms  adjacency fibre>hub.fibre is down
                      * 2   lte>hub.fibre,fibre>porto.fibre    up     27 ms

      no-telnet: drop
      matches protocol tcp; ports 23
      SEGMENT  TO     RANK  PATH  STATE  RTT  WHY NOT
      office   hub          drop
      office   porto        drop
      voice    porto        drop

      (no policy): objective cost
      matches what no policy above does
      SEGMENT  TO     RANK  PATH                               STATE    RTT  WHY NOT
      office   hub      1   fibre>hub.fibre                    down       –  adjacency fibre>hub.fibre is down
                      * 2   fibre>porto.fibre,fibre>hub.fibre  up     21 ms
                        3   lte>hub.fibre                      up     11 ms  standby
                        4   lte>porto.fibre,fibre>hub.fibre    up     23 ms  standby
      office   porto  * 1   fibre>porto.fibre                  up     12 ms
                        2   fibre>hub.fibre,fibre>porto.fibre  down   25 ms  adjacency fibre>hub.fibre is down
                        3   lte>porto.fibre                    up     13 ms  standby
                        4   lte>hub.fibre,fibre>porto.fibre    up     27 ms  standby
      voice    porto  * 1   fibre>porto.fibre                  up     12 ms
                        2   fibre>hub.fibre,fibre>porto.fibre  down   25 ms  adjacency fibre>hub.fibre is down
                        3   lte>porto.fibre                    up     13 ms  standby
                        4   lte>hub.fibre,fibre>porto.fibre    up     27 ms  standby
      "
    `);
  });

  test("adjacencies", async () => {
    router.setAdjacency("lte>hub.fibre", "down", null);
    router.setAdjacency("lte>porto.fibre", "up", "fedcba9876543210");
    expect(await shown("adjacencies")).toMatchInlineSnapshot(`
      "
      UPLINK  NEIGHBOUR    STATE        FOR  DOWNS    RTT  JITTER   LOSS     SENT  RECEIVED  GENERATION                ENDPOINT
      fibre   hub.fibre    up     1 min 5 s      0  10 ms  250 µs    1 %  977 KiB  1.91 MiB  same                      198.51.100.9:51820
      lte     hub.fibre    down   1 min 5 s      1      –       –  100 %  977 KiB  1.91 MiB  –                         no BFD packet comes, 30 s after the last handshake
      fibre   porto.fibre  up     1 min 5 s      0  12 ms  250 µs    1 %  977 KiB  1.91 MiB  same                      198.51.100.9:51820
      lte     porto.fibre  up     1 min 5 s      0  10 ms  250 µs    1 %  977 KiB  1.91 MiB  fedcba9876543210 differs  198.51.100.9:51820
      "
    `);
  });

  test("labels of a site that others pass through", async () => {
    router = new FixtureRouter("hub");
    router.setAdjacency("fibre>porto.fibre", "down");
    expect(await shown("labels")).toMatchInlineSnapshot(`
      "
       LABEL  MEANING                                 ACTION                          REPAIR                    PACKETS    BYTES  ACCEPTED FROM
       16001  node SID hub                            pop, look at the next           –                               0      0 B  fibre>lisbon.fibre, fibre>lisbon.lte, fibre>porto.fibre
       16002  node SID lisbon                         pop, fibre>lisbon.fibre         link, fibre>porto.fibre       100  146 KiB  fibre>lisbon.lte, fibre>porto.fibre
       16003  node SID porto                          drop: fibre>porto.fibre not up  –                             200  293 KiB  fibre>lisbon.fibre, fibre>lisbon.lte
       28001  segment office                          to the LAN of office            –                             300  439 KiB  fibre>lisbon.fibre, fibre>lisbon.lte, fibre>porto.fibre
      100128  adjacency SID hub.fibre > lisbon.fibre  pop, fibre>lisbon.fibre         link, fibre>porto.fibre       400  586 KiB  fibre>lisbon.lte, fibre>porto.fibre
      100129  adjacency SID hub.fibre > lisbon.lte    pop, fibre>lisbon.lte           link, fibre>lisbon.fibre      500  732 KiB  fibre>lisbon.fibre, fibre>porto.fibre
      100192  adjacency SID hub.fibre > porto.fibre   drop: fibre>porto.fibre not up  –                             600  879 KiB  fibre>lisbon.fibre, fibre>lisbon.lte
      "
    `);
  });

  test("drops", async () => {
    expect(await shown("drops")).toMatchInlineSnapshot(`
      "
      REASON       PACKETS
      policy-drop        7
      no-route           3

      10 packets in all.
      "
    `);
    expect(await shown("drops --all")).toContain("unknown-label        0");
    router.snapshotNow.drops = { "no-route": 0 };
    expect(await shown("drops")).toBe("\nNothing was dropped.\n");
  });

  test("reload", async () => {
    expect(await shown("reload")).toMatchInlineSnapshot(`
      "
      peer porto.fibre: endpoint 198.51.100.3:51820
      Applied: generation 0123456789abcdef.
      "
    `);
    router.reloadResult = { ok: false, at: NOW, problems: ["n.yaml:3:5: no such key", "else"] };
    const { code, err } = await run("reload");
    expect([code, err]).toEqual([
      1,
      "The file is refused; the router goes on as before\nn.yaml:3:5: no such key\nelse",
    ]);
  });
});

describe("formats", () => {
  test("JSON and YAML carry the same as the interface", async () => {
    const answer =
      await (await createApp(router, { listen: { kind: "unix" } }).request("/v1/status"))
        .json();
    expect(JSON.parse((await run("status --json")).out)).toEqual(answer);
    expect(JSON.parse((await run("status -o json")).out)).toEqual(answer);
    expect(parse((await run("status -o yaml")).out)).toEqual(answer);
  });

  test("what is filtered here is filtered there", async () => {
    const { paths } = JSON.parse(await shown("paths hub --json"));
    expect(new Set(paths.map(({ egress }: { egress: string }) => egress))).toEqual(
      new Set(["hub"]),
    );
  });

  test("colors on a terminal, none in a pipe", async () => {
    const environment = { LABELWAY_SOCKET: socket };
    const color = new FakeIo({ isTerminal: true, color: true, columns: 100, environment });
    await run("paths", color);
    expect(color.text).toContain("\x1b[32mup\x1b[0m");
    expect(await shown("paths")).not.toContain("\x1b");
  });

  test("a narrow terminal folds the last column and hides nothing", async () => {
    const io = new FakeIo({
      isTerminal: true,
      columns: 80,
      environment: { LABELWAY_SOCKET: socket },
    });
    router.setAdjacency("fibre>porto.fibre", "down");
    await run("paths porto", io);
    for (const line of io.text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect(io.text).not.toContain("…");
    expect(io.text.replaceAll(/\s+/g, " ")).toContain("voice by default and calls");
  });

  test("two formats at once are refused before anybody is asked", async () => {
    const { code, err } = await run("status --json -o yaml --socket /nowhere");
    expect([code, err.split("\n")[0]]).toEqual([
      2,
      "--json and --output yaml contradict each other; give one of them",
    ]);
  });
});

describe("--watch", () => {
  async function watch(io: FakeIo, frames: number): Promise<number> {
    const count = () => io.isTerminal ? io.written.split("\x1b[H").length - 1 : io.lines.length;
    const done = run("status --watch 0.1", io);
    const begin = Date.now();
    while (count() < frames && Date.now() - begin < 10_000) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    io.interrupt.abort();
    return (await done).code;
  }

  test("prints frame after frame in a pipe, and ends on Ctrl-C", async () => {
    const io = new FakeIo({ environment: { LABELWAY_SOCKET: socket } });
    expect(await watch(io, 3)).toBe(0);
    expect(io.lines.length).toBeGreaterThanOrEqual(3);
    expect(io.written).toBe("");
  });

  test("redraws in place on a terminal and leaves it as it was", async () => {
    const io = new FakeIo({
      isTerminal: true,
      columns: 80,
      environment: { LABELWAY_SOCKET: socket },
    });
    expect(await watch(io, 2)).toBe(0);
    expect(io.written.startsWith("\x1b[?1049h\x1b[?25l")).toBe(true);
    expect(io.written.endsWith("\x1b[?25h\x1b[?1049l")).toBe(true);
    expect(io.written).not.toContain("\x1b[2J");
  });

  test("a router that is gone for a moment does not end it", async () => {
    const io = new FakeIo({ environment: { LABELWAY_SOCKET: join(folder, "none.sock") } });
    expect(await watch(io, 2)).toBe(0);
    expect(io.text).toContain("No router runs here");
  });
});

describe("no answer", () => {
  test("nobody runs: says so, and what to do", async () => {
    const { code, out, err } = await run(`status --socket ${join(folder, "none.sock")}`);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toBe(
      `No router runs here: there is no socket ${join(folder, "none.sock")}. ` +
        "Start one by `labelway up FILE`, or name its socket by --socket.",
    );
  });

  test("a socket that a dead process left", async () => {
    const stale = join(folder, "stale.sock");
    const left = spawnSync(Deno.execPath(), [
      "eval",
      `Deno.listen({ transport: "unix", path: ${JSON.stringify(stale)} }); Deno.exit(0)`,
    ]);
    expect(left.status).toBe(0);
    expect((await Deno.lstat(stale)).isSocket).toBe(true);
    const { code, err } = await run(`status --socket ${stale}`);
    expect(code).toBe(1);
    expect(err).toContain(`nobody answers on ${stale} any more`);
  });

  test("a link that the lab does not have, and a folder for a topology", async () => {
    const wrong = await run("lab impair config/lab/four-sites.yaml lisbon.fibr cut");
    expect([wrong.code, wrong.err]).toEqual([
      1,
      "There is no link lisbon.fibr; did you mean lisbon.fibre?",
    ]);
    const away = await run("lab impair config/lab/four-sites.yaml moon.dish cut");
    expect(away.err).toMatch(/^There is no link moon.dish; there are lisbon.fibre, lisbon.lte, /);
    expect((await run(`lab status ${folder}`)).err).toBe(
      `Cannot read ${folder}: it is a folder; name the file in it`,
    );
  });

  test("a file that is no socket", async () => {
    const { code, err } = await run(`status --socket ${import.meta.filename}`);
    expect([code, err]).toEqual([1, expect.stringContaining("is no socket; name the router's by")]);
  });

  test("the router answers where the commands ask: $LABELWAY_SOCKET", () => {
    const io = new FakeIo({ environment: { LABELWAY_SOCKET: socket } });
    expect(loadOptions(parseWords(up, ["a.yaml"]), io).socket).toBe(socket);
    expect(loadOptions(parseWords(up, ["a.yaml", "--socket", "/b"]), io).socket).toBe("/b");
    expect(loadOptions(parseWords(up, ["a.yaml"]), new FakeIo()).socket).toBe(DEFAULT_SOCKET);
  });

  test("what the router refuses is told in its words", async () => {
    const { code, err } = await run("paths atlantis");
    expect(code).toBe(1);
    expect(err).toContain("site atlantis is not known; accepted here: hub, porto");
  });
});

test("the schema is printed as JSON", async () => {
  expect(JSON.parse(await shown("schema"))).toMatchObject({ type: "object" });
});
