/**
 * `deno task sim`: how quickly and how rightly traffic moves, on a simulated clock. The same seeds
 * give the same table.
 *
 *     deno task sim [SEEDS] [HOURS] [PROBING]     default: 50 seeds a fault, 4 hours a state, all five
 *                                                 ways of probing (a number: that one alone)
 */

import { departures, returns } from "./run.ts";
import { FAULTS, flapping, hour, HOURS, type Probing, PROBINGS, timeToLeave } from "./scenarios.ts";

const [seeds = 50, hours = 4, only] = Deno.args.map((text) => {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  console.error(
    `sim: ${text} is not accepted: give whole numbers, 1–99999 (seeds, hours, way of probing)`,
  );
  Deno.exit(2);
});

for (const [index, [name, probing]] of Object.entries(PROBINGS).entries()) {
  if (only !== undefined && index + 1 !== only) continue;
  console.log(`\n${name}\n`);
  faultTable(probing);
  hourTable(probing);
  flapLine(probing);
}

function faultTable(probing: Probing): void {
  print(["fault", "p50", "p90", "p99", "in 3 s"]);
  for (const [name, fault] of Object.entries(FAULTS)) {
    const times = range(seeds).map((seed) => timeToLeave(fault, probing, seed));
    times.sort((a, b) => a - b);
    const at = (share: number) => {
      const time = times[Math.min(times.length - 1, Math.ceil(times.length * share) - 1)]!;
      return time === Infinity ? "> 60 s" : `${time.toFixed(2)} s`;
    };
    const quick = times.filter((time) => time <= 3).length / times.length;
    print([name, at(0.5), at(0.9), at(0.99), `${(quick * 100).toFixed(1)} %`]);
  }
}

function hourTable(probing: Probing): void {
  console.log();
  print(["an hour of", "left", "came back", "most"]);
  for (const [name, state] of Object.entries(HOURS)) {
    const counts = range(hours).map((seed) => hour(state, probing, seed));
    const mean = (pick: (count: (typeof counts)[number]) => number) =>
      (counts.reduce((sum, count) => sum + pick(count), 0) / counts.length).toFixed(2);
    const most = Math.max(...counts.map(({ back }) => back));
    print([name, mean(({ left }) => left), mean(({ back }) => back), String(most)]);
  }
}

function flapLine(probing: Probing): void {
  const course = flapping(probing, 1, 50_000, 5_000);
  const suppressed = course.verdicts.some((one) => one.verdict === "suppressed");
  const back = returns(course, "first");
  const gone = departures(course, "first").filter((move) => move.millis < 50_000);
  const when = back[0] ? `${((back[0].millis - 50_000) / 1_000).toFixed(0)} s` : "not";
  console.log(
    `\n1 Hz flaps for 30 s: left ${gone.length}×, ${suppressed ? "" : "not "}suppressed, ` +
      `back ${when} after they ended, ${back.length}× in all`,
  );
}

function print([name, ...figures]: readonly string[]): void {
  console.log(name!.padEnd(40) + figures.map((figure) => figure.padStart(11)).join(""));
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
