import { describe, expect, test } from "vitest";
import { formatProblem, parseNetwork } from "../../../src/config/mod.ts";
import { changed, KEYS, NETWORK } from "./network_text.ts";

/** The text's marks « away, and the positions that they stood at. */
function unmark(text: string): { text: string; positions: string[] } {
  const positions: string[] = [];
  for (let at = text.indexOf("«"); at >= 0; at = text.indexOf("«")) {
    const before = text.slice(0, at).split("\n");
    positions.push(`n.yaml:${before.length}:${before.at(-1)!.length + 1}`);
    text = text.slice(0, at) + text.slice(at + 1);
  }
  return { text, positions };
}

/** One problem at each mark, in order, each with its words. */
function expectAtMarks(marked: string, ...words: string[]): void {
  const { text, positions } = unmark(marked);
  const found = (parseNetwork(text, "n.yaml").problems ?? []).map(formatProblem);
  expect(found.map((line) => line.split(": ")[0])).toEqual(positions);
  for (const [index, each] of words.entries()) expect(found[index]).toContain(each);
}

function expectWarning(marked: string, words: string): void {
  const { text, positions } = unmark(marked);
  const result = parseNetwork(text, "n.yaml");
  expect(result.problems ?? []).toEqual([]);
  const lines = result.warnings.map(formatProblem);
  expect(lines.map((line) => line.split(": ")[0])).toEqual(positions);
  expect(lines[0]).toContain(words);
}

const add = (lines: string) => `${NETWORK}${lines}\n`;
const policy = (text: string) => add(`policies:\n  - ${text}`);

describe("numbers and blocks", () => {
  test.each([
    ["a SID twice", changed(["sid: 2", "sid: «1"]), "site lisbon's already"],
    ["outside the SRGB", changed(["sid: 2", "sid: ««8000"]), "outside the SRGB srgb 16000–23999"],
    [
      "a segment outside its block",
      changed(["office: { number: 1 }", "office: { number: «4000 }"]),
      "needs 1–3999",
    ],
    [
      "a segment number twice",
      changed(["office: { number: 1 }", "office: { number: 1 }\n  voice: { number: «1 }"])
        .replace("office: [10.1.0.0/24]", "office: [10.1.0.0/24]\n      voice: [10.9.0.0/24]"),
      "segment office's already",
    ],
    [
      "an uplink number twice",
      changed(["number: 1, color: lte", "number: «0, color: lte"]),
      "lisbon.fibre's already",
    ],
    [
      "blocks that overlap",
      add("blocks: { services: «{ base: 23999, size: 100 } }"),
      "services from 24000 on",
    ],
    [
      "a block past the end",
      add("blocks: { srlb: «{ base: 1048000, size: 1000 } }"),
      "16–1048575",
    ],
    [
      "an SRLB too small for a SID",
      `${changed(["sid: 2", "sid: «3"])}blocks: { srlb: { base: 100000, size: 255 } }\n`,
      "blocks.srlb.size of at least 256",
    ],
    [
      "tunnels too small for a SID",
      `${changed(["sid: 2", "sid: «4"])}tunnels: 100.96.0.0/27\n`,
      "at most 3, or tunnels of /26",
    ],
  ])("%s", (_name, text, words) => expectAtMarks(text, words));

  test("the largest SIDs that fit are accepted", () => {
    expectAtMarks(`${changed(["sid: 2", "sid: 3"])}blocks: { srlb: { base: 100000, size: 256 } }
tunnels: 100.96.0.0/27
`);
  });
});

describe("uplinks", () => {
  test.each([
    [
      "one port twice at a site",
      changed(["port: 51821", "port: «51820"]),
      "port 51820 is lisbon.fibre's",
    ],
    [
      "a public key twice",
      changed([KEYS[1], `«${KEYS[0]}`]),
      "lisbon.fibre's already",
    ],
    [
      "an endpoint twice",
      changed(["endpoint: 203.0.113.1", 'endpoint: «"198.51.100.1:51820"']),
      "endpoint 198.51.100.1:51820 is lisbon.fibre's",
    ],
    [
      "two gateways of one family",
      changed(["port: 51821", "port: 51821, gateway: [10.0.0.1, «10.0.0.2]"]),
      "at most one IPv4",
    ],
    [
      "a missing key",
      changed([`      lte: {`, `      «lte: {`], [
        `, public_key: ${KEYS[1]}`,
        "",
      ]),
      "labelway keygen lisbon FILE",
    ],
  ])("%s", (_name, text, words) => expectAtMarks(text, words));

  test("one device twice by the same gateway is a warning", () => {
    expectWarning(changed(["device: wwan0", "device: «eth0"]), "fail together");
    expectAtMarks(changed(["device: wwan0", "device: eth0, gateway: 10.0.0.1"]));
  });
});

