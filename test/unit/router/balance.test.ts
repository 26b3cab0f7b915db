/** From `balance` in the file to lists that share flows in the table. */

import { expect, test } from "vitest";
import { parseNetwork } from "../../../src/config/mod.ts";
import type { Instant } from "../../../src/model/quantity.ts";
import { Steering } from "../../../src/router/steering.ts";
import { compileTable } from "../../../src/sr/compile.ts";
import { survey } from "../../../src/sr/survey.ts";
import { steadyLooks } from "../../fixtures/looks.ts";
import { FIXTURE_FILE } from "../../fixtures/router.ts";

const DIRECT = "fibre>porto.fibre";
const HUB = "fibre>hub.fibre,fibre>porto.fibre";

function started(policy: string) {
  const text = FIXTURE_FILE.slice(0, FIXTURE_FILE.indexOf("policies:"));
  const { network, problems } = parseNetwork(`${text}policies:\n  - ${policy}\n`, "test.yaml");
  if (network === undefined) throw new Error(JSON.stringify(problems));
  const surveyed = survey(network, "lisbon");
  const steering = new Steering(surveyed, 0 as Instant);
  return {
    run: (until: number, samples: Record<string, number | null>) => {
      const all = { "fibre>hub.fibre": 5, "lte>hub.fibre": 5, ...samples };
      for (let now = until - 20_000; now <= until; now += 250) {
        steering.advance(now as Instant);
        steering.measure(steadyLooks(now, all), now as Instant);
      }
      const table = compileTable(surveyed, "embedded", steering.placements);
      const { sid } = surveyed.network.sites.find(({ name }) => name === "porto")!;
      const verdicts = table.segments[0]!.steerings.flatMap(({ rules }) => rules)
        .flatMap(({ verdict }) => verdict === "drop" ? [] : [verdict.paths.order]);
      const paths = verdicts.find(([first]) => table.paths[first!]!.egress === sid)!;
      return paths.map((at) => table.paths[at]!.lists.map((list) => table.lists[list]!.key));
    },
  };
}

test("paths that are as good share the flows; one that is worse, or gone, does not", () => {
  const policy = started(
    "{ name: web, match: { segment: office }, objective: latency, balance: true }",
  );
  expect(policy.run(40_000, { [DIRECT]: 20, [HUB]: 20 })[0]).toEqual([HUB, DIRECT].sort());
  expect(policy.run(120_000, { [DIRECT]: 20, [HUB]: 40 })[0]).toEqual([DIRECT]);
});

test("without it one path carries them all", () => {
  const policy = started("{ name: web, match: { segment: office }, objective: latency }");
  expect(policy.run(40_000, { [DIRECT]: 20, [HUB]: 20 })[0]).toEqual([DIRECT]);
});
