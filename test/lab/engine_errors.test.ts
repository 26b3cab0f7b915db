/** What cannot work is refused with a message that says what to do, and leaves nothing behind. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { ABI_VERSION } from "../../src/io/native/symbols.ts";
import { type Command, type Gateway, must, Net } from "./engine/namespaces.ts";
import { makeKeys } from "./engine/network.ts";
import { INTERFACE, type Keys, table, TUN } from "./engine/tables.ts";

const net = new Net();
let keys: Keys;
let folder: string;
let count = 0;

beforeAll(async () => {
  await Net.removeStale();
  keys = await makeKeys();
  folder = await Deno.makeTempDir({ prefix: "labelway-engine-" });
});

afterAll(async () => {
  await net.remove();
  await Deno.remove(folder, { recursive: true });
}, 30_000);

/** In a namespace of its own, with the uplink's device. */
async function gateway(prepare = ""): Promise<{ gateway: Gateway; namespace: string }> {
  const namespace = await net.add(`e${count++}`);
  await must("ip", "-n", namespace, "link", "add", "wan", "type", "bridge");
  await must("ip", "-n", namespace, "link", "set", "wan", "up");
  return { gateway: net.gateway(namespace, {}, prepare), namespace };
}

const refusal = (gateway: Gateway, command: Command): Promise<string> =>
  gateway.ask(command).then(
    () => Promise.reject(new Error("it was not refused")),
    (error: Error) => error.message,
  );

const apply = (): Command => ({ do: "apply", table: table("a", keys) });

test("no TUN", async () => {
  const { gateway: one, namespace } = await gateway("mount -t tmpfs tmpfs /dev/net;");
  await one.ask({ do: "open" });
  expect(await refusal(one, apply())).toBe(
    `Cannot create TUN ${TUN}: cannot open /dev/net/tun: it does not exist; load the module with ` +
      "`modprobe tun`, or give the container the device /dev/net/tun",
  );
  expect(await one.run("ls /run/wireguard"), "the uplink was closed again").toBe("");
  expect(await must("ip", "netns", "exec", namespace, "ss", "-Huln")).toBe("");
  expect((await one.ask({ do: "snapshot" })).generation).toBeNull();
});

test("not allowed to", async () => {
  const drop = "setpriv --bounding-set=-net_admin,-net_raw";
  const { gateway: one } = await gateway(`set -- ${drop} "$@";`);
  await one.ask({ do: "open" });
  const refused = await refusal(one, apply());
  expect(refused).toContain("CAP_NET_ADMIN");
  expect(refused).toContain("permission denied");
});

test("a device that is away keeps no table from being used", async () => {
  const { gateway: one, namespace } = await gateway();
  const early = table("a", keys);
  early.uplinks[0]!.device = "wan7";
  await one.ask({ do: "open" });
  await one.ask({ do: "apply", table: early });
  const bound = () => must("ip", "netns", "exec", namespace, "ss", "-H", "-uln");
  expect(await bound()).toContain("%lo:");
  await must("ip", "-n", namespace, "link", "add", "wan7", "type", "veth", "peer", "name", "wan8");
  for (let tries = 0; tries < 60 && !(await bound()).includes("%wan7:"); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(await bound()).toContain("%wan7:");
  expect(await bound()).not.toContain("%lo:");
});

test("a table that is none", async () => {
  const { gateway: one } = await gateway();
  await one.ask({ do: "open" });
  const { site: _, ...rest } = table("a", keys);
  expect(await refusal(one, { do: "apply", table: rest as never })).toContain(
    "Cannot read the forwarding table: missing field `site`",
  );
  const wrong = table("a", keys);
  wrong.generation = "new";
  expect(await refusal(one, { do: "apply", table: wrong })).toContain("generation");
  await one.ask(apply());
});

test("a kernel interface that is not there", async () => {
  const { gateway: one } = await gateway();
  await one.ask({ do: "open" });
  expect(await refusal(one, { do: "apply", table: table("a", keys, { backend: "kernel" }) })).toBe(
    `Cannot open the sockets of uplink wan: there is no WireGuard interface ${INTERFACE}; ` +
      "it is made before the table",
  );
});

test("a library of another version, none, or something else", async () => {
  const { gateway: one } = await gateway();
  const library = `${folder}/other.so`;
  await Deno.writeTextFile(`${folder}/other.c`, "unsigned labelway_abi_version(void){return 999;}");
  await must("cc", "-shared", "-o", library, `${folder}/other.c`);
  expect(await refusal(one, { do: "open", library })).toMatch(
    new RegExp(
      "other\\.so: it was built from another source \\(version 000003e7 of the boundary, " +
        `this program's is ${ABI_VERSION.toString(16).padStart(8, "0")}\\); ` +
        "run `deno task native`, and where it is installed, install it again$",
    ),
  );
  expect(await refusal(one, { do: "open", library: `${folder}/missing.so` })).toMatch(
    /^Cannot load the native library .*missing\.so: .*; run `deno task native`$/s,
  );
  expect(await refusal(one, { do: "open", library: `${folder}/other.c` })).toContain(
    "Cannot load the native library",
  );
});

test("a socket that a dead process left is replaced, a living one's is not", async () => {
  const uapi = `${folder}/uapi`;
  const { gateway: first, namespace } = await gateway();
  await first.ask({ do: "open", folder: uapi });
  await first.ask(apply());
  const { gateway: second } = await gateway();
  await second.ask({ do: "open", folder: uapi });
  expect(await refusal(second, apply())).toBe(
    `Cannot listen on ${uapi}/${INTERFACE}.sock: another process serves this interface name; ` +
      "stop it first",
  );
  await first.kill();
  expect(await must("ls", uapi), "kill -9 leaves it").toContain(INTERFACE);
  expect(await must("ip", "-n", namespace, "-o", "link")).not.toContain(TUN);
  await second.ask(apply());
  await second.ask({ do: "close" });
  expect(await must("ls", uapi)).toBe("");
}, 15_000);
