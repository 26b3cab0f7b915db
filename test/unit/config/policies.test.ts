/** The grammar of policies: what is short, what it comes to, and what is said of mistakes. */

import { describe, expect, test } from "vitest";
import { formatProblem, parseNetwork } from "../../../src/config/mod.ts";
import { BUILT_IN_CLASSES } from "../../../src/config/classes.ts";
import type { Policy } from "../../../src/model/network.ts";
import { NETWORK } from "./network_text.ts";

/** Lines of the small network; what follows begins at line 20. */
const LINES = NETWORK.split("\n").length;

function said(text: string): string[] {
  const { problems = [], warnings } = parseNetwork(`${NETWORK}${text}\n`, "f");
  const told = (one: { line: number; column: number; message: string }, mark: string) =>
    `${one.line - LINES + 1}:${one.column} ${mark}${one.message}`;
  return [
    ...problems.map((one) => told(one, "")),
    ...warnings.map((one) => told(one, "warning: ")),
  ];
}

function only(text: string): Policy {
  const { network, problems } = parseNetwork(`${NETWORK}${text}\n`, "f");
  expect((problems ?? []).map(formatProblem)).toEqual([]);
  return network!.policies.at(-1)!;
}

describe("a policy", () => {
  test("is three lines at first", () => {
    const calls = only(`policies:
  - name: calls
    match: { application: voip }
    class: voice`);
    expect(calls.class).toEqual(BUILT_IN_CLASSES["voice"]);
    expect(calls.match.applications.map(({ name }) => name)).toEqual(["voip"]);
    expect(calls.steps.map(({ kind }) => kind)).toEqual(["computed"]);
  });

  test("says everything there is to say", () => {
    const erp = only(`applications:
  erp: { protocol: tcp, ports: [3200-3299, 8443], servers: 10.2.0.0/28 }
classes:
  trading: { objective: latency, slo: { latency: 20ms, jitter: 500us, loss: 0.1% }, hold: 2s }
  default: { margin: 25%, flows: broken, flap: { half_life: 2min } }
policies:
  - name: other
    match: { ports: 22 }
    via: [porto]
  - name: erp
    match:
      application: [erp, sap]
      source: [lisbon, 10.1.0.0/16]
      destination: porto
      dscp: [ef, 8]
      protocol: [udp, tcp]
      time: { zone: Europe/Lisbon, days: [mon-wed, sun], hours: [22:00-06:00, 08:00-12:30] }
    class: trading
    slo: { bandwidth: 10 Mbit/s, latency: 0.03 s }
    prefer: { colors: [internet] }
    avoid: { colors: [lte] }
    disjoint_from: other
    otherwise:
      - { via: [porto] }
      - { require: { colors: [lte] } }
      - drop`);
    expect(erp.match).toMatchObject({
      sources: [{ site: "lisbon" }, { prefix: "10.1.0.0/16" }],
      destinations: [{ site: "porto" }],
      dscps: [8, 46],
      protocols: [6, 17],
      time: { zone: "Europe/Lisbon", days: [1, 2, 3, 7], hours: [[480, 750], [1320, 360]] },
    });
    expect(erp.match.applications[0]).toEqual({
      name: "erp",
      terms: [{
        protocols: [6],
        dscps: [],
        ports: [[3200, 3299], [8443, 8443]],
        servers: ["10.2.0.0/28"],
      }],
    });
    expect(erp.class).toMatchObject({
      name: "trading",
      objective: "latency",
      slo: {
        latencyMicros: 30_000,
        jitterMicros: 500,
        loss: 0.001,
        bandwidthBitsPerSecond: 10_000_000,
      },
      // What `default` says holds for the file's own classes, too.
      timers: { holdMillis: 2_000, marginShare: 0.25, flap: { halfLifeMillis: 120_000 } },
      move: "broken",
    });
    expect(erp.disjointFrom).toBe("other");
    expect(erp.steps).toMatchObject([
      { kind: "computed", constraints: { avoidColors: ["lte"] }, prefer: { colors: ["internet"] } },
      { kind: "via", sites: ["porto"] },
      { kind: "computed", constraints: { requireColors: ["lte"] } },
    ]);
  });

  test("of before means what it meant", () => {
    const kinds = (text: string) => only(`policies: [${text}]`).steps.map(({ kind }) => kind);
    expect(kinds("{ name: a, action: drop }")).toEqual([]);
    expect(kinds("{ name: a, via: [porto] }")).toEqual(["via", "computed"]);
    expect(kinds("{ name: a, via: [porto], otherwise: drop }")).toEqual(["via"]);
    expect(kinds("{ name: a, avoid: { colors: [lte] } }")).toEqual(["computed"]);
    expect(kinds("{ name: a, path: [lisbon.fibre > porto.fibre], otherwise: computed }")).toEqual([
      "explicit",
      "computed",
    ]);
  });
});

