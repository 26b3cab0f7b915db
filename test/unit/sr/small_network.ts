import type { Network, Policy, Site } from "../../../src/model/network.ts";
import { type SiteShape, toNetwork } from "../te/random_network.ts";

export const fibre = {
  number: 0,
  color: "internet",
  endpoint: true,
  metered: false,
  cost: 10,
  mtu: 1500,
};
export const lte = { number: 1, color: "lte", endpoint: true, metered: true, cost: 50, mtu: 1400 };
export const plain: SiteShape = { sid: 0, transit: true, uplinks: [fibre, lte], segments: [1, 2] };

/** Sites 1 to 3 with fibre and metered LTE; 2 is a hub; 4 is behind NAT and meets the hub alone. */
export function network(policies: Policy[] = [], changes: Partial<Network> = {}): Network {
  const shape = {
    sites: [
      { ...plain, sid: 1, transit: false },
      { ...plain, sid: 2, segments: [2] },
      { ...plain, sid: 3, transit: false },
      {
        sid: 4,
        transit: false,
        uplinks: [{ ...lte, color: "mpls", endpoint: false }],
        segments: [1],
      },
    ],
    meet: [["internet", "internet"], ["lte", "lte"]] as const,
    penultimate: "pop" as const,
    policies: [],
  };
  const base = toNetwork(shape);
  const hub = base.sites.find((site) => site.name === "site2")!;
  const dock = { ...hub.uplinks[0]!, name: "up2", number: 2, color: "dock", listenPort: 1 };
  const sites = base.sites.map((site) =>
    site === hub ? { ...hub, uplinks: [...hub.uplinks, dock] } as Site : site
  );
  const meet = [...base.meet, ["dock", "mpls"] as const];
  return { ...base, sites, meet, policies, ...changes };
}
