import { describe, expect, test } from "vitest";
import { formatProblem, parseNetwork } from "../../../src/config/mod.ts";
import { changed, KEYS, NETWORK } from "./network_text.ts";

function problems(text: string): string[] {
  const result = parseNetwork(text, "n.yaml");
  return (result.problems ?? []).map(formatProblem);
}

function warnings(text: string): string[] {
  return parseNetwork(text, "n.yaml").warnings.map(formatProblem);
}

/** Position alone of the only problem, and that its text holds these words. */
function only(text: string, position: string, ...words: string[]): void {
  const found = problems(text);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(new RegExp(`^n\\.yaml:${position}: `));
  for (const word of words) expect(found[0]).toContain(word);
}

/** The same, where the position is marked by « in the text. */
function onlyAtMark(text: string, ...words: string[]): void {
  const before = text.split("«")[0]!.split("\n");
  only(text.replace("«", ""), `${before.length}:${before.at(-1)!.length + 1}`, ...words);
}

test("a right file has neither problems nor warnings but for what cannot meet", () => {
  expect(problems(NETWORK)).toEqual([]);
  expect(warnings(NETWORK)).toEqual([]);
});

describe("YAML", () => {
  test("an empty file", () => only("", "1:1", "the file is empty", "network"));
  test("a list", () => only("- 1\n", "1:1", "a list is not accepted here", "the keys network"));
  test("a key twice", () => {
    only(changed(["    sid: 2\n", "    sid: 2\n    sid: 3\n"]), "13:5", "second time");
  });
  test("a second document", () => only(`${NETWORK}---\na: 1\n`, "20:1", "one document"));
  test("an unknown alias", () => {
    expect(problems(changed(["number: 1 }\n", "number: *x }\n"])).join("\n")).toContain(
      "n.yaml:19:21: ",
    );
  });
  test("an anchor that holds itself", () => {
    expect(problems(`${NETWORK}api: &a { port: *a }\n`).join("\n")).toMatch(
      /n\.yaml:20:17: .*holds it/,
    );
  });
  test("syntax, schema and cross-checks are reported together, by position", () => {
    const found = problems(changed(
      ["    sid: 2\n", "    sid: 1\n    sid: 3\n"],
      ["device: wwan0", "device: wwan0, metred: true"],
      ["port: 51821", "port: 0"],
    ));
    expect(found.map((line) => line.split(" ")[0])).toEqual([
      "n.yaml:8:62:",
      "n.yaml:8:71:",
      "n.yaml:12:10:",
      "n.yaml:13:5:",
    ].map((each) => expect.stringContaining(each.split(":").slice(0, 2).join(":"))));
    expect(found).toHaveLength(4);
  });
});

