/** Ways in an order of their own, and policies that are asked at some sites and hours only. */

import { describe, expect, test } from "vitest";
import { DEFAULT_CLASS } from "../../../src/config/classes.ts";
import type { Table, Verdict } from "../../../src/model/boundary.ts";
import type { Policy, Step } from "../../../src/model/network.ts";
import type { Prefix } from "../../../src/model/quantity.ts";
import { compile } from "../../../src/sr/compile.ts";
import {
  ANYTHING as anything,
  classBy,
  COMPUTED,
  UNCONSTRAINED as nothing,
} from "../te/random_network.ts";
import { network } from "./small_network.ts";

describe("policies", () => {
  const route = (table: Table, prefix: string) => {
    const segment = table.segments.find((one) =>
      one.routes.some((each) => each.prefix === prefix)
    )!;
    return segment.steerings[segment.routes.find((one) => one.prefix === prefix)!.steering]!;
  };
  const keys = (table: Table, verdict: Verdict) =>
    verdict === "drop" ? "drop" : verdict.paths.order.map((at) => table.paths[at]!.key);

  test("prefer, require and fall back in their order, metered last within each", () => {
    const by = (name: string, steps: Policy["steps"], more: Partial<Policy> = {}): Policy => ({
      name,
      match: anything,
      class: DEFAULT_CLASS,
      steps,
      ...more,
    });
    const lteOnly = { ...COMPUTED, constraints: { ...nothing, requireColors: ["lte"] } } as Step;
    const { table } = compile(
      network([
        by("likes-lte", [{ ...COMPUTED, prefer: { sites: [], colors: ["lte"] } } as Step]),
        by("likes-hub", [{ ...COMPUTED, prefer: { sites: ["site2"], colors: [] } } as Step]),
        by("lte-then-hub", [lteOnly, { kind: "via", sites: ["site2"] }]),
        by("quick", [lteOnly, COMPUTED], { class: classBy("latency") }),
      ]),
      "site1",
      "embedded",
    );
    const all = [
      "up0>site3.up0",
      "up0>site2.up0,up0>site3.up0",
      "up1>site3.up1",
      "up0>site2.up0,up1>site3.up1",
      "up1>site2.up1,up0>site3.up0",
      "up1>site2.up1,up1>site3.up1",
    ];
    const at = (...places: number[]) => places.map((place) => all[place]);
    const [likesLte, likesHub, lteThenHub, quick] = route(table, "10.1.3.0/24").rules;
    // What is preferred is so although it is metered; among the rest, metered ones come last.
    expect(keys(table, likesLte!.verdict)).toEqual(at(2, 5, 0, 1, 3, 4));
    expect(keys(table, likesHub!.verdict)).toEqual(at(1, 3, 4, 5, 0, 2));
    expect(keys(table, lteThenHub!.verdict)).toEqual(at(2, 5, 1, 3, 4));
    expect(keys(table, quick!.verdict)).toEqual(at(2, 5, 0, 1, 3, 4));
  });

  test("of sites are asked there only, and those whose time it is not have no rule", () => {
    const drop = { class: DEFAULT_CLASS, steps: [] };
    const policies: Policy[] = [
      { name: "from-3", match: { ...anything, sources: [{ site: "site3" }] }, ...drop },
      { name: "to-4", match: { ...anything, destinations: [{ site: "site4" }] }, ...drop },
      {
        name: "mixed",
        match: {
          ...anything,
          sources: [{ site: "site1" }, { prefix: "10.9.0.0/16" as Prefix }],
        },
        ...drop,
      },
    ];
    const at = (site: string, prefix: string, absent: string[] = []) => {
      const { table } = compile(network(policies), site, "embedded", undefined, new Set(absent));
      return route(table, prefix).rules.map(({ policy, matches }) => [policy, matches.source]);
    };
    expect(at("site1", "10.1.3.0/24")).toEqual([["mixed", null], ["mixed", "10.9.0.0/16"]]);
    expect(at("site1", "10.1.4.0/24")[0]).toEqual(["to-4", null]);
    expect(at("site3", "10.1.1.0/24")).toEqual([["from-3", null], ["mixed", "10.9.0.0/16"]]);
    expect(at("site3", "10.1.1.0/24", ["from-3"])).toEqual([["mixed", "10.9.0.0/16"]]);
  });

  test("whose time it is not keep their paths probed and the segment's MTU", () => {
    const policy: Policy = {
      name: "night",
      match: { ...anything, segment: "segment1" },
      class: DEFAULT_CLASS,
      steps: [{ ...COMPUTED, constraints: { ...nothing, requireSites: ["site2"] } } as Step],
    };
    const day = compile(network([policy]), "site1", "embedded", undefined, new Set(["night"]));
    const night = compile(network([policy]), "site1", "embedded");
    expect(day.table.lists).toEqual(night.table.lists);
    expect(day.table.segments.map(({ mtu }) => mtu)).toEqual(
      night.table.segments.map(({ mtu }) => mtu),
    );
    expect(route(day.table, "10.1.3.0/24").rules).toEqual([]);
    expect(route(night.table, "10.1.3.0/24").rules.map((rule) => rule.policy)).toEqual(["night"]);
  });
});
