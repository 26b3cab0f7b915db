import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  EMPTY_HOST,
  type Host,
  type Link,
  ours,
  type Route,
  routeKey,
} from "../../../src/underlay/host.ts";
import { planHost } from "../../../src/underlay/host_plan.ts";
import { applied } from "./kernel_model.ts";

const DEVICES = ["lw-0-fibre", "lw-1-lte", "lws1-office", "lws2-voice"];

const links: fc.Arbitrary<Link[]> = fc.subarray(DEVICES).chain((names) =>
  fc.tuple(...names.map((name) =>
    fc.record({
      name: fc.constant(name),
      kind: name.startsWith("lws") ? fc.constant("tun") : fc.constantFrom("wireguard", "tun"),
      mtu: fc.constantFrom(1380, 1420),
      up: fc.boolean(),
      master: fc.constantFrom(null, "vrf-a"),
      pointToPoint: fc.constant(true),
      vrfTable: fc.constant(null),
    })
  ))
);

const route = (devices: string[]): fc.Arbitrary<Route> =>
  fc.record({
    family: fc.constant(4 as const),
    table: fc.constantFrom(254, 19543000, 19543001, 10),
    destination: fc.constantFrom("0.0.0.0/0", "10.1.0.0/24", "10.2.0.0/24"),
    type: fc.constant("unicast" as const),
    device: fc.constantFrom(...devices),
    gateway: fc.constantFrom(null, "192.0.2.1", "192.0.2.2"),
    metric: fc.constantFrom(0, 1, 2),
    protocol: fc.constantFrom(76, 76, 76, 3),
  });

/** A state that a kernel can be in: addresses and routes only over devices that are there. */
const host = (foreign: boolean): fc.Arbitrary<Host> =>
  links.chain((present) => {
    const devices = ["eth0", "eth1", ...present.map((link) => link.name)];
    const own = present.map((link) => link.name);
    return fc.record({
      links: fc.constant(present),
      addresses: own.length === 0 ? fc.constant([]) : fc.uniqueArray(
        fc.record({
          device: fc.constantFrom(...own),
          address: fc.constantFrom("10.255.0.1/32", "100.96.0.8/32", "2001:db8::1/128"),
        }),
        { selector: (one) => `${one.device} ${one.address}` },
      ),
      rules: fc.uniqueArray(
        fc.record({
          family: fc.constantFrom(4 as const, 6 as const),
          priority: fc.constantFrom(19543, ...(foreign ? [100] : [])),
          mark: fc.constantFrom(0x4c570000, 0x4c570001, ...(foreign ? [7] : [])),
          table: fc.constantFrom(19543000, 19543001),
        }),
        { selector: (one) => JSON.stringify(one) },
      ),
      routes: fc.uniqueArray(
        foreign ? route(devices) : route(devices).map((one) => ({ ...one, protocol: 76 })),
        { selector: routeKey },
      ),
      settings: fc.subarray(["net/ipv4/ip_forward", "net/ipv4/conf/eth0/rp_filter"]).map((paths) =>
        paths.map((path) => ({ path, value: foreign ? "0" : "1" }))
      ),
    });
  });

function sorted(host: Host) {
  const order = <Item>(items: readonly Item[]) =>
    items.map((item) => JSON.stringify(item, keys(item))).sort();
  const keys = (item: unknown) => Object.keys(item as object).sort();
  return {
    links: order(host.links.map(({ name, mtu, master }) => ({ name, mtu, master }))),
    addresses: order(host.addresses),
    rules: order(host.rules),
    routes: order(host.routes),
  };
}

/** Foreign routes that stand in the way of ours are the operator's business, not the plan's. */
function withoutConflicts(actual: Host, desired: Host): Host {
  const wanted = new Set(desired.routes.map(routeKey));
  const own = new Set(ours(actual).routes);
  return {
    ...actual,
    routes: actual.routes.filter((one) => own.has(one) || !wanted.has(routeKey(one))),
  };
}

describe("planHost", () => {
  test("leads from any state to the desired one and touches nobody else's", () => {
    fc.assert(
      fc.property(host(false), host(true), (desired, found) => {
        const actual = withoutConflicts(found, desired);
        const after = applied(actual, planHost(desired, actual));
        // A userspace WireGuard stays, without anything of ours.
        const staying = after.links.filter((link) =>
          link.name.startsWith("lw-") && link.kind === "tun" &&
          !desired.links.some((one) => one.name === link.name)
        );
        const left = { ...after, links: after.links.filter((link) => !staying.includes(link)) };
        expect(sorted(ours(left))).toEqual(sorted(ours(desired)));
        const foreign = (state: Host) => ({
          rules: state.rules.filter((one) => !ours(state).rules.includes(one)),
          // What hung on a device of ours goes with it.
          routes: state.routes.filter((one) =>
            !ours(state).routes.includes(one) && one.device!.startsWith("eth")
          ),
        });
        expect(foreign(after)).toEqual(foreign(actual));
        for (const link of desired.links) {
          if (link.up) expect(after.links.find((one) => one.name === link.name)!.up).toBe(true);
        }
        expect(planHost(desired, after)).toEqual([]);
      }),
    );
  });

  test("finds nothing to do where everything is as wanted", () => {
    fc.assert(fc.property(host(false), (state) => {
      expect(planHost(state, state)).toEqual([]);
    }));
  });

  test("a userspace WireGuard under our name is used, never removed", () => {
    const link: Link = {
      name: "lw-0-fibre",
      kind: "tun",
      mtu: 1420,
      up: true,
      master: null,
      pointToPoint: true,
      vrfTable: null,
    };
    expect(planHost(EMPTY_HOST, { ...EMPTY_HOST, links: [link] })).toEqual([]);
  });
});
