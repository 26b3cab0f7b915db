/** What a kernel makes of changes, in a few lines: the yardstick for plans. */

import { expect } from "vitest";
import type { HostChange } from "../../../src/underlay/change.ts";
import { type Host, routeKey } from "../../../src/underlay/host.ts";

/** A small kernel: refuses what a kernel refuses, and drops with a device what hangs on it. */
export function applied(before: Host, changes: readonly HostChange[]): Host {
  let { links, addresses, rules, routes, settings } = before;
  const isThere = (device: string | null) =>
    device === null || device.startsWith("eth") || links.some((link) => link.name === device);
  for (const change of changes) {
    switch (change.kind) {
      case "tun-add":
      case "wireguard-add":
        expect(isThere(change.device)).toBe(false);
        links = [...links, {
          name: change.device,
          kind: change.kind === "tun-add" ? "tun" : "wireguard",
          mtu: 1500,
          up: false,
          master: null,
          pointToPoint: true,
          vrfTable: null,
        }];
        break;
      case "tun-remove":
      case "wireguard-remove":
        expect(isThere(change.device)).toBe(true);
        links = links.filter((link) => link.name !== change.device);
        addresses = addresses.filter((one) => one.device !== change.device);
        routes = routes.filter((one) => one.device !== change.device);
        break;
      case "link-set":
        expect(isThere(change.device)).toBe(true);
        links = links.map((link) =>
          link.name !== change.device ? link : {
            ...link,
            mtu: change.mtu ?? link.mtu,
            up: change.up ?? link.up,
            master: change.master === undefined ? link.master : change.master,
          }
        );
        break;
      case "address-add":
        expect(isThere(change.address.device)).toBe(true);
        addresses = [...addresses, change.address];
        break;
      case "address-remove":
        addresses = addresses.filter((one) =>
          JSON.stringify(one) !== JSON.stringify(change.address)
        );
        break;
      case "rule-add":
        rules = [...rules, change.rule];
        break;
      case "rule-remove":
        rules = rules.filter((one) => JSON.stringify(one) !== JSON.stringify(change.rule));
        break;
      case "route-add":
        expect(routes.some((one) => routeKey(one) === routeKey(change.route))).toBe(false);
        expect(isThere(change.route.device)).toBe(true);
        routes = [...routes, change.route];
        break;
      case "route-replace":
        expect(isThere(change.route.device)).toBe(true);
        routes = [
          ...routes.filter((one) => routeKey(one) !== routeKey(change.route)),
          change.route,
        ];
        break;
      case "route-remove":
        expect(routes.some((one) => routeKey(one) === routeKey(change.route))).toBe(true);
        routes = routes.filter((one) => routeKey(one) !== routeKey(change.route));
        break;
      case "setting":
        settings = [
          ...settings.filter((one) => one.path !== change.path),
          { path: change.path, value: change.to },
        ];
        break;
    }
  }
  return { links, addresses, rules, routes, settings };
}
