import type { Host, Link } from "../../src/underlay/host.ts";

/** Two uplinks with a gateway each, and what somebody else has set up. */
export function machine(): Host {
  return {
    links: [link("eth0", null, 1500), link("eth1", null, 1500)],
    addresses: [
      { device: "eth0", address: "192.0.2.10/24" },
      { device: "eth1", address: "198.51.100.10/24" },
    ],
    rules: [],
    routes: [
      connected("eth0"),
      connected("eth1"),
      route("eth0", "0.0.0.0/0", "192.0.2.1"),
      { ...route("eth1", "0.0.0.0/0", "198.51.100.1"), metric: 100 },
    ],
    settings: [
      { path: "net/ipv4/ip_forward", value: "0" },
      { path: "net/ipv4/conf/all/rp_filter", value: "0" },
      { path: "net/ipv4/conf/default/rp_filter", value: "0" },
      { path: "net/ipv4/conf/eth0/rp_filter", value: "1" },
    ],
  };
}

export function link(name: string, kind: string | null, mtu: number): Link {
  return { name, kind, mtu, up: true, master: null, pointToPoint: kind === "tun", vrfTable: null };
}

export function connected(device: string) {
  const destination = device === "eth0" ? "192.0.2.0/24" : "198.51.100.0/24";
  return { ...route(device, destination, null), protocol: 2 };
}

export function route(device: string, destination: string, gateway: string | null) {
  return {
    family: 4 as const,
    table: 254,
    destination,
    type: "unicast" as const,
    device,
    gateway,
    metric: 0,
    protocol: 3,
  };
}