describe("schema", () => {
  test("an unknown key, with the one that was meant", () => {
    only(
      `${NETWORK}polices: []\n`,
      "20:1",
      'unknown key "polices"',
      'Did you mean "policies"?',
      "Accepted here: network",
    );
  });
  test("a missing key points at what lacks it", () => {
    only(changed(["    sid: 2\n", ""]), "11:3", '"sid" is missing', "from 1 to 131071");
  });
  test("a key without a value", () => {
    only(changed(["    sid: 2\n", "    sid:\n"]), "12:9", '"sid" has no value');
  });
  test("a name", () => {
    only(
      changed(["  office: { number: 1 }", "  office: { number: 1 }\n  My VPN: { number: 2 }"]),
      "20:3",
      '"My VPN" is no name',
      "lower-case",
    );
  });
  test("__proto__ is a key like any other", () => {
    only(`${NETWORK}__proto__: {}\n`, "20:1", 'unknown key "__proto__"');
  });
  test.each([
    ["device: wwan0", "device: «a-very-long-device", "1–15 bytes"],
    ["device: wwan0", "device: «lw-0-fibre", "Labelway's own"],
    ["port: 51821", "port: «70000", "from 1 to 65535"],
    ["port: 51821", "port: 51821, mtu: «1000", "from 1280 to 9000"],
    ["port: 51821", "port: 51821, metered: «yes", "true or false"],
    ["port: 51821", "port: 51821, bandwidth: «100M", "100 Mbit/s"],
    ["port: 51821", "port: 51821, gateway: «10.1.2.x", "an IPv4 or IPv6 address"],
    ["port: 51821", "port: 51821, endpoint: «1.2.3.4:x", "a port from 1 to 65535"],
    ["port: 51821", 'port: 51821, endpoint: «"2001:db8::1:"', "[2001:db8::1]:51820"],
    ["port: 51821", "port: 51821, endpoint: «1.2.3.400", "address or DNS name"],
    ["10.2.0.0/24", "«10.2.0.1/24", "10.2.0.0/24"],
    ["10.2.0.0/24", "«10.2.0.0/33", "from 0 to 32"],
    ["10.2.0.0/24", "«10.2.0.9", "10.2.0.9/32"],
    ["10.2.0.0/24", "«10.02.0.0/24", "a prefix"],
    ["10.2.0.0/24", '«"2001:db8::1/64"', "2001:db8::/64"],
    ["[10.2.0.0/24]", "«{ a: 1 }", "a prefix or a list of prefixes"],
    ["[10.255.0.2]", '[«"::ffff:1.2.3.4"]', "an IPv4 or IPv6 address"],
  ])("%s → %s", (from, to, words) => onlyAtMark(changed([from, to]), words));

  test.each([
    ["ttl: pip", "20:6", 'pipe or uniform. Did you mean "pipe"?'],
    ["probe: { interval: 100 }", "20:20", "a time with its unit"],
    ["probe: { interval: 1ms }", "20:20", "from 10ms to 60000ms"],
    ["probe: { authentication: required }", "20:26", 'prefer or require. Did you mean "require"?'],
    ["probe: { authentication: true }", "20:26", "none or accept or prefer or require"],
    ["tunnels: 100.96.0.1/12", "20:10", "100.96.0.0/12"],
    ["tunnels: 2001:db8::/32", "20:10", "IPv4 block"],
    ["colors: { meet: [internet] }", "20:18", "a pair of colors"],
    ["policies: [{ name: a, action: drip }]", "20:31", "drop"],
    ["policies: [{ name: a, action: drop, match: { dscp: eff } }]", "20:52", "af11–af43"],
    ["policies: [{ name: a, action: drop, match: { protocol: tpc } }]", "20:56", "tcp, udp"],
    ["policies: [{ name: a, action: drop, match: { ports: [1, 9-2] } }]", "20:57", "smaller first"],
    ["policies: [{ name: a, path: [lisbon > porto] }]", "20:30", "SITE.UPLINK > SITE.UPLINK"],
  ])("%s", (line, position, words) => only(`${NETWORK}${line}\n`, position, words));

  test("a malformed public key is one that keygen mends", () => {
    const text = changed([KEYS[2], "secret"]);
    only(text, "15:106", "labelway keygen");
    expect(parseNetwork(text, "n.yaml").problems?.[0]?.kind).toBe("key");
    expect(parseNetwork(text, "n.yaml", { allowMissingKeys: true }).network).toBeDefined();
  });
});

describe("what is right is checked while something else is wrong", () => {
  test("a site that is refused is not unknown to policies", () => {
    const text = `${changed(["    sid: 2\n", "    sid: x\n"])}policies:
  - { name: a, path: [lisbon.fibre > porto.fibre] }
  - { name: b, path: [lisbon.fibre > lisboa.fibre] }
`;
    expect(problems(text)).toEqual([
      'n.yaml:12:10: "x" is not accepted here; needs a whole number from 1 to 131071',
      'n.yaml:22:23: unknown site "lisboa". Did you mean "lisbon"? (known: lisbon, porto)',
    ]);
  });
  test("positions in a list hold behind an entry that is refused", () => {
    const text = `${NETWORK}policies:
  - { nme: a }
  - { name: b, via: [nowhere] }
`;
    expect(problems(text).map((line) => line.slice(0, 13))).toEqual([
      "n.yaml:21:5: ",
      "n.yaml:21:7: ",
      "n.yaml:22:22:",
    ]);
  });
  test("nothing follows from a block that is refused", () => {
    only(`${NETWORK}blocks: { srgb: { base: 1, size: 1 } }\n`, "20:25", "from 16 to 1048575");
  });
});