describe("risks", () => {
  const risks = (one: string, other: string) =>
    changed(
      [
        "device: eth0, port: 51820, endpoint: 198",
        `risks: ${one}, device: eth0, port: 51820, endpoint: 198`,
      ],
      [
        "device: eth0, port: 51820, endpoint: 203",
        `risks: ${other}, device: eth0, port: 51820, endpoint: 203`,
      ],
    );

  test("are one or several to an uplink, at any sites, in whatever order", () => {
    const { network, warnings } = parseNetwork(risks("[pop, duct-7]", "[duct-7, pop]"), "n.yaml");
    expect(warnings).toEqual([]);
    expect(network!.sites.map(({ uplinks }) => uplinks.map((one) => one.risks))).toEqual([
      [["duct-7", "pop"], undefined],
      [["duct-7", "pop"]],
    ]);
    const turned = parseNetwork(risks("[duct-7, pop]", "[pop, duct-7]"), "n.yaml").network!;
    expect(turned.generation).toBe(network!.generation);
    const none = parseNetwork(NETWORK, "n.yaml").network!;
    expect(parseNetwork(risks("[]", "[]"), "n.yaml").network!.generation).toBe(none.generation);
    expect(network!.generation).not.toBe(none.generation);
    expect(parseNetwork(risks("duct-7", "duct-7"), "n.yaml").network!.sites[1]!.uplinks[0]!.risks)
      .toEqual(["duct-7"]);
  });

  test.each([
    ["twice at one uplink", risks("[duct-7, «duct-7]", "duct-7"), "risk duct-7 stands here twice"],
    ["no name", risks("[«Duct 7]", "[]"), "1–32 lower-case letters"],
    ["no list of names", risks("«{ duct: 7 }", "[]"), "needs a name or a list of names"],
    [
      "a slip in the key",
      changed(["number: 1, color: lte", "«risk: x, number: 1, color: lte"]),
      "risks",
    ],
  ])("%s", (_name, text, words) => expectAtMarks(text, words));

  test("of a single uplink are a warning, with the name that may be meant", () => {
    expectWarning(
      risks("[duct-7, «duct-8]", "duct-7"),
      "risk duct-8 is lisbon.fibre's alone, so nothing fails with it; needs the same name at " +
        'another uplink. Did you mean "duct-7"?',
    );
    expectWarning(risks("«duct-7", "[]"), "needs the same name at another uplink");
  });
});

describe("LANs and loopbacks", () => {
  test.each([
    [
      "overlap within a segment",
      changed(["[10.2.0.0/24]", "[10.2.0.0/24, «10.1.0.128/25]"]),
      "overlaps 10.1.0.0/24 of site lisbon",
    ],
    ["around another", changed(["10.2.0.0/24", "«10.0.0.0/9"]), "belongs to one LAN"],
    ["the tunnels' block", changed(["10.2.0.0/24", "«100.100.0.0/24"]), "the tunnels' own block"],
    ["an unknown segment", changed(["office: [10.2.0.0/24]", "«ofice: [10.2.0.0/24]"]), "office"],
    ["a loopback twice", changed(["10.255.0.2", "«10.255.0.1"]), "site lisbon's already"],
    ["a loopback in a LAN", changed(["10.255.0.2", "«10.1.0.1"]), "within LAN 10.1.0.0/24"],
    ["a loopback in the tunnels", changed(["10.255.0.2", "«100.96.0.1"]), "within tunnels"],
    [
      "two loopbacks of one family",
      changed(["[10.255.0.2]", "[10.255.0.2, «10.255.0.3]"]),
      "second IPv4 loopback beside 10.255.0.2",
    ],
  ])("%s", (_name, text, words) => expectAtMarks(text, words));

  test("segments that share a routing table must not overlap, others may", () => {
    const two = (vrf: string, mark: string) =>
      changed(
        ["  office: { number: 1 }", `  office: { number: 1 }\n  guests: { number: 2${vrf} }`],
        [
          "      office: [10.2.0.0/24]",
          `      office: [10.2.0.0/24]\n      guests: [${mark}10.1.0.0/24]`,
        ],
      );
    expectAtMarks(two("", "«"), "share a routing table at site porto");
    expectAtMarks(two(", vrf: guests", ""));
  });

  test("a segment without a LAN is a warning", () => {
    expectWarning(
      changed(["office: { number: 1 }", "office: { number: 1 }\n  «voice: { number: 2 }"]),
      "no LAN",
    );
  });
});

