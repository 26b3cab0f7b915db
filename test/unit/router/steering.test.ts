/** From a file and what probes tell to the order of paths: see te/select for how it is judged. */

import { describe, expect, test } from "vitest";
import { parseNetwork } from "../../../src/config/mod.ts";
import type { Look, Looks } from "../../../src/model/boundary.ts";
import type { Instant } from "../../../src/model/quantity.ts";
import { choicesOf } from "../../../src/router/choices.ts";
import { Steering } from "../../../src/router/steering.ts";
import { survey } from "../../../src/sr/survey.ts";
import { NO_QUALITY } from "../../../src/api/observation.ts";
import { windowOf } from "../../fixtures/looks.ts";
import { FIXTURE_FILE, FixtureRouter } from "../../fixtures/router.ts";

const SNAPSHOT = new FixtureRouter().snapshotNow;
const DIRECT = "fibre>porto.fibre";
const HUB = "fibre>hub.fibre,fibre>porto.fibre";
const LTE = "lte>porto.fibre";
const LTE_HUB = "lte>hub.fibre,fibre>porto.fibre";

function surveyed(policies: string, more = "", file = FIXTURE_FILE) {
  const text = file.slice(0, file.indexOf("policies:"));
  const { network, problems } = parseNetwork(`${text}${more}policies:\n${policies}`, "test.yaml");
  if (network === undefined) throw new Error(JSON.stringify(problems));
  return survey(network, "lisbon");
}

interface Sample {
  readonly rtt: number | null;
  readonly loss?: number;
  readonly downs?: number;
  readonly since?: number;
  /** Probes a second. */
  readonly rate?: number;
  /** Customers' packets of a look; where it is an adjacency. */
  readonly packets?: number;
}

/** Four looks a second. */
function looks(now: number, samples: Record<string, Sample>): Looks {
  return {
    uptime_millis: now,
    reported: [],
    looks: Object.entries(samples).map(([key, sample]): Look => {
      const { rtt, loss = 0, downs = 0, since = 0, rate = 100, packets } = sample;
      const state = rtt === null ? "down" : "up";
      const quality = {
        ...NO_QUALITY,
        state: state as "up" | "down",
        rtt_micros: rtt === null ? null : rtt * 1_000,
        jitter_micros: 100,
        loss,
      };
      return {
        key,
        state,
        state_millis: now - since,
        downs,
        since: windowOf(250, quality, rate),
        ten_seconds: windowOf(10_000, quality, rate),
        minute: windowOf(60_000, quality, rate),
        carried: packets === undefined ? null : {
          span_millis: 250,
          forward_lost: packets * loss,
          forward_sent: packets,
          return_lost: 0,
          return_sent: packets,
        },
      };
    }),
  };
}

/** What stays so until a time. Lists need their adjacency. */
function run(
  steering: Steering,
  from: number,
  until: number,
  samples: Record<string, Sample>,
): string[] {
  const lines: string[] = [];
  const all = { "fibre>hub.fibre": { rtt: 5 }, "lte>hub.fibre": { rtt: 5 }, ...samples };
  for (let now = from; now < until; now += 250) {
    lines.push(
      ...steering.describe(steering.advance(now as Instant), now as Instant),
      ...steering.describe(steering.measure(looks(now, all), now as Instant), now as Instant),
    );
  }
  return lines;
}

const first = (steering: Steering, key: string) => steering.placements.get(key)?.order[0];
const GOOD = {
  [DIRECT]: { rtt: 20 },
  [HUB]: { rtt: 30 },
  [LTE]: { rtt: 40 },
  [LTE_HUB]: { rtt: 50 },
};

