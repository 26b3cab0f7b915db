/** The shape of policies, SLO classes and applications; see `schema.ts` for how errors are worded. */

import { z } from "zod";
import { BUILT_IN_APPLICATIONS } from "./applications.ts";
import { BUILT_IN_CLASSES } from "./classes.ts";
import * as own from "./policy_scalar.ts";
import * as scalar from "./scalar.ts";
import {
  flag,
  keys,
  leaf,
  list,
  name,
  oneOf,
  oneOrMany,
  oneOrManyNumbers,
  whole,
} from "./shapes.ts";

const PORTS = "ports, e.g. [5060, 10000-20000]";
const DSCPS = "a DSCP or a list of them, e.g. ef or [ef, cs5]";
const PROTOCOL = "an IP protocol or a list of them, e.g. udp or [tcp, udp]";

const ports = oneOrManyNumbers(PORTS, scalar.parsePorts).optional();
const dscp = oneOrManyNumbers(DSCPS, scalar.parseDscp).optional().describe(
  "0–63, or ef, va, le, be, cs0–cs7, af11–af43; one, or a list of which any matches.",
);
const protocol = oneOrManyNumbers(PROTOCOL, scalar.parseProtocol).optional().describe(
  "0–255, or tcp, udp, sctp, icmp, icmpv6, gre, esp, ah, ospf, igmp; one, or a list of which any " +
    "matches.",
);
const place = (what: string) =>
  oneOrMany("a prefix or the name of a site, or a list of them", own.parsePlace).optional()
    .describe(what);

const term = keys({
  protocol,
  ports: ports.describe(
    "Ports of the server: the destination on the way to it, the source on the way back.",
  ),
  dscp,
  servers: oneOrMany("a prefix or a list of prefixes, e.g. [10.2.3.0/24]", scalar.parsePrefix)
    .optional().describe("Addresses of the server."),
});

export const application = z.union([term, z.array(term)], {
  error: () => "what its packets show, e.g. { protocol: tcp, ports: 8443 }, or a list of such",
}).transform((value) => Array.isArray(value) ? value : [value]);

const time = keys({
  zone: leaf("a time zone, e.g. Europe/Lisbon", own.parseZone).describe(
    "IANA name of the time zone, e.g. Europe/Lisbon: its clock on the wall counts.",
  ),
  days: oneOrMany("days, e.g. mon-fri or [mon, sat-sun]", own.parseDays).optional().describe(
    "Days and ranges of days, mon to sun. Default: every day.",
  ),
  hours: oneOrMany("hours, e.g. 08:00-18:00, or a list of such", own.parseHours).optional()
    .describe(
      "From, until (no longer), e.g. 08:00-18:00; 22:00-06:00 goes on into the next day. Default: " +
        "the whole day.",
    ),
});

const match = keys({
  segment: name.optional().describe("Name of a segment."),
  source: place("Where it comes from: prefixes (of one packet's family), or sites by name."),
  destination: place("Where it goes: prefixes, or sites by name."),
  application: oneOrMany(
    "the name of an application, or a list of names, e.g. voip",
    scalar.parseName,
  ).optional().describe(
    `Traffic of any of these: ${Object.keys(BUILT_IN_APPLICATIONS).join(", ")}, or of your own ` +
      "under `applications`.",
  ).meta({ examples: Object.keys(BUILT_IN_APPLICATIONS) }),
  dscp,
  protocol,
  ports: ports.describe(
    "Destination ports: one, a range 10000-20000, or a list of both; TCP, UDP and SCTP only.",
  ),
  source_ports: ports.describe("Source ports, written as `ports` are."),
  time: time.optional().describe("When it matches: days and hours in a time zone."),
});

const sites = list(name, "a list of sites, e.g. [hub]").default([]);
const colors = list(name, "a list of colors, e.g. [lte]").default([]);
const avoid = keys({
  sites: sites.describe("Sites that the path does not pass."),
  colors: colors.describe("Colors that no hop uses."),
}).optional().describe("What a computed path keeps away from.");
const require = keys({
  sites: sites.describe("Sites that the path passes, in any order."),
  colors: colors.describe("Every hop uses these colors only."),
}).optional().describe("What a computed path keeps to.");
const prefer = keys({
  sites: sites.describe("Paths that pass all these sites come first."),
  colors: colors.describe("Paths that use these colors only come first."),
}).optional().describe("Which computed paths come first; the others follow, metered ones last.");
const hops = list(
  leaf("one hop, e.g. lisbon.fibre > hub.fibre", scalar.parseHop),
  "a list of hops, e.g. [lisbon.fibre > hub.fibre, hub.fibre > porto.lte]",
).optional().describe(
  "Exactly these hops, each as SITE.UPLINK > SITE.UPLINK; applies at its first site, to traffic " +
    "for its last.",
);
const via = list(name, "a list of sites, e.g. [hub]").optional().describe(
  "Through these sites, in this order; the router chooses the uplinks.",
);

