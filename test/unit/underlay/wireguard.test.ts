import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PublicKey } from "../../../src/model/quantity.ts";
import type { WireguardPeerState, WireguardState } from "../../../src/ports/wireguard.ts";
import type { WireguardChange } from "../../../src/underlay/change.ts";
import {
  type DesiredInterface,
  type DesiredPeer,
  FRESH_HANDSHAKE_MILLIS,
  planWireguard,
  renderWireguard,
} from "../../../src/underlay/wireguard.ts";

const NOW = 1_800_000_000_000;
const KEYS = ["a", "b", "c", "d"].map((letter) => letter.repeat(43) + "=" as PublicKey);
const ENDPOINTS = ["198.51.100.1:51820", "198.51.100.2:51820", "[2001:db8::1]:51820"];

const peer = fc.record({
  publicKey: fc.constantFrom(...KEYS),
  allowedIps: fc.subarray(["100.96.0.8/32", "100.96.0.9/32"], { minLength: 1 }),
  endpoint: fc.option(fc.constantFrom(...ENDPOINTS)),
  endpointChanged: fc.boolean(),
  persistentKeepalive: fc.option(fc.constantFrom(25, 30)),
}) satisfies fc.Arbitrary<DesiredPeer>;

const desired: fc.Arbitrary<DesiredInterface> = fc.record({
  name: fc.constant("lw-0-fibre"),
  publicKey: fc.constantFrom(...KEYS),
  listenPort: fc.constantFrom(51820, 51821),
  mark: fc.constantFrom(0x4c570000, 0x4c570001),
  peers: fc.uniqueArray(peer, { selector: (one) => one.publicKey }),
});

const peerState = fc.record({
  publicKey: fc.constantFrom(...KEYS),
  endpoint: fc.option(fc.constantFrom(...ENDPOINTS)),
  allowedIps: fc.subarray(["100.96.0.8/32", "100.96.0.9/32", "100.96.0.10/32"]),
  latestHandshakeMillis: fc.option(fc.integer({ min: NOW - 400_000, max: NOW })),
  rxBytes: fc.nat(),
  txBytes: fc.nat(),
  persistentKeepalive: fc.option(fc.constantFrom(25, 30)),
}) satisfies fc.Arbitrary<WireguardPeerState>;

const state: fc.Arbitrary<WireguardState | null> = fc.option(fc.record({
  interface: fc.constant("lw-0-fibre"),
  publicKey: fc.option(fc.constantFrom(...KEYS)),
  listenPort: fc.constantFrom(0, 51820, 40000),
  fwmark: fc.option(fc.constantFrom(0x4c570000, 1)),
  peers: fc.uniqueArray(peerState, { selector: (one) => one.publicKey }),
}));

/** What the interface is after the changes: the meaning of each kind, spelled out. */
function applied(
  before: WireguardState | null,
  changes: WireguardChange[],
  wanted: DesiredInterface,
) {
  let now: WireguardState = before ??
    { interface: "lw-0-fibre", publicKey: null, listenPort: 0, fwmark: null, peers: [] };
  const edit = (key: PublicKey, part: Partial<WireguardPeerState>) => {
    now = {
      ...now,
      peers: now.peers.map((one) => one.publicKey === key ? { ...one, ...part } : one),
    };
  };
  for (const change of changes) {
    switch (change.kind) {
      case "key":
        now = { ...now, publicKey: change.to };
        break;
      case "port":
        now = { ...now, listenPort: change.to };
        break;
      case "mark":
        now = { ...now, fwmark: change.to };
        break;
      case "peer-remove":
        now = { ...now, peers: now.peers.filter((one) => one.publicKey !== change.peer) };
        break;
      case "peer-add": {
        const { publicKey, allowedIps, endpoint, persistentKeepalive } = wanted.peers
          .find((one) => one.publicKey === change.peer)!;
        const fresh = { latestHandshakeMillis: null, rxBytes: 0, txBytes: 0 };
        now = {
          ...now,
          peers: [...now.peers, {
            ...fresh,
            publicKey,
            allowedIps,
            endpoint,
            persistentKeepalive,
          }],
        };
        break;
      }
      case "peer-endpoint":
        edit(change.peer, { endpoint: change.to });
        break;
      case "peer-allowed-ips":
        edit(change.peer, { allowedIps: change.to });
        break;
      case "peer-keepalive":
        edit(change.peer, { persistentKeepalive: change.to });
        break;
    }
  }
  return now;
}

