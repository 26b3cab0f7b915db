import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { join } from "node:path";
import { failuresOf } from "../../../src/io/netlink.ts";
import { lineLog } from "../../../src/io/log.ts";
import { resolveName } from "../../../src/io/names.ts";
import { serviceManager } from "../../../src/io/notify.ts";
import { missingCapabilities } from "../../../src/io/privilege.ts";
import { serveTcp, serveUnix } from "../../../src/io/server.ts";
import { StateFolder } from "../../../src/io/state_folder.ts";

let folder = "";
beforeEach(async () => {
  folder = await Deno.makeTempDir({ prefix: "labelway-test-" });
});
afterEach(() => Deno.remove(folder, { recursive: true }));

const answer = () => new Response("here");

async function ask(path: string): Promise<string> {
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  return await (await fetch("http://localhost/", { client })).text();
}

describe("serveUnix", () => {
  test("only the owner can connect, and the folder is made for the owner alone", async () => {
    const path = join(folder, "run", "labelway.sock");
    const server = await serveUnix(path, answer);
    expect((await Deno.stat(path)).mode! & 0o777).toBe(0o600);
    expect((await Deno.stat(join(folder, "run"))).mode! & 0o777).toBe(0o700);
    expect(await ask(path)).toBe("here");
    await server.close();
    await expect(Deno.stat(path)).rejects.toThrow(Deno.errors.NotFound);
  });

  test("the socket of a process that was killed is replaced, a living one is not", async () => {
    const path = join(folder, "labelway.sock");
    const code = `Deno.listen({ transport: "unix", path: ${
      JSON.stringify(path)
    } }); Deno.kill(Deno.pid, "SIGKILL")`;
    await new Deno.Command(Deno.execPath(), { args: ["eval", code] }).output();
    expect((await Deno.lstat(path)).isSocket).toBe(true);
    const server = await serveUnix(path, answer);
    expect(await ask(path)).toBe("here");
    await expect(serveUnix(path, answer)).rejects.toThrow("another program answers there");
    expect(await ask(path)).toBe("here");
    await server.close();
  });
});

test("a TCP port in use says which, and how to choose another", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  expect(() => serveTcp("127.0.0.1", port, answer)).toThrow(
    `Cannot listen on 127.0.0.1:${port}: another program has the port; choose one by`,
  );
});

test("one router a state folder; the last good file outlives the process", async () => {
  const state = await StateFolder.open(join(folder, "state"));
  expect(await state.lastGood()).toBeNull();
  await state.remember("network: one\n");
  await state.remember("network: two\n");
  await expect(StateFolder.open(join(folder, "state"))).rejects.toThrow("another router uses");
  // Marks and tables are one router's, whatever its state folder.
  await expect(StateFolder.open(join(folder, "other"))).rejects.toThrow(
    "another router runs in this network namespace",
  );
  state.close();
  const again = await StateFolder.open(join(folder, "state"));
  expect(await again.lastGood()).toBe("network: two\n");
  again.close();
});

test("systemd hears about readiness over its datagram socket", () => {
  const libc = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
    close: { parameters: ["i32"], result: "i32" },
  });
  const path = join(folder, "notify");
  const address = new Uint8Array([1, 0, ...new TextEncoder().encode(path)]);
  const receiver = libc.symbols.socket(1, 2, 0);
  expect(libc.symbols.bind(receiver, address, address.length)).toBe(0);
  const environment: Record<string, string> = { NOTIFY_SOCKET: path, WATCHDOG_USEC: "30000000" };
  const manager = serviceManager((name) => environment[name]);
  expect(manager.watchdogMillis).toBe(15_000);
  manager.tell("READY=1\nSTATUS=Forwarding");
  const buffer = new Uint8Array(200);
  const dontWait = 0x40;
  const length = libc.symbols.recv(receiver, buffer, 200n, dontWait);
  expect(new TextDecoder().decode(buffer.subarray(0, Number(length))))
    .toBe("READY=1\nSTATUS=Forwarding");
  manager.close();
  libc.symbols.close(receiver);
  libc.close();
  expect(serviceManager(() => undefined).watchdogMillis).toBeNull();
});

test("what is missing of the capabilities is named", () => {
  const status = (mask: string) => `Name:\tdeno\nCapEff:\t${mask}\n`;
  expect(missingCapabilities(status("000001ffffffffff"))).toEqual([]);
  expect(missingCapabilities(status("0000000000001000"))).toEqual(["CAP_NET_RAW"]);
  expect(missingCapabilities(status("0000000000000000"))).toEqual([
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
  ]);
});

test("names of the hosts file resolve; others fail with the reason alone", async () => {
  expect(await resolveName("localhost")).toContain("127.0.0.1");
  await expect(resolveName("no-such-name.invalid")).rejects.toThrow(
    /^(no such name|no name server answers|no answer within 5 s)/,
  );
}, 10_000);

test("failures of a batch are those of their lines, and an absence is no failed removal", () => {
  const route = {
    family: 4 as const,
    table: 254,
    destination: "10.0.0.0/24",
    type: "unicast" as const,
    device: "lws1-office",
    gateway: null,
    metric: 0,
    protocol: 76,
  };
  const changes = [
    { kind: "route-add" as const, route },
    { kind: "route-remove" as const, route },
    { kind: "wireguard-add" as const, device: "lw-0-fibre" },
  ];
  const said = [
    "RTNETLINK answers: File exists",
    "Command failed -:1",
    "RTNETLINK answers: No such process",
    "Command failed -:2",
    "Error: Unknown device type.",
    "Command failed -:3",
  ].join("\n");
  expect(failuresOf(said, changes).map((failure) => failure.message)).toEqual([
    "Cannot add route 10.0.0.0/24 on lws1-office: File exists",
    "Cannot create the WireGuard interface lw-0-fibre: Unknown device type; " +
    "this kernel has no WireGuard (`--backend embedded` needs none)",
  ]);
});

test("lines of the log: for people, for a journal, for a program", () => {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  lineLog(write, "text", false)("warning", "it rains");
  lineLog(write, "text", true)("error", "one\ntwo");
  lineLog(write, "json", true)("info", "well");
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} warning: it rains$/);
  expect(lines.slice(1, 3)).toEqual(["<3>error: one", "<3>two"]);
  expect(JSON.parse(lines[3]!)).toMatchObject({ level: "info", message: "well" });
});
