import fc from "fast-check";
import { stringify } from "yaml";
import { expect, test } from "vitest";
import { formatProblem, parseNetwork } from "../../../src/config/mod.ts";
import { NETWORK } from "./network_text.ts";

const EXAMPLE = Deno.readTextFileSync("config/branch-offices.yaml");

/** The file of a right network of up to 12 sites, with every optional key now and then. */
const networks = fc.array(
  fc.record({
    transit: fc.boolean(),
    loopback: fc.boolean(),
    uplinks: fc.array(
      fc.record({
        color: fc.constantFrom("internet", "lte"),
        endpoint: fc.boolean(),
        metered: fc.boolean(),
        cost: fc.integer({ min: 1, max: 65535 }),
        mtu: fc.integer({ min: 1280, max: 9000 }),
        bandwidth: fc.constantFrom(undefined, "1 Gbit/s", "2.5 Mbit/s", "300kbit/s"),
      }),
      { minLength: 1, maxLength: 8 },
    ),
  }),
  { minLength: 1, maxLength: 12 },
).map((sites) => ({
  network: "random",
  sites: Object.fromEntries(sites.map((site, s) => [`s${s}`, {
    sid: s + 1,
    transit: site.transit,
    ...(site.loopback && { loopback: [`10.255.0.${s}`, `fd00::${s + 1}`] }),
    uplinks: Object.fromEntries(site.uplinks.map((uplink, u) => [`u${u}`, {
      number: u,
      color: uplink.color,
      device: `eth${u}`,
      port: 50000 + u,
      ...(uplink.endpoint && { endpoint: `192.0.2.${s + 1}` }),
      ...(uplink.bandwidth && { bandwidth: uplink.bandwidth }),
      metered: uplink.metered,
      cost: uplink.cost,
      mtu: uplink.mtu,
      public_key: new Uint8Array(32).fill(1).with(0, s).with(1, u).toBase64(),
    }])),
    lans: { office: [`10.${s}.0.0/16`] },
  }])),
  segments: { office: { number: 1 } },
}));

test("every right network parses, whatever style it is written in", () => {
  fc.assert(
    fc.property(networks, fc.integer({ min: 0, max: 3 }), (network, style) => {
      const text = [
        stringify(network),
        stringify(network, { collectionStyle: "flow", lineWidth: 0 }),
        JSON.stringify(network, null, 2),
        stringify(network, { defaultStringType: "QUOTE_SINGLE", indent: 4 }),
      ][style]!;
      const result = parseNetwork(text, "random.yaml");
      expect((result.problems ?? []).map(formatProblem)).toEqual([]);
      expect(result.network!.sites).toHaveLength(Object.keys(network.sites).length);
      expect(result.network!.generation).toBe(
        parseNetwork(stringify(network), "x").network!.generation,
      );
    }),
    { numRuns: 25 },
  );
}, 30_000);

test("a damaged file is reported or parsed, never thrown at, and each problem lies in it", () => {
  const edit = fc.record({
    at: fc.nat(),
    remove: fc.integer({ min: 0, max: 40 }),
    insert: fc.oneof(
      fc.constant(""),
      fc.string({ maxLength: 6, unit: "binary" }),
      fc.constantFrom(
        "\n",
        "\t",
        ": ",
        "- ",
        "*x",
        "&x ",
        "[",
        "}",
        "? ",
        "!!binary ",
        "---\n",
        "<<: ",
      ),
    ),
  });
  const edits = fc.array(edit, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.constantFrom(NETWORK, EXAMPLE), edits, (original, list) => {
      let text = original;
      for (const { at, remove, insert } of list) {
        const from = at % (text.length + 1);
        text = text.slice(0, from) + insert + text.slice(from + remove);
      }
      const result = parseNetwork(text, "damaged.yaml");
      expect((result.network === undefined) === (result.problems !== undefined)).toBe(true);
      const lines = text.split("\n");
      for (const { line, column, message } of [...result.problems ?? [], ...result.warnings]) {
        expect(message).not.toBe("");
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(lines.length);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(column).toBeLessThanOrEqual(lines[line - 1]!.length + 1);
      }
    }),
    { numRuns: 150 },
  );
}, 60_000);
