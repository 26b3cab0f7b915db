/** Files as a person gets them wrong, and everything that is said of them. */

import { describe, expect, test } from "vitest";
import { closest, jsonSchema, parseNetwork } from "../../../src/config/mod.ts";
import { changed } from "./network_text.ts";

function said(text: string): string[] {
  const { problems = [], warnings } = parseNetwork(text, "f");
  return [
    ...problems.map(({ line, column, message }) => `${line}:${column} ${message}`),
    ...warnings.map(({ line, column, message }) => `${line}:${column} warning ${message}`),
  ];
}

describe("one slip is told once, in the operator's words", () => {
  test.each(
    [
      ["a misspelt key is not missing as well", [["    sid: 1", "    sidd: 1"]], [
        '4:5 unknown key "sidd". Did you mean "sid"? Accepted here: sid, loopback, transit, uplinks, lans',
      ]],
      ["a line that begins elsewhere", [["    sid: 1", "   sid: 1"]], [
        "4:9 a `key: value` within another; needs a line of its own, indented like its neighbours",
        "6:1 this line is indented like none above; the keys of one group begin in one column",
        "9:1 this line is indented like none above; the keys of one group begin in one column",
      ]],
      ["a tab", [["    sid: 1", "\tsid: 1"]], [
        "4:1 a tab indents this line; YAML accepts spaces only",
        ...[6, 9, 11].map((line) =>
          `${line}:1 this line is indented like none above; the keys of one group begin in one column`
        ),
      ]],
      ["no space after the colon", [["    sid: 1", "    sid:1"]], [
        "4:5 no `key: value` on this line; needs a colon and a space after the key",
      ]],
      ["a brace that is not closed", [["{ number: 1 }", "{ number: 1"]], [
        "20:1 a { or [ is opened above and not closed; needs its } or ]",
      ]],
      [
        "IPv6 with a port, without quotes",
        [["endpoint: 203.0.113.1", "endpoint: [2001:db8::1]:1"]],
        [
          "15:81 a list is not accepted here; needs an address or DNS name, alone or with a port",
          '15:94 needs a comma before this; a text with "[", "{", "#" or ": " in it needs quotes',
        ],
      ],
      ["a second document", [["segments:", "---\nsegments:"]], [
        "18:1 a second document begins here; one document (no further `---`) is accepted",
      ]],
      ["a number in quotes", [["    sid: 1", '    sid: "1"']], [
        '4:10 "1" is not accepted here; needs a whole number from 1 to 131071. It is in quotes, so it is a text',
      ]],
      ["a number that is not whole", [["    sid: 1", "    sid: 1.5"]], [
        "4:10 1.5 is not accepted here; needs a whole number from 1 to 131071",
      ]],
      ["segments as a list: none of them is unknown", [[
        "segments:\n  office: { number: 1 }",
        "segments: [office]",
      ]], [
        "18:11 a list is not accepted here; needs names, e.g. office: { number: 1 }",
      ]],
      ["an alias of nothing", [["    sid: 1", "    sid: *one"]], [
        '4:10 "sid" has no value; needs a whole number from 1 to 131071',
        "4:10 *one stands for nothing: no &one before it",
      ]],
    ] as const,
  )("%s", (_, edits, expected) => {
    expect(said(changed(...edits))).toEqual(expected);
  });

  test("what is wrong before the place where the text breaks is told with it", () => {
    const found = said(changed(["    sid: 1", "    sid: one"], ["segments:", "  x:\n segments:"]));
    expect(found[0]).toBe('4:10 "one" is not accepted here; needs a whole number from 1 to 131071');
    expect(found.slice(1).every((line) => line.includes("indented like none"))).toBe(true);
    expect(found.length).toBeGreaterThan(1);
  });

  test("a policy without a name hides nothing else that is wrong in it", () => {
    const found = said(
      changed(["segments:", "policies:\n  - match: { segment: ofice }\n    via: [hub]\nsegments:"]),
    );
    expect(found).toEqual([
      expect.stringMatching(/^19:5 "name" is missing; needs a name/),
      '19:23 unknown segment "ofice". Did you mean "office"? (known: office)',
      '20:11 unknown site "hub". (known: lisbon, porto)',
    ]);
  });
});

