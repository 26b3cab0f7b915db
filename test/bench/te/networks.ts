/** Networks to compute paths for: by shape and size, always the same. */

import { DEFAULT_CLASS } from "../../../src/config/classes.ts";
import type { Network, Site, Uplink } from "../../../src/model/network.ts";
import type {
  Generation,
  Prefix,
  PublicKey,
  SegmentNumber,
  Sid,
  UplinkNumber,
} from "../../../src/model/quantity.ts";

interface UplinkShape {
  readonly color: string;
  readonly cost: number;
  readonly endpoint: boolean;
}

interface SiteShape {
  readonly transit: boolean;
  readonly uplinks: readonly UplinkShape[];
}

/** `hubs` with fibre and LTE, which meet everybody; branches with both behind NAT meet only them. */
export function hubAndSpoke(sites: number, hubs: number): Network {
  const draw = random(7);
  return toNetwork(
    `hub-and-spoke-${hubs}`,
    Array.from({ length: sites }, (_, index) => ({
      transit: index < hubs,
      uplinks: [
        { color: "fibre", cost: 5 + Math.floor(draw() * 20), endpoint: index < hubs },
        { color: "lte", cost: 40 + Math.floor(draw() * 20), endpoint: index < hubs },
      ],
    })),
    [["fibre", "fibre"], ["lte", "lte"]],
  );
}

/** Regions whose sites meet each other, with two transit sites each, which all meet each other. */
export function regions(sites: number, count: number): Network {
  const draw = random(11);
  const colors = Array.from({ length: count }, (_, index) => `region-${index}`);
  return toNetwork(
    `regions-${count}`,
    Array.from({ length: sites }, (_, index) => {
      const local = { color: colors[index % count]!, cost: 5 + Math.floor(draw() * 20) };
      const transit = index < 2 * count;
      const core = { color: "core", cost: 10 + Math.floor(draw() * 30), endpoint: true };
      return {
        transit,
        uplinks: [{ ...local, endpoint: true }, ...(transit ? [core] : [])],
      };
    }),
    [...colors, "core"].map((color) => [color, color]),
  );
}

/** Everybody meets everybody over one uplink; four sites may transit. */
export function fullMesh(sites: number): Network {
  const draw = random(13);
  return toNetwork(
    "full-mesh",
    Array.from({ length: sites }, (_, index) => ({
      transit: index < 4,
      uplinks: [{ color: "internet", cost: 5 + Math.floor(draw() * 40), endpoint: true }],
    })),
    [["internet", "internet"]],
  );
}

/** Every site may transit and has `degree` neighbours or a few more, like a carrier's backbone. */
export function backbone(sites: number, degree: number): Network {
  const draw = random(17);
  const links: [number, number][] = [];
  for (let site = 1; site < sites; site++) links.push([Math.floor(draw() * site), site]);
  while (links.length * 2 < sites * degree) {
    const [a, b] = [Math.floor(draw() * sites), Math.floor(draw() * sites)];
    if (a !== b) links.push([a, b]);
  }
  return fromLinks(
    `backbone-${degree}`,
    sites,
    links.map(([a, b]) => ({ a, b, cost: 1 + Math.floor(draw() * 100) })),
  );
}

export interface Link {
  readonly a: number;
  readonly b: number;
  readonly cost: number;
}

/** Each link by an uplink of its own, while a site has some left; then links share the last one. */
export function fromLinks(name: string, sites: number, links: readonly Link[]): Network {
  const uplinks: UplinkShape[][] = Array.from({ length: sites }, () => []);
  const meet: [string, string][] = [];
  for (const { a, b, cost } of links) {
    const ends = [a, b].map((site) => {
      const own = uplinks[site]!;
      if (own.length < 8) {
        own.push({ color: `s${site}-${own.length}`, cost, endpoint: true });
      }
      return own.at(-1)!.color;
    });
    meet.push([ends[0]!, ends[1]!]);
  }
  const shapes = uplinks.map((own) => ({
    transit: true,
    uplinks: own.length > 0 ? own : [{ color: "alone", cost: 1, endpoint: true }],
  }));
  return toNetwork(name, shapes, meet);
}

function toNetwork(
  name: string,
  shapes: readonly SiteShape[],
  meet: readonly (readonly [string, string])[],
): Network {
  const sites = shapes.map((shape, index): Site => ({
    name: `site${index + 1}`,
    sid: index + 1 as Sid,
    transit: shape.transit,
    uplinks: shape.uplinks.map((uplink, number): Uplink => ({
      name: `up${number}`,
      number: number as UplinkNumber,
      color: uplink.color,
      device: `eth${number}`,
      listenPort: 51820 + number,
      ...(uplink.endpoint ? { endpoint: { host: "192.0.2.1", port: 51820 } } : {}),
      publicKey: "" as PublicKey,
      metered: false,
      cost: uplink.cost,
      mtu: 1500,
    })),
  }));
  return {
    name,
    generation: "0000000000000001" as Generation,
    blocks: {
      srgb: { base: 16000, size: 8000 },
      services: { base: 28000, size: 4000 },
      srlb: { base: 100000, size: 512000 },
    },
    tunnels: "100.96.0.0/12" as Prefix,
    ttl: "pipe",
    penultimate: "pop",
    bfd: { intervalMillis: 50, multiplier: 3 },
    rollout: { holdMillis: 30_000 },
    probe: { intervalMillis: 100, downAfter: 5, upAfter: 10, authentication: "none" },
    backend: "embedded",
    api: { port: 7635 },
    meet,
    sites,
    segments: [{
      name: "office",
      number: 1 as SegmentNumber,
      lans: sites.map((site) => ({
        site: site.name,
        prefixes: [`10.${site.sid >> 8}.${site.sid & 255}.0/24` as Prefix],
      })),
    }],
    policies: [],
    defaultClass: DEFAULT_CLASS,
  };
}

/** Evenly from 0 to 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
