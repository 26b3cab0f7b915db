/** What one bad neighbour, or one that runs another file, does to everybody else: nothing. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, enter } from "../../src/lab/gateway.ts";
import { adjacenciesOf } from "../../src/lab/ready.ts";
import { ping } from "../../src/lab/traffic.ts";
import { createKey } from "../../src/io/keys.ts";
import { inside, labelway, sweep, takeDown, TOPOLOGY, until } from "./four_sites.ts";
import { attach, editFile, flow, place, reload, type Site, state } from "./office.ts";

const LAB_SECONDS = 90_000;
/** Of what a flow reaches undisturbed: a machine that others use as well is that unsteady. */
const SANE_SHARE = 0.4;
/** Of echoes: a session that is made anew, or an engine that stands still, costs ten at once. */
const STEADY_SHARE = 0.985;

beforeAll(async () => {
  await sweep();
  await labelway("lab", "up", TOPOLOGY);
  await attach();
}, LAB_SECONDS);
afterAll(takeDown, LAB_SECONDS);

/** @returns how to go back, with a reload */
async function edited(site: Site, edit: (text: string) => string): Promise<() => Promise<void>> {
  const file = `${place.folder}/${site}/network.yaml`;
  const original = await Deno.readTextFile(file);
  await editFile(site, edit);
  return async () => {
    await Deno.writeTextFile(file, original);
    await reload(site);
    await until(
      "all are up again",
      20,
      async () => (await adjacenciesOf(place, site))?.every((one) => one.state === "up") ?? false,
    );
  };
}

/** All but those that `bad` names are up. */
async function othersUp(site: Site, bad: readonly string[]): Promise<void> {
  for (const { key, state } of await adjacenciesOf(place, site) ?? []) {
    if (!bad.includes(key)) expect([key, state]).toEqual([key, "up"]);
  }
}

test("a neighbour whose public key is wrong is down, says why, and takes nothing else down", {
  timeout: 60_000,
}, async () => {
  const usual = await flow("lisbon", "hub", 4, { seconds: 2 });
  const stranger = `${place.folder}/stranger.key`;
  const { publicKey } = await createKey(stranger);
  await Deno.remove(stranger);
  const { out: key } = await inside("porto", "wg", "show", "lw-0-fibre", "public-key");
  const bad = ["fibre>porto.fibre"];
  const restore = await edited("lisbon", (text) => text.replace(key.trim(), publicKey));
  try {
    const options = { count: 600, intervalMillis: 10 };
    const echoes = ping(place, state, "lisbon.office", "10.3.0.10", options);
    await reload("lisbon");
    await until("the neighbour is down", 10, async () => {
      const all = await adjacenciesOf(place, "lisbon") ?? [];
      return all.filter((one) => bad.includes(one.key)).every((one) => one.state === "down");
    });
    await othersUp("lisbon", bad);
    // A flow that fills its link would itself drop some of them.
    await flow("lisbon", "hub", 4, { seconds: 2, mbit: 20 });
    expect((await echoes).received).toBeGreaterThan(600 * STEADY_SHARE);
    const { receivedMbit } = await flow("lisbon", "hub", 4, { seconds: 2 });
    expect(receivedMbit).toBeGreaterThan(usual.receivedMbit * SANE_SHARE);
    // The way round is there for the site itself.
    expect(
      (await ping(place, state, "lisbon.office", "10.2.0.10", { count: 5, intervalMillis: 50 }))
        .received,
    ).toBe(5);
    expect((await inside("lisbon", "labelway", "status")).out).toMatch(
      /adjacencies +5 of 6 up, 1 down\n +`labelway adjacencies` says why/,
    );
    const shown = (await inside("lisbon", "labelway", "adjacencies", "--json")).out;
    const { adjacencies } = JSON.parse(shown) as {
      adjacencies: { key: string; reason: string | null }[];
    };
    for (const { key, reason } of adjacencies) {
      if (bad.includes(key)) {
        expect(reason).toMatch(/no handshake has ever come through.*public keys/);
      } else expect([key, reason]).toEqual([key, null]);
    }
  } finally {
    await restore();
  }
});