describe("policies that do nothing are warned of", () => {
  const base = "segments:";
  const policies = (text: string) => said(changed([base, `policies:\n${text}segments:`]));

  test.each([
    [
      "    via: [porto]\n    match: { ports: 80 }\n",
      "    action: drop\n    match: { ports: [80, 81] }\n",
      false,
    ],
    ["    via: [porto]\n", "    action: drop\n    match: { dscp: ef }\n", true],
    [
      "    via: [porto]\n    match: { ports: 1-99, protocol: tcp }\n",
      "    action: drop\n    match: { ports: [7, 8-9], protocol: tcp }\n",
      true,
    ],
    [
      "    via: [porto]\n    match: { protocol: tcp }\n",
      "    action: drop\n    match: { dscp: ef }\n",
      false,
    ],
    [
      "    via: [porto]\n    match: { destination: 10.0.0.0/8 }\n",
      "    action: drop\n    match: { destination: 10.2.0.0/24 }\n",
      true,
    ],
    [
      "    via: [porto]\n    match: { destination: 10.2.0.0/25 }\n",
      "    action: drop\n    match: { destination: 10.2.0.0/24 }\n",
      false,
    ],
    // An explicit path decides at its first site alone.
    ["    path: [lisbon.fibre > porto.fibre]\n", "    action: drop\n", false],
  ])("%j above %j: %s", (above, below, hidden) => {
    const found = policies(`  - name: one\n${above}  - name: two\n${below}`);
    expect(found.filter((line) => line.includes("never decides"))).toEqual(
      hidden
        ? [expect.stringContaining("warning policy two never decides: one above it matches all")]
        : [],
    );
  });

  test.each([
    [
      "    match: { destination: 10.9.0.0/16 }\n    via: [porto]\n",
      "20:27 warning policy one never matches: no LAN at any site has addresses of 10.9.0.0/16",
    ],
    [
      "    match: { segment: office, source: 10.9.0.0/16 }\n    via: [porto]\n",
      "no LAN in segment office has addresses of 10.9.0.0/16",
    ],
    [
      "    match: { source: 10.1.0.0/24, destination: 10.1.0.0/25 }\n    via: [porto]\n",
      "19:11 warning policy one never matches: what it speaks of is at one site only",
    ],
    [
      "    match: { destination: 10.1.0.0/24 }\n    path: [lisbon.fibre > porto.fibre]\n",
      "21:5 warning policy one never matches: its path leads from lisbon to porto, and nothing",
    ],
  ])("%j", (policy, expected) => {
    expect(policies(`  - name: one\n${policy}`)).toEqual([expect.stringContaining(expected)]);
  });

  test.each([
    "    match: { destination: 10.2.0.0/24 }\n    path: [lisbon.fibre > porto.fibre]\n",
    "    match: { destination: 10.255.0.2/32 }\n    path: [lisbon.fibre > porto.fibre]\n",
    "    match: { source: 10.0.0.0/8 }\n    via: [porto]\n",
    "    objective: latency\n",
  ])("%j is not", (policy) => {
    expect(policies(`  - name: one\n${policy}`)).toEqual([]);
  });
});

test("the nearest word: a slip, or a beginning with a slip, and no guess beyond", () => {
  const words = ["paths", "policies", "cost", "latency", "status"];
  expect(
    ["paht", "stat", "statsu", "polici", "fast", "quux", "sta"].map((word) => closest(word, words)),
  ).toEqual(["paths", "status", "status", "policies", undefined, undefined, undefined]);
});

test("editors show a word about every key", () => {
  const bare: string[] = [];
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== "object" || node === null) return;
    const { properties = {}, ...rest } = node as { properties?: Record<string, object> };
    for (const [key, value] of Object.entries(properties)) {
      if (!("description" in value)) bare.push(`${path}.${key}`);
      walk(value, `${path}.${key}`);
    }
    for (const [key, value] of Object.entries(rest)) walk(value, `${path}/${key}`);
  };
  const schema = jsonSchema();
  walk(schema, "");
  expect(bare).toEqual([]);
  expect(JSON.stringify(schema)).toContain("whatever the routing table says");
});