describe("policies", () => {
  const CALLS = "  - { name: calls, match: { segment: voice }, class: voice }\n";

  test("leave a path that loses too much within 3 s, take none that is metered for it", () => {
    const steering = new Steering(surveyed(CALLS), 0 as Instant);
    run(steering, 250, 20_000, GOOD);
    expect(first(steering, "calls > porto")).toBe(DIRECT);
    const lines = run(steering, 20_000, 23_000, { ...GOOD, [DIRECT]: { rtt: 20, loss: 0.05 } });
    expect(first(steering, "calls > porto")).toBe(HUB);
    expect(steering.placements.get("calls > porto")!.order.slice(-2)).toEqual([LTE, LTE_HUB]);
    expect(lines).toEqual([
      expect.stringMatching(
        /^policy calls > porto: fibre>hub.* takes over from fibre>porto.fibre: the former breaks /,
      ),
    ]);
    // What no policy matches asks for nothing, so loss does not move it.
    expect(first(steering, "> porto")).toBe(DIRECT);
  });

  test("without anything else that is up, take what is metered", () => {
    const steering = new Steering(surveyed(CALLS), 0 as Instant);
    run(steering, 250, 20_000, GOOD);
    run(steering, 20_000, 21_000, {
      ...GOOD,
      [DIRECT]: { rtt: null, downs: 1, since: 20_000 },
      [HUB]: { rtt: null, downs: 1, since: 20_000 },
    });
    expect(first(steering, "calls > porto")).toBe(LTE);
    expect(first(steering, "> porto")).toBe(LTE);
  });

  test("leave a relay's lossy uplink for a way that does not come by it, though another is shorter", () => {
    const free = FIXTURE_FILE.replace("metered: true", "metered: false");
    const lossy = (entry: number) => {
      const steering = new Steering(surveyed(CALLS, "", free), 0 as Instant);
      const paths = { [HUB]: { rtt: 20 }, [LTE_HUB]: { rtt: 30, rate: 12 }, [DIRECT]: { rtt: 45 } };
      run(steering, 250, 20_000, paths);
      expect(first(steering, "calls > porto")).toBe(HUB);
      const hub = { rtt: 5, loss: entry, packets: 1_000 };
      const after = { ...paths, [HUB]: { rtt: 20, loss: 0.05 }, "fibre>hub.fibre": hub };
      run(steering, 20_000, 23_000, after);
      return first(steering, "calls > porto");
    };
    expect(lossy(0)).toBe(DIRECT);
    // The way to the relay is at fault, which the other does not come by.
    expect(lossy(0.05)).toBe(LTE_HUB);
  });

  test("keep away from each other as far as can be", () => {
    const both = "  - { name: a, match: { dscp: ef }, class: voice }\n" +
      "  - { name: b, match: { dscp: af41 }, class: video, disjoint_from: a }\n";
    const steering = new Steering(surveyed(both), 0 as Instant);
    run(steering, 250, 20_000, GOOD);
    // All arrive by porto's only uplink; nothing else has to be shared.
    expect([first(steering, "a > porto"), first(steering, "b > porto")]).toEqual([DIRECT, LTE]);
    const told = steering.standings("b", "porto", 20_000 as Instant)!;
    expect(told.find(({ key }) => key === DIRECT)?.why)
      .toBe("it has more in common with the path to keep away from");
    // When the other has to come there, and nothing has less in common, they go together.
    const dead = { rtt: null, downs: 1, since: 20_000 };
    run(steering, 20_000, 21_000, { ...GOOD, [DIRECT]: dead, [HUB]: dead });
    expect([first(steering, "a > porto"), first(steering, "b > porto")]).toEqual([LTE, LTE]);
  });

  test("keep away from each other's risks, which count as uplinks do", () => {
    const both = "  - { name: a, match: { dscp: ef }, class: voice }\n" +
      "  - { name: b, match: { dscp: af41 }, class: video, disjoint_from: a }\n";
    const shared = (text: string) => {
      const { apart } = choicesOf(surveyed(both, "", text)).find(({ key }) => key === "b > porto")!;
      return [DIRECT, HUB, LTE, LTE_HUB].map((path) => apart!.shared.get(path)!.get(DIRECT));
    };
    // Out by lisbon.fibre, in by porto.fibre.
    expect(shared(FIXTURE_FILE)).toEqual([2, 2, 1, 1]);
    // The hub hangs in the duct of lisbon's fibre.
    const ducts = FIXTURE_FILE
      .replace("port: 51820, endpoint: 198.51.100.1", "risks: [duct-7, mast], $&")
      .replace("port: 51820, endpoint: 198.51.100.2", "risks: duct-7, $&");
    expect(shared(ducts)).toEqual([3, 3, 1, 2]);
    const steering = new Steering(surveyed(both, "", ducts), 0 as Instant);
    run(steering, 250, 20_000, {
      [DIRECT]: { rtt: 20 },
      [LTE]: { rtt: 90 },
      [LTE_HUB]: { rtt: 40 },
    });
    expect([first(steering, "a > porto"), first(steering, "b > porto")]).toEqual([DIRECT, LTE]);
  });

  test("a reload goes on where it was", () => {
    const steering = new Steering(surveyed(CALLS), 0 as Instant);
    run(steering, 250, 20_000, GOOD);
    run(steering, 20_000, 23_000, { ...GOOD, [DIRECT]: { rtt: 20, loss: 0.05 } });
    const more = `${CALLS}  - { name: rest, match: {}, class: bulk }\n`;
    const next = new Steering(surveyed(more), 23_000 as Instant, steering);
    expect(first(next, "calls > porto")).toBe(HUB);
    expect(next.standings("calls", "porto", 23_000 as Instant)!.map((one) => one.verdict))
      .toEqual(["meets", "breaks", "meets", "meets"]);
  });
});

