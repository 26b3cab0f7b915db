import { afterAll, beforeAll, expect, test } from "vitest";
import type { SiteUnderlay } from "../../../src/underlay/desired.ts";

const NAMESPACE = `lwt-netlink-${Deno.pid}`;

beforeAll(() => ip("netns", "add", NAMESPACE));
afterAll(() => ip("netns", "delete", NAMESPACE));

test(
  "what is planned is what the kernel has after it, and the removal leaves nothing",
  async () => {
    const found = await inNamespace(site(200));
    expect(found.quiet).toBe(true);
    expect(found.failures).toEqual([]);
    expect(found.again).toEqual([]);
    expect(found.during.rules).toEqual([4, 6].map((family) => ({
      family,
      priority: 19543,
      mark: 0x4c570000,
      table: 19543000,
    })));
    expect(found.alike).toBe(true);
    expect(found.noticed).toBe(true);
    expect(found.adjustment).toEqual(["route-replace"]);
    expect(found.gateway).toBe("192.0.2.9");
    expect(found.conflict).toEqual([expect.stringMatching(/^Cannot add route .*: File exists$/)]);
    expect(found.left).toEqual({ rules: [], routes: [] });
    expect(found.foreignRules).toEqual([{ family: 4, priority: 100, mark: 7, table: 7 }]);
    expect(found.settings).toEqual([]);
  },
  30_000,
);

function site(prefixes: number): SiteUnderlay {
  const remote = Array.from(
    { length: prefixes },
    (_, index) =>
      index % 2 === 0
        ? `10.${index >> 8}.${index & 255}.0/24`
        : `2001:db8:${index.toString(16)}::/48`,
  );
  return {
    uplinks: [{
      name: "fibre",
      number: 0,
      device: "eth0",
      interface: "lw-0-fibre",
      backend: "embedded",
      tunnelAddress: "100.96.0.8",
      mtu: 1500,
      gateway4: null,
      gateway6: "fe80::1",
      neighbours: ["100.96.0.16"],
    }],
    segments: [{
      name: "office",
      tun: "lws1-office",
      mtu: 1380,
      vrf: null,
      addresses: ["10.255.0.1/32", "fd00:ffff::1/128"],
      remote,
    }],
  };
}

// deno-lint-ignore no-explicit-any
async function inNamespace(underlay: SiteUnderlay): Promise<any> {
  const child = new URL("netlink_child.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command("ip", {
    args: [
      ...["netns", "exec", NAMESPACE, Deno.execPath(), "run", "-A", child],
      JSON.stringify(underlay),
    ],
  }).output();
  const text = new TextDecoder();
  expect(code, text.decode(stderr)).toBe(0);
  return JSON.parse(text.decode(stdout).trim().split("\n").at(-1)!);
}

async function ip(...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command("ip", { args }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
}