const step = z.union([
  oneOf(["computed", "drop"]),
  keys({ path: hops, via, avoid, require, prefer }),
], {
  error: () => "computed, drop, or a way: { via: [hub] }, { require: { colors: [mpls] } }",
});
const otherwise = z.union([oneOf(["computed", "drop"]), z.array(step)], {
  error: () => "computed or drop, or a list of ways, e.g. [{ via: [hub] }, computed]",
}).optional().describe(
  "When no path so far is up: computed paths, nothing (drop), or a list of ways in their order.",
);

const objective = oneOf(["cost", "latency", "loss", "jitter", "throughput"]).optional().describe(
  "What makes one path better than another, of those that meet the SLO alike.",
);

const latency = leaf("a time with its unit, e.g. 150ms", own.parseLatency).optional();
const slo = keys({
  latency: latency.describe("Round trip, at most, with its unit: 150ms."),
  jitter: latency.describe("Mean difference of successive round trips, at most: 30ms."),
  loss: leaf("a share, e.g. 1%", (text) => own.parseShare(text, 100)).optional().describe(
    "Share of packets lost in the worse direction, at most: 1%.",
  ),
  bandwidth: leaf("a rate with its unit, e.g. 10 Mbit/s", scalar.parseBandwidth).optional()
    .describe("Rate that the path carries, at least: 10 Mbit/s."),
}).optional().describe("What a path has to keep to; one that does not comes after those that do.");

type Limit = readonly [millis: number, text: string];
const span = (least: Limit, most: Limit) =>
  leaf("a time with its unit, e.g. 10s", (text) => own.parseSpan(text, least, most)).optional();
const penalty = whole(1, 1_000_000).optional();

export const sloClass = keys({
  objective,
  slo,
  flows: oneOf(["better", "broken"]).optional().describe(
    "When flows that have a path move to another: when that has been better for the hold time, " +
      "or only when their own is broken.",
  ),
  leave: span([1_000, "1s"], [10_000, "10s"]).describe(
    "A path is judged bad by what was measured in so long, 1s–10s.",
  ),
  return: span([10_000, "10s"], [600_000, "10min"]).describe(
    "A path that was bad is judged good again by what was measured in so long, 10s–10min.",
  ),
  margin: leaf("a share, e.g. 10%", (text) => own.parseShare(text, 90)).optional().describe(
    "By how much another path must be better than the present one, 0%–90% …",
  ),
  hold: span([0, "0s"], [600_000, "10min"]).describe("… for how long without a break, 0s–10min."),
  stay: span([0, "0s"], [3_600_000, "1h"]).describe(
    "So long a path stays in use once chosen, unless it breaks its SLO or dies, 0s–1h.",
  ),
  flap: keys({
    penalty: penalty.describe("Added each time that a path dies or breaks its SLO."),
    suppress: penalty.describe("From this penalty on the path is not used while another is up …"),
    reuse: penalty.describe("… until the penalty has fallen to this."),
    half_life: span([1_000, "1s"], [3_600_000, "1h"]).describe("In so long a penalty halves."),
    maximum: span([1_000, "1s"], [86_400_000, "24h"]).describe("No path is suppressed for longer."),
  }).optional().describe("Damping of paths that keep failing (after RFC 2439)."),
});

export const policy = keys({
  name: name.describe("Name of the policy, its own."),
  match: match.prefault({}).describe(
    "Which traffic; every key that is given must match, no key matches everything.",
  ),
  class: name.optional().describe(
    `SLO class: ${Object.keys(BUILT_IN_CLASSES).join(", ")}, or of your own under \`classes\`.`,
  ).meta({ examples: Object.keys(BUILT_IN_CLASSES) }),
  objective,
  slo: slo.describe("What this policy wants beside or in place of what its class does."),
  path: hops,
  via,
  prefer,
  require,
  avoid,
  disjoint_from: name.optional().describe(
    "A policy from whose path this one keeps away: it shares the fewest uplinks, risks and sites " +
      "with it.",
  ),
  balance: flag.optional().describe(
    "true: paths that are as good as the best share the flows, by the rates of their uplinks.",
  ),
  otherwise,
  action: oneOf(["drop"]).optional().describe("drop: the traffic goes nowhere."),
});
