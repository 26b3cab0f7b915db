/** The benchmark itself, as a person would run it, at its shortest; and its peer without labels. */

import { expect, test } from "vitest";
import { run, runOrThrow } from "../../src/io/command.ts";
import { libraryPath } from "../../src/io/native/library.ts";
import type { JsonScenario } from "../bench/json.ts";
import { labelway } from "../bench/peers/labelway.ts";
import type { Peer } from "../bench/peers/peer.ts";
import { buildPlain, plain } from "../bench/peers/plain.ts";
import { enter, type Stage, staged } from "../bench/stage.ts";
import { HOST, type TopologyName } from "../bench/topology.ts";
import { ROOT } from "./four_sites.ts";

/** With a build of the native half. */
const BUILD_MILLIS = 300_000;

test("one run of the shortest scenario gives figures and leaves nothing behind", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [json, plot] = [`${folder}/results.json`, `${folder}/plot.svg`];
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--node-modules-dir=manual", `${ROOT}/test/bench/main.ts`],
        ...["--only", "rtt-idle", "--runs", "1", "--peers", "labelway,plain,veth"],
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
    expect(result?.median["plain"]).toBeGreaterThan(0);
    expect(result?.ratio["plain"]).toBeGreaterThan(0);
    expect(result?.veth).toBeGreaterThan(0);
    expect(await Deno.readTextFile(plot)).toContain("<svg");

    const ours = [...Deno.readDirSync("/run/netns")].map(({ name }) => name)
      .filter((name) => name.startsWith(`lwb${child.pid}-`));
    expect(ours).toEqual([]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}, BUILD_MILLIS);

/** An echo of 1,000 bytes, as IPv4. */
const ECHO_BYTES = 1028;
/** WireGuard pads to 16 bytes and adds 32. */
const sealed = (bytes: number) => Math.ceil(bytes / 16) * 16 + 32;

test.each<[TopologyName, number, number]>([
  // The neighbour's kernel and router, ours and our kernel; a transit site is a hop of plain IP
  // only.
  ["direct", 4, 4],
  ["transit", 4, 5],
])("the peer without labels sends packets as they are: %s", async (topology, labelled, routed) => {
  const one = await echoed(topology, labelway("this tree"));
  const labels = topology === "direct" ? 1 : 2;
  expect(one.sizes).toEqual(new Set([sealed(ECHO_BYTES + 28 + 4 * labels)]));
  expect(one.hops).toBe(labelled);

  const other = await echoed(topology, plain(await buildPlain(), "this tree"));
  expect(other.sizes).toEqual(new Set([sealed(ECHO_BYTES)]));
  expect(other.hops).toBe(routed);
}, BUILD_MILLIS);

test("the library that is shipped is not the one without labels", async () => {
  // Its debugging information names modules, and its engine says what it is when it starts.
  for (const mark of ["labelway_forward::plain", "This library is for the benchmark alone"]) {
    const holds = async (library: string) =>
      (await run(["grep", "--quiet", "--text", "--fixed-strings", mark, library])).code === 0;
    expect(await holds(await buildPlain()), mark).toBe(true);
    expect(await holds(libraryPath()), mark).toBe(false);
  }
}, BUILD_MILLIS);

/** What echoes from LAN a to LAN b become on their way out of a, and how many hops its answer made. */
function echoed(
  topology: TopologyName,
  peer: Peer,
): Promise<{ sizes: Set<number>; hops: number }> {
  return staged(topology, peer, async (stage: Stage) => {
    // Probes are smaller, those for the MTU larger. On the way in, t's own labels would be seen.
    const capture = ["timeout", "20", "tcpdump", "-n", "-Q", "out", "-i", "wan", "-c", "6"];
    const filter = "udp and greater 1080 and less 1200";
    const ping = ["ping", "-n", "-c", "15", "-i", "0.2", "-s", `${ECHO_BYTES - 28}`, HOST.b];
    const [captured, answered] = await Promise.all([
      runOrThrow([...enter(stage, "a"), ...capture, filter]),
      runOrThrow([...enter(stage, "a.lan"), ...ping]),
    ]);
    const sizes = [...captured.matchAll(/UDP, length (\d+)/g)].map(([, length]) => Number(length));
    const ttl = Number(/ttl=(\d+)/.exec(answered)?.[1]);
    return { sizes: new Set(sizes), hops: 64 - ttl };
  });
}
