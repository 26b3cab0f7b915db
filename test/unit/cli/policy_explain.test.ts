import { expect, test } from "vitest";
import { createApp } from "../../../src/api/app.ts";
import { dispatch } from "../../../src/cli/dispatch.ts";
import { renderExplanation } from "../../../src/cli/policy_explain.ts";
import { PROGRAM } from "../../../src/cli/program.ts";
import { FixtureRouter } from "../../fixtures/router.ts";
import { FakeIo } from "./fake_io.ts";

async function shown(query: string): Promise<string> {
  const app = createApp(new FixtureRouter(), { listen: { kind: "unix" } });
  const response = await app.request(`/v1/policies/explain?${query}`);
  return `\n${renderExplanation(await response.json(), new FakeIo())}\n`;
}

test("a packet that a policy takes", async () => {
  expect(await shown("src=10.2.0.5&dst=10.3.0.7&dport=80")).toMatchInlineSnapshot(`
    "
    packet   tcp from 10.2.0.5 port 49152 to 10.3.0.7 port 80, DSCP be (0)
    way      segment office, from lisbon to porto (10.3.0.0/24)
    assumed  protocol tcp; DSCP be (0); source port 49152
    policy   inspected
    action   via hub; otherwise drop
    in use   fibre>hub.fibre,fibre>porto.fibre

    Policies that do not match:
      calls: segment is office, not voice; DSCP is be (0), not ef (46)

    RANK  PATH                               STATE  SLO      RTT  JITTER         LOSS  COST  AGE  WHY NOT                     IN USE WHEN
    * 1   fibre>hub.fibre,fibre>porto.fibre  up     meets  25 ms  250 µs  1 % ↑ 0 % ↓    20  now
      2   lte>hub.fibre,fibre>porto.fibre    up     meets  27 ms  250 µs  1 % ↑ 0 % ↓    60  now  the policy prefers another  those that the policy prefers fail or break its SLO
    "
  `);
});

test("a packet that a policy drops", async () => {
  expect(await shown("src=10.2.0.5&dst=10.1.0.7&dport=23")).toMatchInlineSnapshot(`
    "
    packet   tcp from 10.2.0.5 port 49152 to 10.1.0.7 port 23, DSCP be (0)
    way      segment office, from lisbon to hub (10.1.0.0/24)
    assumed  protocol tcp; DSCP be (0); source port 49152
    policy   no-telnet
    action   drop
    in use   dropped by the policy

    Policies that do not match:
      calls: segment is office, not voice; DSCP is be (0), not ef (46)
      inspected: destination is 10.1.0.7 at hub, not 10.3.0.0/24; destination port is 23, not 80, 8000-8010
    "
  `);
});

test("without addresses it says which are missing", async () => {
  const io = new FakeIo();
  expect(await dispatch(PROGRAM, ["policy", "explain", "--dport", "80"], io)).toBe(2);
  expect(io.errors.slice(0, 2)).toEqual([
    "Option --src is missing: --src ADDRESS",
    "Option --dst is missing: --dst ADDRESS",
  ]);
});