describe("what people are told", () => {
  test("why each path is where it is, by which figures, and what would change it", () => {
    const calls = "  - { name: calls, match: {}, class: voice }\n";
    const steering = new Steering(surveyed(calls), 0 as Instant);
    run(steering, 250, 20_000, GOOD);
    run(steering, 20_000, 23_000, { ...GOOD, [DIRECT]: { rtt: 20, loss: 0.05 } });
    const told = steering.standings("calls", "porto", 23_000 as Instant)!;
    expect(told.map(({ key, why, wins }) => [key, why, wins])).toEqual([
      [HUB, null, null],
      [
        DIRECT,
        expect.stringMatching(/^rejected: loss forward 4 % in [\d.]+ s > 1 % allowed$/),
        "its loss stays well below 1 % for 60 s, or those before it fail",
      ],
      [LTE, "only for when others fail (metered)", "those before it fail"],
      [LTE_HUB, "only for when others fail (metered)", "those before it fail"],
    ]);
    expect(told[1]!.figures).toMatchObject({
      ageMillis: 250,
      windowMillis: 10_000,
      rttMicros: 20_000,
      lossForward: 0.05,
      lossBackward: 0,
    });
    expect(steering.standings("nobody", "porto", 23_000 as Instant)).toBe(null);
  });
});

describe("the clock", () => {
  test("that is set back by an hour holds up nothing", () => {
    const steering = new Steering(
      surveyed("  - { name: calls, match: {}, class: voice }\n"),
      3_600_000 as Instant,
    );
    run(steering, 3_600_250, 3_620_000, GOOD);
    run(steering, 20_000, 23_500, { ...GOOD, [DIRECT]: { rtt: 20, loss: 0.05 } });
    expect(first(steering, "calls > porto")).toBe(HUB);
  });
});

describe("the prober is told", () => {
  test("what is in use and in which classes, what hangs in the balance, and nothing twice", () => {
    const calls = "  - { name: calls, match: { dscp: ef }, class: voice }\n";
    const steering = new Steering(surveyed(calls), 0 as Instant);
    const now = 20_000 as Instant;
    run(steering, 250, now, GOOD);
    const told = steering.probing([], now)!.paths;
    expect(told.find(({ key }) => key === DIRECT)).toEqual(
      { key: DIRECT, rank: "in-use", classes: 0b100001 },
    );
    expect(told.find(({ key }) => key === LTE_HUB)?.rank).toBe("candidate");
    expect(steering.probing([], now)).toBe(null);
    const changes = steering.measure(
      looks(now, { ...GOOD, [DIRECT]: { rtt: 20, loss: 0.05 } }),
      now,
    );
    const closest = steering.probing(changes, now)!.paths;
    expect(closest.find(({ key }) => key === DIRECT)?.rank).toBe("closest");
  });

  test("to look closest while a path is in doubt, where the probes do not fill it", () => {
    const calls = "  - { name: calls, match: { dscp: ef }, class: voice }\n";
    const lossy = { ...GOOD, [DIRECT]: { rtt: 20, loss: 0.05 }, [HUB]: { rtt: 30, loss: 0.05 } };
    const ranks = (uplink: string) => {
      const file = FIXTURE_FILE.replaceAll(/endpoint: [^,]+,/g, (found) => `${found} ${uplink}`);
      const steering = new Steering(
        surveyed(calls, "", file.replaceAll(/ bandwidth: 100 Mbit\/s,/g, "")),
        0 as Instant,
      );
      run(steering, 250, 20_000, GOOD);
      const at = (millis: number) => {
        const now = millis as Instant;
        const changes = steering.measure(looks(now, lossy), now);
        return steering.probing(changes, now)?.paths.find(({ key }) => key === DIRECT)?.rank;
      };
      const first = at(20_000);
      run(steering, 20_250, 26_000, lossy);
      return [first, at(26_000)];
    };
    // Both ways lose too much: once that is sure, where the flows are is worth no more than before.
    expect(ranks("bandwidth: 20 Mbit/s,")).toEqual(["closest", "closer"]);
    expect(ranks("bandwidth: 19 Mbit/s,")[0]).toBe("closer");
    expect(ranks("")[0]).toBe("closest");
  });

  test("to look closer where packets are sent that may not get lost, unless it is paid for", () => {
    const calls = "  - { name: calls, match: { dscp: ef }, class: voice }\n";
    const steering = new Steering(surveyed(calls), 0 as Instant);
    const now = 20_000 as Instant;
    run(steering, 250, now, GOOD);
    const sent = (packets: number) =>
      [DIRECT, HUB].map((key) => ({
        ...{ key, quality: NO_QUALITY, suspect: false, tx_bytes: 0 },
        tx_packets: key === DIRECT ? packets : 7,
      }));
    const rank = () =>
      steering.probing([], now)?.paths.find(({ key }) => key === DIRECT)?.rank ?? "as before";
    steering.count({ ...SNAPSHOT, lists: sent(5) });
    expect(rank()).toBe("in-use");
    steering.count({ ...SNAPSHOT, lists: sent(6) });
    expect(rank()).toBe("closer");
    steering.count({ ...SNAPSHOT, lists: sent(6) });
    expect(rank()).toBe("in-use");
    expect(rank()).toBe("as before");
  });
});
