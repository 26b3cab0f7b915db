import { describe, expect, test } from "vitest";
import { createApp } from "../../../src/api/app.ts";
import type { Adjacencies } from "../../../src/api/schema.ts";
import type { WireguardPeerState } from "../../../src/ports/wireguard.ts";
import { FixtureRouter, NOW } from "../../fixtures/router.ts";

async function ask<Answer>(router: FixtureRouter, path: string): Promise<Answer> {
  const response = await createApp(router, { listen: { kind: "unix" } }).request(path);
  expect(response.status).toBe(200);
  return await response.json() as Answer;
}

describe("an adjacency that is down says why", () => {
  const KEY = "fibre>porto.fibre";
  async function reason(
    peer: Partial<WireguardPeerState> | null,
    state: "up" | "down" = "down",
  ): Promise<string | null | undefined> {
    const router = new FixtureRouter();
    router.setAdjacency(KEY, state);
    router.peers.set(KEY, peer);
    const { adjacencies } = await ask<Adjacencies>(router, "/v1/adjacencies");
    expect(adjacencies.filter(({ key, reason }) => key !== KEY && reason !== null)).toEqual([]);
    return adjacencies.find(({ key }) => key === KEY)?.reason;
  }

  test("from what WireGuard knows of the neighbour", async () => {
    expect(await reason({ latestHandshakeMillis: null })).toMatch(
      /^no handshake has ever come through; look at .* public keys on both sides/,
    );
    expect(await reason({ latestHandshakeMillis: NOW - 400_000 })).toMatch(
      /^no handshake for 400 s; look at/,
    );
    expect(await reason({ latestHandshakeMillis: NOW - 30_000 })).toBe(
      "no BFD packet comes, 30 s after the last handshake",
    );
    expect(await reason({ endpoint: null })).toMatch(/^its endpoint \S+ has no address yet$/);
    expect(await reason(null)).toBe("WireGuard has not been told of this neighbour yet");
  });

  test("and one that is up has nothing to say", async () => {
    expect(await reason({ latestHandshakeMillis: null }, "up")).toBeNull();
  });
});

test("adjacencies are answered also when wg fails", async () => {
  const router = new FixtureRouter();
  const before = await ask<{ adjacencies: { wireguard: unknown }[] }>(router, "/v1/adjacencies");
  expect(before.adjacencies[0]?.wireguard).toMatchObject({ endpoint: "198.51.100.9:51820" });
  router.wireguardFault = new Error("Cannot run wg: not installed");
  expect(await ask(router, "/v1/adjacencies")).toMatchObject({
    wireguardProblem: "Cannot run wg: not installed",
    adjacencies: [{ wireguard: null }, {}, {}, {}],
  });
});