describe("mistakes", () => {
  test.each([
    [
      "an application",
      "- { name: a, match: { application: viop }, class: voice }",
      '2:36 unknown application "viop". Did you mean "voip"? (known: bacula, bulk, citrix, ' +
      "conferencing, dhcp, dns, ftp, ipsec, kerberos, ldap and 24 more)",
    ],
    [
      "a class",
      "- { name: a, class: voise }",
      '2:21 unknown class "voise". Did you mean "voice"? (known: bulk, default, interactive, ' +
      "video, voice)",
    ],
    [
      "a site as the source",
      "- { name: a, match: { source: [10.1.0.0/24, lisboa] }, via: [porto] }",
      '2:45 unknown site "lisboa". Did you mean "lisbon"? (known: lisbon, porto)',
    ],
    [
      "what is neither prefix nor name",
      "- { name: a, match: { destination: Porto! }, action: drop }",
      '2:36 "Porto!" is not accepted here; needs a prefix, e.g. 10.1.0.0/24, or the name of a site',
    ],
    [
      "an objective",
      "- { name: a, objective: latancy }",
      '2:25 "latancy" is not accepted here; needs cost or latency or loss or jitter or throughput. ' +
      'Did you mean "latency"?',
    ],
    [
      "latency without a unit",
      "- { name: a, slo: { latency: 150 } }",
      "2:30 150 is not accepted here; needs a time with its unit, e.g. 150ms",
    ],
    [
      "loss as a latency",
      "- { name: a, slo: { loss: 30ms } }",
      '2:27 "30ms" is not accepted here; needs a share in per cent with its sign, from 0% to 100%, ' +
      "e.g. 1% or 0.5%",
    ],
    [
      "a share of one",
      "- { name: a, slo: { loss: 0.01 } }",
      "2:27 0.01 is not accepted here; needs a share, e.g. 1%",
    ],
    [
      "a bandwidth in bytes",
      "- { name: a, slo: { bandwidth: 10 MB/s } }",
      '2:32 "10 MB/s" is not accepted here; needs a rate with its unit (bit/s, kbit/s, Mbit/s, ' +
      "Gbit/s), e.g. 100 Mbit/s or 2.5 Gbit/s",
    ],
    [
      "a key of the SLO",
      "- { name: a, slo: { delay: 30ms } }",
      '2:21 unknown key "delay". Accepted here: latency, jitter, loss, bandwidth',
    ],
    [
      "an SLO of what is dropped",
      "- { name: a, slo: { loss: 1% }, action: drop }",
      '2:14 "slo" beside "action" in policy a: what is dropped takes no path; needs one or the other',
    ],
    [
      "no zone",
      "- { name: a, match: { time: { hours: 08:00-18:00 } }, action: drop }",
      '2:23 "zone" is missing; needs a time zone, e.g. Europe/Lisbon',
    ],
    [
      "a zone that is none",
      "- { name: a, match: { time: { zone: Europe/Lissabon } }, action: drop }",
      '2:37 "Europe/Lissabon" is not accepted here; needs a time zone by its IANA name, e.g. ' +
      "Europe/Lisbon, America/Sao_Paulo or UTC",
    ],
    [
      "days",
      "- { name: a, match: { time: { zone: UTC, days: [mon, workday] } }, action: drop }",
      '2:54 "workday" is not accepted here; needs a day or a range of days: mon, tue, wed, thu, ' +
      "fri, sat, sun, mon-fri",
    ],
    [
      "hours",
      "- { name: a, match: { time: { zone: UTC, hours: 8-18 } }, action: drop }",
      '2:49 "8-18" is not accepted here; needs hours as HH:MM-HH:MM, from 00:00 to 24:00, e.g. ' +
      "08:00-18:00, or 22:00-06:00 past midnight",
    ],
    [
      "ports of ICMP among others",
      "- { name: a, match: { protocol: [tcp, icmp], ports: 1 }, action: drop }",
      "2:53 protocol icmp has no ports; needs protocol tcp, udp or sctp, or none",
    ],
    [
      "what no packet of the application is",
      "- { name: a, match: { application: ping, protocol: tcp }, action: drop }",
      "2:23 no packet of ping is what else policy a asks for; needs another application, or less " +
      "beside it",
    ],
    [
      "to prefer what is avoided",
      "- { name: a, prefer: { colors: [lte] }, avoid: { colors: [lte] } }",
      "2:33 lte is to be avoided by the same policy; needs one or the other",
    ],
    [
      "to prefer what require leaves out",
      "- { name: a, prefer: { colors: [lte] }, require: { colors: [internet] } }",
      "2:33 every hop is required to use internet, so none uses lte; needs a color that " +
      "require.colors lists",
    ],
    [
      "constraints beside via",
      "- { name: a, via: [porto], avoid: { colors: [lte] } }",
      '2:28 "avoid" beside "via" in policy a; needs one of path, via, constraints (prefer, ' +
      "require, avoid), action: drop",
    ],
    [
      "a step that never comes",
      "- { name: a, via: [porto], otherwise: [computed, { require: { colors: [lte] } }] }",
      '2:50 nothing comes after "computed": it takes every path that there is; put it last',
    ],
    [
      "a word within otherwise",
      "- { name: a, via: [porto], otherwise: [compute] }",
      '2:40 "compute" is not accepted here; needs computed, drop, or a way: { via: [hub] }, ' +
      "{ require: { colors: [mpls] } }",
    ],
    [
      "a key within otherwise",
      "- { name: a, via: [porto], otherwise: [{ vya: [porto] }] }",
      '2:42 unknown key "vya". Did you mean "via"? Accepted here: path, via, avoid, require, prefer',
    ],
    [
      "a name within otherwise",
      "- { name: a, via: [porto], otherwise: [{ require: { colors: [internt] } }, drop] }",
      '2:62 unknown color "internt". Did you mean "internet"? (known: internet, lte)',
    ],
    [
      "two ways in a step",
      "- { name: a, via: [porto], otherwise: [{ via: [porto], prefer: { colors: [lte] } }] }",
      '2:56 "prefer" beside "via" in one step; needs a step for each',
    ],
    [
      "disjoint from nobody",
      "- { name: a, disjoint_from: b }",
      '2:29 unknown policy "b". Did you mean "a"? (known: a)',
    ],
    [
      "disjoint from itself",
      "- { name: a, disjoint_from: a }",
      "2:29 policy a cannot keep away from itself; needs another policy",
    ],
    [
      "disjoint from what drops",
      "- { name: a, action: drop, match: { dscp: 1 } }\n- { name: b, disjoint_from: a }",
      "3:29 policy a drops its traffic, so it has no path to keep away from",
    ],
  ])("%s", (_, policy, expected) => {
    expect(said(`policies:\n${policy}`).filter((line) => !line.includes("warning"))).toEqual([
      expected,
    ]);
  });

  test("a circle of policies that keep apart, told at each of them", () => {
    const found = said(`policies:
  - { name: a, match: { dscp: 1 }, disjoint_from: b }
  - { name: b, match: { dscp: 2 }, disjoint_from: c }
  - { name: c, disjoint_from: a }`).filter((line) => !line.includes("warning"));
    expect(found).toEqual([
      "2:51 a keeps away from b keeps away from c keeps away from a: a circle, in which none " +
      "comes first; needs one of them without disjoint_from",
      expect.stringContaining("3:51 b keeps away from c"),
      expect.stringContaining("4:31 c keeps away from a"),
    ]);
  });

  test("classes whose numbers do not agree, and applications that say nothing", () => {
    expect(
      said(`classes:
  voice: { leave: 20s }
  own: { flap: { reuse: 5000 } }
  slow: { flap: { maximum: 30s } }
applications:
  all: {}
  odd: [{ protocol: icmp, ports: 1 }]
policies:
  - { name: a, class: voice }
  - { name: b, class: own, match: { application: [all, odd] } }
  - { name: c, class: slow }`).filter((line) => !line.includes("warning")),
    ).toEqual([
      '2:19 "20s" is not accepted here; needs a time with its unit (ms, s, min, h), from 1s to ' +
      "10s, e.g. 10s",
      "3:25 a path is suppressed from 3000 and used again at 5000; needs reuse below suppress",
      "4:28 no path is suppressed for longer than 30 s, which is before the penalty has halved " +
      "(60 s); needs maximum of at least half_life",
      "6:8 a term of application all that says nothing would match everything; needs protocol, " +
      "ports, dscp or servers",
      "7:34 protocol icmp has no ports; needs protocol tcp, udp or sctp, or none",
    ]);
  });

  test("more combinations than a router should compare", () => {
    const sources = Array.from({ length: 20 }, (_, index) => `10.1.0.${index}/32`).join(", ");
    expect(
      said(`policies:
  - name: a
    action: drop
    match: { source: [${sources}], application: voip }`),
    ).toEqual([
      "4:5 policy a comes to 140 combinations of 20 sources, 1 application; needs at most 128: " +
      "name sites or a segment in place of prefixes, use wider prefixes, or split it",
    ]);
  });
});