describe("planWireguard", () => {
  test("leads from any state to the desired one, and then finds nothing to do", () => {
    fc.assert(fc.property(desired, state, (wanted, actual) => {
      const after = applied(actual, planWireguard(wanted, actual, NOW), wanted);
      expect(after.publicKey).toBe(wanted.publicKey);
      expect(after.listenPort).toBe(wanted.listenPort);
      expect(after.fwmark).toBe(wanted.mark);
      expect(after.peers.map((one) => one.publicKey).sort())
        .toEqual(wanted.peers.map((one) => one.publicKey).sort());
      for (const one of wanted.peers) {
        const found = after.peers.find((other) => other.publicKey === one.publicKey)!;
        expect([...found.allowedIps].sort()).toEqual([...one.allowedIps].sort());
        expect(found.persistentKeepalive).toBe(one.persistentKeepalive);
        if (one.endpoint !== null && one.endpointChanged) {
          expect(found.endpoint).toBe(one.endpoint);
        }
      }
      expect(planWireguard(wanted, after, NOW)).toEqual([]);
    }));
  });

  const one: DesiredInterface = {
    name: "lw-0-fibre",
    publicKey: KEYS[0]!,
    listenPort: 51820,
    mark: 0x4c570000,
    peers: [{
      publicKey: KEYS[1]!,
      allowedIps: ["100.96.0.8/32"],
      endpoint: ENDPOINTS[0]!,
      endpointChanged: false,
      persistentKeepalive: null,
    }],
  };
  const roamed = (age: number): WireguardState => ({
    interface: "lw-0-fibre",
    publicKey: KEYS[0]!,
    listenPort: 51820,
    fwmark: 0x4c570000,
    peers: [{
      publicKey: KEYS[1]!,
      endpoint: "203.0.113.9:4711",
      allowedIps: ["100.96.0.8/32"],
      latestHandshakeMillis: NOW - age,
      rxBytes: 1,
      txBytes: 1,
      persistentKeepalive: null,
    }],
  });

  test("leaves a peer that has roamed where it is while its handshake is fresh", () => {
    const actual = roamed(FRESH_HANDSHAKE_MILLIS - 1);
    expect(planWireguard(one, actual, NOW)).toEqual([]);
    expect(renderWireguard(one, actual, NOW, "k")).not.toContain("Endpoint");
  });

  test("goes back to the file's endpoint when nobody answers at the learned one", () => {
    const actual = roamed(FRESH_HANDSHAKE_MILLIS);
    expect(planWireguard(one, actual, NOW)).toEqual([{
      interface: "lw-0-fibre",
      kind: "peer-endpoint",
      peer: KEYS[1],
      from: "203.0.113.9:4711",
      to: ENDPOINTS[0],
    }]);
    expect(renderWireguard(one, actual, NOW, "k")).toContain(`Endpoint = ${ENDPOINTS[0]}`);
  });

  test("a new endpoint in the file moves even a fresh peer", () => {
    const changed = { ...one, peers: [{ ...one.peers[0]!, endpointChanged: true }] };
    expect(planWireguard(changed, roamed(1), NOW).map((change) => change.kind))
      .toEqual(["peer-endpoint"]);
  });

  test("a peer whose address is not known keeps what the interface has learned", () => {
    const unknown = { ...one, peers: [{ ...one.peers[0]!, endpoint: null }] };
    expect(planWireguard(unknown, roamed(1_000_000), NOW)).toEqual([]);
  });
});
