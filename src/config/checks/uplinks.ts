/** Numbers, ports, keys and endpoints: whatever two uplinks or sites must not share. */

import { isIpv6 } from "../scalar.ts";
import type { Context } from "./context.ts";
import { type At, Unique } from "./context.ts";

export function checkUplinks(context: Context): void {
  const sids = new Unique<number>();
  const keys = new Unique<string>();
  const endpoints = new Unique<string>();

  for (const [siteName, site] of Object.entries(context.file.sites)) {
    const sitePath = ["sites", siteName];
    const sidOwner = sids.claim(site.sid, siteName);
    if (sidOwner !== undefined) {
      context.problem(
        [...sitePath, "sid"],
        `SID ${site.sid} is site ${sidOwner}'s already; each site needs its own`,
      );
    }
    const uplinks = Object.entries(site.uplinks);
    if (uplinks.length === 0 && context.intact([...sitePath, "uplinks"])) {
      context.problem([...sitePath, "uplinks"], `site ${siteName} has no uplink; needs 1 to 8`);
    }
    pair(context, [...sitePath, "loopback"], site.loopback, "loopback");

    const numbers = new Unique<number>();
    const ports = new Unique<number>();
    const devices = new Unique<string>();
    for (const [name, uplink] of uplinks) {
      const path = [...sitePath, "uplinks", name];
      const full = `${siteName}.${name}`;
      const unique = <Key>(set: Unique<Key>, key: Key, field: string, message: string, at?: At) => {
        const owner = set.claim(key, full);
        if (owner !== undefined) {
          context.problem([...path, field], message.replace("OWNER", owner), at);
        }
      };
      unique(
        numbers,
        uplink.number,
        "number",
        `number ${uplink.number} is OWNER's already; each uplink of a site needs its own, 0–7`,
      );
      unique(
        ports,
        uplink.port,
        "port",
        `port ${uplink.port} is OWNER's already; each uplink of a site needs its own UDP port`,
      );
      // Two next hops on one device are two ways out; one next hop is one.
      const wayOut = JSON.stringify([uplink.device, [...uplink.gateway ?? []].sort()]);
      const sameWay = devices.claim(wayOut, full);
      if (sameWay !== undefined) {
        context.warning(
          [...path, "device"],
          `${uplink.device} is ${sameWay}'s device too, by the same gateway: the two uplinks fail ` +
            "together; give each its own device or gateway",
        );
      }
      if (!uplink.public_key) {
        if (context.intact([...path, "public_key"])) {
          context.problem(
            path,
            `"public_key" of ${full} is missing; run: labelway keygen ${siteName} FILE`,
            "no-public-key",
          );
        }
      } else {
        unique(
          keys,
          uplink.public_key,
          "public_key",
          "this public key is OWNER's already; each uplink needs its own key pair " +
            `(labelway keygen ${siteName} FILE)`,
          "public-key",
        );
      }
      if (uplink.endpoint) {
        const { host, port = uplink.port } = uplink.endpoint;
        const where = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
        unique(
          endpoints,
          where,
          "endpoint",
          `endpoint ${where} is OWNER's already; each uplink needs its own address or port`,
        );
      }
      pair(context, [...path, "gateway"], uplink.gateway, "gateway");
    }
  }
}

/** At most one address of each family. */
function pair(
  context: Context,
  path: string[],
  addresses: readonly string[] | undefined,
  what: string,
): void {
  const families = new Unique<boolean>();
  for (const [index, address] of (addresses ?? []).entries()) {
    const first = families.claim(isIpv6(address), address);
    if (first === undefined) continue;
    context.problem(
      [...path, index] as string[],
      `${address} is a second ${isIpv6(address) ? "IPv6" : "IPv4"} ${what} beside ${first}; ` +
        "needs at most one IPv4 and one IPv6 address",
    );
  }
}