describe("warnings", () => {
  test("what nobody uses", () => {
    expect(
      said(`classes:
  own: { hold: 1s }
  video: { hold: 1s }
applications:
  erp: { protocol: tcp, ports: 1 }`),
    ).toEqual([
      "2:3 warning: class own is not used: no policy names it; needs a policy with `class: own`",
      "3:3 warning: class video is not used: no policy names it",
      "5:3 warning: application erp is matched by no policy",
    ]);
  });

  test.each([
    ["{ application: voip }", "{ application: voip, dscp: ef }", true],
    ["{ application: voip }", "{ dscp: [ef, cs5] }", true],
    ["{ dscp: ef }", "{ application: voip }", false],
    ["{ application: [dns, web] }", "{ application: web, destination: porto }", true],
    ["{ destination: porto }", "{ destination: [porto, lisbon] }", false],
    ["{ destination: [porto, lisbon] }", "{ destination: lisbon, ports: 1 }", true],
    ["{ time: { zone: UTC, days: mon } }", "{ ports: 1 }", false],
    ["{ time: { zone: UTC, days: mon } }", "{ ports: 1, time: { zone: UTC, days: mon } }", true],
    ["{ protocol: [tcp, udp] }", "{ protocol: tcp }", true],
    ["{ protocol: tcp }", "{ protocol: [tcp, udp] }", false],
    ["{ source: [10.1.0.0/25, 10.1.0.128/25] }", "{ source: 10.1.0.128/26 }", true],
  ])("%s above %s: %s", (above, below, hidden) => {
    const found = said(`policies:
  - { name: one, action: drop, match: ${above} }
  - { name: two, action: drop, match: ${below} }`);
    expect(found.filter((line) => line.includes("never decides")).length).toBe(hidden ? 1 : 0);
  });

  test("bandwidth that is wanted, and is written for no uplink", () => {
    const missing = "and what paths carry is known by the uplinks' bandwidth alone, which is " +
      "missing for ";
    const found = said(`classes:
  wide: { slo: { bandwidth: 10 Mbit/s } }
policies:
  - { name: other, match: { ports: 1 }, class: wide }
  - { name: a, match: { ports: 2 }, class: voice, objective: throughput }
  - { name: b, match: { ports: 3 }, class: voice, disjoint_from: other }`);
    expect(found).toEqual([
      expect.stringContaining(
        `4:41 warning: policy other has an SLO of bandwidth by class wide, ${missing}`,
      ),
      expect.stringContaining(`5:51 warning: policy a has objective throughput, ${missing}`),
    ]);
  });

  test("a place that has nothing", () => {
    expect(
      said(`policies:
  - { name: a, action: drop, match: { source: 10.9.0.0/16, destination: lisbon } }
  - { name: b, action: drop, match: { source: lisbon, destination: lisbon } }`),
    ).toEqual([
      expect.stringContaining("2:47 warning: policy a never matches: no LAN at any site has"),
      "3:13 warning: policy b never matches: what it speaks of is at one site only",
    ]);
  });
});
