/** What a router would do to the system, one step a value, with the words for it. */

import type { PublicKey } from "../model/quantity.ts";
import { type DeviceAddress, MAIN_TABLE, type Route, type Rule } from "./host.ts";

export type HostChange =
  /** The engine makes and removes the devices of segments; listed so that a plan is complete. */
  | { readonly kind: "tun-add" | "tun-remove"; readonly device: string }
  | { readonly kind: "wireguard-add" | "wireguard-remove"; readonly device: string }
  | {
    readonly kind: "link-set";
    readonly device: string;
    readonly up?: true;
    readonly mtu?: number;
    /** Null: out of the device that it belongs to. */
    readonly master?: string | null;
  }
  | { readonly kind: "address-add" | "address-remove"; readonly address: DeviceAddress }
  | { readonly kind: "rule-add" | "rule-remove"; readonly rule: Rule }
  /** `route-replace`: the kernel has one of the same key that differs. */
  | { readonly kind: "route-add" | "route-replace" | "route-remove"; readonly route: Route }
  | {
    readonly kind: "setting";
    readonly path: string;
    readonly from: string | null;
    readonly to: string;
  };

export type WireguardChange =
  & { readonly interface: string }
  & (
    | { readonly kind: "key"; readonly from: PublicKey | null; readonly to: PublicKey }
    | { readonly kind: "port"; readonly from: number; readonly to: number }
    | { readonly kind: "mark"; readonly from: number | null; readonly to: number }
    | { readonly kind: "peer-add"; readonly peer: PublicKey; readonly endpoint: string | null }
    | { readonly kind: "peer-remove"; readonly peer: PublicKey }
    | {
      readonly kind: "peer-endpoint";
      readonly peer: PublicKey;
      readonly from: string | null;
      readonly to: string;
    }
    | {
      readonly kind: "peer-allowed-ips";
      readonly peer: PublicKey;
      readonly from: readonly string[];
      readonly to: readonly string[];
    }
    | {
      readonly kind: "peer-keepalive";
      readonly peer: PublicKey;
      readonly from: number | null;
      readonly to: number | null;
    }
  );

/** One line for a person. `nameOf` tells whose key it is. */
export function describeWireguard(
  change: WireguardChange,
  nameOf: (key: PublicKey) => string,
): string {
  const at = change.interface;
  switch (change.kind) {
    case "key":
      return change.from === null
        ? `${at}: set the private key (public key ${change.to})`
        : `${at}: change the private key (public key ${change.from} → ${change.to})`;
    case "port":
      return `${at}: listen on UDP port ${change.to}${
        change.from ? ` instead of ${change.from}` : ""
      }`;
    case "mark":
      return `${at}: send with firewall mark ${hex(change.to)}`;
    case "peer-add":
      return `${at}: add peer ${nameOf(change.peer)} at ${
        change.endpoint ?? "an address it will tell"
      }`;
    case "peer-remove":
      return `${at}: remove peer ${nameOf(change.peer)}`;
    case "peer-endpoint":
      return `${at}: move peer ${nameOf(change.peer)} from ${
        change.from ?? "no address"
      } to ${change.to}`;
    case "peer-allowed-ips":
      return `${at}: peer ${nameOf(change.peer)} may send from ${change.to.join(", ")}`;
    case "peer-keepalive":
      return change.to === null
        ? `${at}: no keepalive to ${nameOf(change.peer)}`
        : `${at}: keepalive to ${nameOf(change.peer)} every ${change.to} s`;
  }
}

export function describeHost(change: HostChange): string {
  switch (change.kind) {
    case "tun-add":
      return `create the segment's device ${change.device}`;
    case "tun-remove":
      return `remove the segment's device ${change.device}`;
    case "wireguard-add":
      return `create the WireGuard interface ${change.device}`;
    case "wireguard-remove":
      return `remove the WireGuard interface ${change.device}`;
    case "link-set": {
      const parts = [
        ...(change.mtu === undefined ? [] : [`MTU ${change.mtu}`]),
        ...(change.master === undefined
          ? []
          : [change.master === null ? "out of its VRF" : `in VRF ${change.master}`]),
        ...(change.up ? ["up"] : []),
      ];
      return `set ${change.device} ${parts.join(", ")}`;
    }
    case "address-add":
      return `add address ${change.address.address} to ${change.address.device}`;
    case "address-remove":
      return `remove address ${change.address.address} from ${change.address.device}`;
    case "rule-add":
      return `add rule: ${describeRule(change.rule)}`;
    case "rule-remove":
      return `remove rule: ${describeRule(change.rule)}`;
    case "route-add":
      return `add route ${describeRoute(change.route)}`;
    case "route-replace":
      return `replace route ${describeRoute(change.route)}`;
    case "route-remove":
      return `remove route ${describeRoute(change.route)}`;
    case "setting":
      return `set ${change.path.replaceAll("/", ".")} to ${change.to} (is ${
        change.from ?? "unset"
      })`;
  }
}

function describeRule({ family, mark, table }: Rule): string {
  return `IPv${family} packets marked ${hex(mark)} use table ${table}`;
}

function describeRoute(route: Route): string {
  const way = route.type === "unreachable"
    ? "unreachable"
    : `${route.gateway === null ? "" : `by ${route.gateway} `}on ${route.device}`;
  return `${route.destination} ${way}${
    route.table === MAIN_TABLE ? "" : ` in table ${route.table}`
  }`;
}

function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}