describe("policies", () => {
  test.each([
    ["segment", "{ name: a, action: drop, match: { segment: «ofice } }", 'Did you mean "office"?'],
    ["via", "{ name: a, via: [«prto] }", 'Did you mean "porto"?'],
    ["avoided site", "{ name: a, avoid: { sites: [«x] } }", "known: lisbon, porto"],
    ["required color", "{ name: a, require: { colors: [«interent] } }", '"internet"?'],
    ["uplink", "{ name: a, path: [«lisbon.fiber > porto.fibre] }", '"fibre"?'],
    [
      "colors that do not meet",
      "{ name: a, path: [«lisbon.lte > porto.fibre] }",
      "no adjacency: colors lte and internet differ",
    ],
    ["one site", "{ name: a, path: [«lisbon.fibre > lisbon.lte] }", "both are uplinks of site"],
    ["no way in", "{ name: a, path: «[] }", "at least one hop"],
    ["nothing to do", "«{ name: a }", "needs one of path, via"],
    ["two things", "{ name: a, via: [porto], «action: drop }", '"action" beside "via"'],
    ["idle otherwise", "{ name: a, action: drop, «otherwise: drop }", "none of them"],
    ["both", "{ name: a, avoid: { sites: [porto] }, require: { sites: [«porto] } }", "one or the"],
    [
      "families",
      '{ name: a, action: drop, match: { source: 10.0.0.0/8, destination: «"2001:db8::/32" } }',
      "needs one family",
    ],
    [
      "ports of a protocol without any",
      "{ name: a, action: drop, match: { protocol: icmp, ports: «1 } }",
      "tcp, udp or sctp",
    ],
    [
      "a name twice",
      "{ name: a, action: drop }\n  - { name: «a, action: drop }",
      "stands above already",
    ],
  ])("%s", (_name, text, words) => expectAtMarks(policy(text), words));

  test("a path with a gap, with a site that lets nothing through, and back to its start", () => {
    const text = changed(["    sid: 2\n", "    sid: 2\n    transit: false\n"]);
    expectAtMarks(
      `${text}policies:
  - name: a
    path: [lisbon.fibre > porto.fibre, ««porto.fibre > lisbon.fibre]
  - name: b
    path: [lisbon.fibre > porto.fibre, ««lisbon.fibre > porto.fibre]
  - name: c
    via: [«porto]
`,
      "carries no traffic",
      "comes back to lisbon",
      "comes back to porto",
      "needs porto.UPLINK",
      "carries no traffic",
    );
  });

  test("no adjacency where neither side has an endpoint or colors.meet says nothing", () => {
    const hop = "policies: [{ name: a, path: [«lisbon.fibre > porto.fibre] }]\n";
    const deaf = changed([", endpoint: 198.51.100.1", ""], [", endpoint: 203.0.113.1", ""]);
    expectAtMarks(deaf + hop, "neither lisbon.fibre nor porto.fibre has an endpoint");
    expectAtMarks(
      add(`colors: { meet: [[lte, internet]] }\n${hop}`),
      "colors.meet does not list [internet, internet]",
    );
  });
});

describe("reachability", () => {
  test("a site that nobody reaches is a warning", () => {
    const { text } = unmark(
      changed([
        "color: internet, device: eth0, port: 51820, endpoint: 203",
        "color: mpls, device: eth0, port: 51820, endpoint: 203",
      ]),
    );
    const lines = parseNetwork(text, "n.yaml").warnings.map((each) => each.message);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain("no other site can reach lisbon");
    expect(lines[1]).toContain("no other site can reach porto");
  });

  test("a color in colors.meet that no uplink has is a warning", () => {
    expectWarning(
      add("colors: { meet: [[internet, internet], [lte, «intrnet]] }"),
      'Did you mean "internet"?',
    );
  });

  test("two sites that only meet a third which carries nothing are a warning", () => {
    const key = KEYS[0].replace(/^./, KEYS[0].startsWith("B") ? "C" : "B");
    const uplink = "number: 0, color: x, device: eth0, port: 51820, endpoint: 192.0.2.3";
    const text = changed(
      ["    sid: 1\n", "    sid: 1\n    transit: false\n"],
      ["  porto:", "  «porto:"],
      [
        "segments:\n",
        `  cabin: { sid: 3, uplinks: { dsl: { ${uplink}, public_key: ${key} } } }\nsegments:\n`,
      ],
    );
    const meet = "colors: { meet: [[internet, internet], [x, lte]] }\n";
    expectWarning(text + meet, "porto and cabin cannot reach each other");
  });
});
