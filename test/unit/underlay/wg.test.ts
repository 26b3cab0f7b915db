/** Against the system's `wg`: a socket of ours answers it as a userspace WireGuard does. */

import { afterEach, beforeEach, expect, test } from "vitest";
import { SystemWireguard } from "../../../src/io/wireguard/system.ts";
import { DumpError, parseDump } from "../../../src/io/wireguard/dump.ts";
import { renderWireguard } from "../../../src/underlay/wireguard.ts";
import type { PublicKey } from "../../../src/model/quantity.ts";

let count = 0;
let name = "";
const FOLDER = "/var/run/wireguard";
const PEER = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=" as PublicKey;
const PRIVATE = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
/** What `wg pubkey` makes of it. */
const PUBLIC = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=" as PublicKey;

let listener: Deno.UnixListener | undefined;
const requests: string[] = [];

// A name of its own for each: a listener that closes may take its path away later.
beforeEach(() => {
  name = `lwt${Deno.pid}-${++count}`;
});

afterEach(async () => {
  listener?.close();
  listener = undefined;
  requests.length = 0;
  await Deno.remove(`${FOLDER}/${name}.sock`).catch(() => {});
});

test("the real dump is read field by field", async () => {
  serve([
    `private_key=${hex(PRIVATE)}`,
    "listen_port=51820",
    `fwmark=${0x4c570000}`,
    `public_key=${hex(PEER)}`,
    `preshared_key=${"0".repeat(64)}`,
    "endpoint=[2001:db8::1]:51820",
    "last_handshake_time_sec=1800000000",
    "last_handshake_time_nsec=5",
    "tx_bytes=7",
    "rx_bytes=8",
    "persistent_keepalive_interval=25",
    "allowed_ip=100.96.0.8/32",
    "allowed_ip=100.96.0.9/32",
  ]);
  expect(await new SystemWireguard().show(name)).toEqual({
    interface: name,
    publicKey: PUBLIC,
    listenPort: 51820,
    fwmark: 0x4c570000,
    peers: [{
      publicKey: PEER,
      endpoint: "[2001:db8::1]:51820",
      allowedIps: ["100.96.0.8/32", "100.96.0.9/32"],
      latestHandshakeMillis: 1_800_000_000_000,
      rxBytes: 8,
      txBytes: 7,
      persistentKeepalive: 25,
    }],
  });
});

test("a new interface has no key, no mark and no peers", async () => {
  serve([]);
  expect(await new SystemWireguard().show(name)).toEqual({
    interface: name,
    publicKey: null,
    listenPort: 0,
    fwmark: null,
    peers: [],
  });
});

test("an interface that is not there is null", async () => {
  expect(await new SystemWireguard().show("lwt-none")).toBeNull();
});

test("syncconf brings the whole configuration, and what is not known is left as it is", async () => {
  serve([]);
  const wireguard = new SystemWireguard();
  const peer = {
    publicKey: PEER,
    allowedIps: ["100.96.0.8/32"],
    endpointChanged: false,
    persistentKeepalive: 25,
  };
  const desired = { name: name, publicKey: PUBLIC, listenPort: 51820, mark: 0x4c570000 };
  const text = renderWireguard(
    { ...desired, peers: [{ ...peer, endpoint: "192.0.2.1:51820" }] },
    null,
    0,
    PRIVATE,
  );
  await wireguard.syncconf(name, text);
  const set = requests.find((request) => request.startsWith("set=1"))!;
  expect(set).toContain(`private_key=${hex(PRIVATE)}`);
  expect(set).toContain("listen_port=51820");
  expect(set).toContain(`fwmark=${0x4c570000}`);
  expect(set).toContain("endpoint=192.0.2.1:51820");
  expect(set).toContain("persistent_keepalive_interval=25");
  expect(set).toContain("allowed_ip=100.96.0.8/32");

  requests.length = 0;
  await wireguard.syncconf(
    name,
    renderWireguard({ ...desired, peers: [{ ...peer, endpoint: null }] }, null, 0, PRIVATE),
  );
  expect(requests.find((request) => request.startsWith("set=1"))).not.toContain("endpoint=");
});

test("no message of an error repeats a key", async () => {
  serve([]);
  const wireguard = new SystemWireguard();
  const wrong = `[Interface]\nPrivateKey = ${PRIVATE}\n[Peer]\nPublicKey = ${PRIVATE.slice(1)}x\n`;
  const error = await wireguard.syncconf(name, wrong).catch((caught: Error) => caught);
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).toMatch(/^`wg syncconf /);
  expect((error as Error).message).not.toContain(PRIVATE.slice(1, 40));
  const dump = () => parseDump(name, `${PRIVATE}\t${PUBLIC}\n`);
  expect(dump).toThrow(DumpError);
  expect(dump).not.toThrow(PRIVATE);
});

function hex(base64: string): string {
  return [...Uint8Array.fromBase64(base64)].map((byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}

function serve(answer: string[]): void {
  Deno.mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
  const socket = listener = Deno.listen({ transport: "unix", path: `${FOLDER}/${name}.sock` });
  (async () => {
    // `wg` also connects only to see whether somebody is there.
    for await (const connection of socket) reply(connection, answer).catch(() => {});
  })().catch(() => {});
}

async function reply(connection: Deno.UnixConn, answer: string[]): Promise<void> {
  const buffer = new Uint8Array(65536);
  let text = "";
  while (!text.endsWith("\n\n")) {
    const length = await connection.read(buffer);
    if (length === null) return connection.close();
    text += new TextDecoder().decode(buffer.subarray(0, length));
  }
  requests.push(text);
  const lines = text.startsWith("get=1") ? answer : [];
  await connection.write(new TextEncoder().encode([...lines, "errno=0", "", ""].join("\n")));
  connection.close();
}
