import { beforeEach, describe, expect, test } from "vitest";
import { createApp } from "../../../src/api/app.ts";
import type { Explanation, Problem } from "../../../src/api/schema.ts";
import { FIXTURE_FILE, FixtureRouter } from "../../fixtures/router.ts";

let router: FixtureRouter;
beforeEach(() => {
  router = new FixtureRouter();
});

async function ask(query: string, of = router): Promise<Explanation> {
  const app = createApp(of, { listen: { kind: "unix" } });
  const response = await app.request(`/v1/policies/explain?${query}`);
  const value = await response.json();
  expect([response.status, value]).toEqual([200, value]);
  return value as Explanation;
}

async function refused(query: string): Promise<Problem["errors"]> {
  const app = createApp(router, { listen: { kind: "unix" } });
  const response = await app.request(`/v1/policies/explain?${query}`);
  expect(response.status).toBe(400);
  return (await response.json() as Problem).errors;
}

const WEB = "src=10.2.0.5&dst=10.3.0.7&dport=80";

describe("explain", () => {
  test("names the policy, why those before do not match, and why each path is where it is", async () => {
    const told = await ask(WEB);
    expect(told).toMatchObject({
      policy: "inspected",
      action: "via hub; otherwise drop",
      inUse: "fibre>hub.fibre,fibre>porto.fibre",
      assumed: ["protocol tcp", "DSCP be (0)", "source port 49152"],
      asked: [
        { name: "calls", why: ["segment is office, not voice", "DSCP is be (0), not ef (46)"] },
        { name: "inspected", why: [] },
      ],
      packet: { segment: "office", ingress: "lisbon", egress: "porto", prefix: "10.3.0.0/24" },
    });
    expect(told.paths.map(({ key, why, wins }) => [key, why, wins])).toEqual([
      ["fibre>hub.fibre,fibre>porto.fibre", null, null],
      [
        "lte>hub.fibre,fibre>porto.fibre",
        "the policy prefers another",
        "those that the policy prefers fail or break its SLO",
      ],
    ]);
  });

  test("what no policy matches goes by cost", async () => {
    const told = await ask("src=10.2.0.5&dst=10.3.0.7&proto=udp&dport=80");
    expect(told.policy).toBe(null);
    expect(told.asked.map(({ name }) => name)).toEqual(["calls", "inspected", "no-telnet"]);
    expect(told.paths[0]).toMatchObject({
      inUse: true,
      why: null,
      rttMicros: 12_000,
      ageMillis: 0,
    });
    expect(told.paths[1]).toMatchObject({
      why: "cost 20, of the best 10",
      wins: "those before it fail",
    });
  });

  test("follows what is up", async () => {
    router.setAdjacency("fibre>porto.fibre", "down");
    const told = await ask("src=10.2.0.5&dst=10.3.0.7&proto=udp&dport=80");
    expect(told.inUse).toBe("fibre>hub.fibre,fibre>porto.fibre");
    expect(told.paths[0]).toMatchObject({
      why: "adjacency fibre>porto.fibre is down",
      verdict: "dead",
      wins: "it comes up and stays good for 60 s",
    });
  });

  test("by latency tells the round trip that would win", async () => {
    const told = await ask("src=10.2.8.5&dst=10.3.8.7&proto=udp&dport=20000&dscp=ef");
    expect(told).toMatchObject({ policy: "calls", inUse: "fibre>porto.fibre" });
    expect(told.paths[1]).toMatchObject({
      why: "latency 25 ms, of the best 12 ms",
      wins: "its latency is below 10 ms for 5 s, or those before it fail",
    });
  });

  test("a policy that drops", async () => {
    const told = await ask("src=10.2.0.5&dst=10.1.0.7&dport=23");
    expect(told).toMatchObject({ policy: "no-telnet", verdict: "drop", inUse: null, paths: [] });
  });

  test("asks as if it were another time, also for a policy that has no rule now", async () => {
    const timed = new FixtureRouter(
      "lisbon",
      FIXTURE_FILE.replace(
        "policies:\n",
        `policies:
  - name: night
    match: { time: { zone: Europe/Lisbon, hours: 22:00-06:00 } }
    prefer: { colors: [lte] }
    otherwise: computed
    require: { sites: [hub] }
`,
      ),
    );
    expect((await ask(WEB, timed)).asked[0]).toEqual({
      name: "night",
      why: ["it is not 22:00-06:00 in Europe/Lisbon now"],
    });
    const told = await ask(`${WEB}&at=2026-06-01T22:30:00Z`, timed);
    expect(told.policy).toBe("night");
    expect(told.paths.map(({ key }) => key).slice(0, 3)).toEqual([
      "fibre>hub.fibre,fibre>porto.fibre",
      "lte>hub.fibre,fibre>porto.fibre",
      "fibre>porto.fibre",
    ]);
    expect(told.paths[2]).toMatchObject({
      why: "the policy prefers another",
      wins: "those that the policy prefers fail or break its SLO",
    });
  });

  test.each([
    ["src=10.2.0.5&dst=10.3.0.300", [["dst", "needs an IPv4 or IPv6 address"]]],
    ["src=10.2.0.5&dst=10.3.0.3&dport=1-2&dscp=99&at=now&proto=x", [
      ["proto", "needs an IP protocol"],
      ["dscp", "needs a DSCP"],
      ["dport", "a single port"],
      ["at", "a time with its zone"],
    ]],
    ["src=10.2.0.5&dst=10.3.0.3&proto=icmp&dport=1", [["dport", "this protocol has no ports"]]],
    ["src=10.2.0.5&dst=fd00::1", [["dst", "of different families"]]],
    ["src=10.2.0.5&dst=192.0.2.1", [["", "is in no prefix of another site"]]],
    ["src=10.2.0.5&dst=10.3.0.3&segment=x", [["", "accepted: office, voice"]]],
    ["dst=10.3.0.3", [["src", ""]]],
    ["src=10.2.0.5&dst=10.3.0.3&port=1", [["port", "no such parameter"]]],
  ])("%s is refused with what is accepted", async (query, expected) => {
    const errors = await refused(query);
    expect(errors.map(({ where }) => where)).toEqual(expected.map(([where]) => where));
    for (const [index, [, words]] of expected.entries()) {
      expect(errors[index]!.message).toContain(words);
    }
  });
});