test("a flood of handshakes, junk and data from nobody costs nobody else a packet", {
  timeout: 90_000,
}, async () => {
  await othersUp("lisbon", []);
  const usual = await flow("lisbon", "porto", 4, { seconds: 2 });
  const { out: key } = await inside("lisbon", "wg", "show", "lw-0-fibre", "public-key");
  const handshakes = async () =>
    (await inside("lisbon", "wg", "show", "lw-0-fibre", "latest-handshakes")).out;
  const before = await handshakes();
  const flood = await startFlood("198.51.100.2", 51820, key.trim());
  try {
    const options = { count: 500, intervalMillis: 10 };
    const echoes = [
      ping(place, state, "lisbon.office", "10.2.0.10", options),
      ping(place, state, "lisbon.office", "10.3.0.10", options),
    ];
    const limited = await flow("lisbon", "porto", 4, { seconds: 3, mbit: 20 });
    expect(limited.receivedMbit).toBeGreaterThan(15);
    for (const { received } of await Promise.all(echoes)) {
      expect(received).toBeGreaterThan(500 * STEADY_SHARE);
    }
    const full = await flow("lisbon", "porto", 4, { seconds: 3 });
    expect(full.receivedMbit).toBeGreaterThan(usual.receivedMbit * SANE_SHARE);
    await othersUp("lisbon", []);
  } finally {
    const sent = await flood.end();
    // Some thousand a second: far more than it answers handshakes.
    expect(sent.initiations).toBeGreaterThan(3_000);
    expect(sent.others).toBeGreaterThan(3_000);
    // It was told to come again with a cookie, which a flooder that lies about itself never gets.
    expect(sent.cookies).toBeGreaterThan(100);
  }
  // Nobody's session was touched.
  expect(await handshakes()).toBe(before);
});

test(
  "an endpoint's name that nobody knows takes nothing else down",
  { timeout: 30_000 },
  async () => {
    const restore = await edited(
      "lisbon",
      (text) => text.replace("endpoint: 198.51.100.6", "endpoint: nowhere.invalid"),
    );
    try {
      const echoes = ping(place, state, "lisbon.office", "10.2.0.10", {
        count: 200,
        intervalMillis: 10,
      });
      await reload("lisbon");
      await until("a warning names it", 10, async () => {
        const status = await ask<{ warnings: string[] }>(place, "lisbon", "/v1/status");
        return status?.warnings.some((warning) => warning.includes("nowhere.invalid")) ?? false;
      });
      expect((await echoes).received).toBeGreaterThan(190);
      const adjacencies = await adjacenciesOf(place, "lisbon") ?? [];
      for (const { key, state } of adjacencies) {
        if (key !== "fibre>porto.fibre") expect([key, state]).toEqual([key, "up"]);
      }
    } finally {
      await restore();
    }
  },
);

for (const changed of ["lisbon", "hub"] as const) {
  test(`two generations meet at ${changed}: traffic goes on, and status says who differs`, {
    timeout: 60_000,
  }, async () => {
    interface Generations {
      generations: { agree: boolean; differing: { site: string }[] };
    }
    const differing = async (site: Site) => {
      const status = await ask<Generations>(place, site, "/v1/status");
      return status?.generations.differing.map((other) => other.site).sort();
    };
    let restore = () => Promise.resolve();
    try {
      await until("all agree before", 5, async () => (await differing("porto"))?.length === 0);
      const options = { count: 300, intervalMillis: 10 };
      const echoes = ping(place, state, "lisbon.office", "10.2.0.10", options);
      restore = await edited(changed, (text) => text.replace(/cost: 20\b/, "cost: 25"));
      await reload(changed);
      await until(`porto sees that ${changed} differs`, 5, async () => {
        const [first, ...others] = await differing("porto") ?? [];
        return first === changed && others.length === 0;
      });
      await until(`${changed} sees that porto differs`, 5, async () => {
        return await differing(changed).then((sites) => sites?.includes("porto") ?? false);
      });
      expect((await inside("porto", "labelway", "status")).out).toContain(changed);
      for (const family of [4, 6] as const) {
        const { receivedMbit } = await flow("lisbon", "porto", family, { port: 5202, mbit: 5 });
        expect(receivedMbit).toBeGreaterThan(2);
      }
      expect((await echoes).received).toBeGreaterThan(290);
    } finally {
      await restore();
      await until("all agree again", 5, async () => (await differing("porto"))?.length === 0);
    }
  });
}

interface Flooded {
  readonly initiations: number;
  readonly others: number;
  readonly cookies: number;
}

/** From the internet, until it is told to end. */
async function startFlood(address: string, port: number, publicKey: string) {
  const script = new URL("flood.ts", import.meta.url).pathname;
  const [program = "", ...args] = enter(place, state, "internet");
  const child = new Deno.Command(program, {
    args: [
      ...[...args, Deno.execPath(), "run", "-A", "--node-modules-dir=manual", script],
      ...[address, String(port), publicKey],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const text = new TextDecoderStream();
  const lines = child.stdout.pipeThrough(text as TransformStream<Uint8Array<ArrayBuffer>, string>)
    .getReader();
  expect((await lines.read()).value).toContain("flooding");
  return {
    async end(): Promise<Flooded> {
      await child.stdin.close();
      let said = "";
      for (let part = await lines.read(); !part.done; part = await lines.read()) said += part.value;
      await child.status;
      return JSON.parse(said);
    },
  };
}
