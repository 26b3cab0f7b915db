/** One fault, again and again, in a lab that is up. */

import { now } from "../../src/io/clock.ts";
import { Failure } from "../../src/cli/command.ts";
import { countOf } from "../../src/model/quantity.ts";
import { pause } from "../../src/lab/process.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import type { Scenario } from "./scenario.ts";
import { act, droppedBy, inUse, passedBy, settle, type Stage, stream } from "./stage.ts";

/** Starting a process takes part of it: what is sent before the fault must be enough. */
const LEAD_MILLIS = 300;
/** Between two looks at what is in use. */
const LOOK_MILLIS = 250;
/** Without a move for so long: a router that has just started has measured what it will use. */
const STILL_MILLIS = 3000;
/** An adjacency that fails sooner after it came up counts as flapping, and comes back late. */
export const REST_MILLIS = 11_000;

export interface Repeat extends Outcome {
  /** `policy: path` before, and at the end of the fault, of what changed. */
  readonly moved: { readonly from: readonly string[]; readonly to: readonly string[] };
  /** How often what is in use was another than a look before. */
  readonly moves: number;
  /** By the reason that the scenario names, at all sites; null: it names none. */
  readonly dropped: number | null;
  /** Of the label that the scenario names; null: it names none. */
  readonly passed: number | null;
}

/** Who waits for longer wants to see that something goes on. */
const TOLD_MILLIS = 30_000;

/**
 * One repeat; the lab is whole before and after. `before`: what is in use when it is whole, by
 * {@link atRest}. Throws where it does not become whole.
 */
export async function once(
  stage: Stage,
  scenario: Scenario,
  before: readonly string[],
  tell: (progress: string) => void = () => {},
): Promise<Repeat> {
  const { dropped: reason, passed: label } = scenario;
  const droppedBefore = reason === null ? 0 : await droppedBy(stage, reason);
  const passedBefore = label === null ? 0 : await passedBy(stage, label);
  const lead = LEAD_MILLIS + scenario.beforeMillis;
  const length = lead + scenario.watchMillis + 1000;
  const streaming = stream(stage, scenario, length);
  await pause(lead);
  const fault = now();
  const watching = watch(stage, scenario, before, fault, tell);
  for (const action of scenario.do) await act(stage, action);
  const { after, moves } = await watching;
  const end = now();
  const streamed = await streaming;
  const dropped = reason === null ? null : await droppedBy(stage, reason) - droppedBefore;
  const passed = label === null ? null : await passedBy(stage, label) - passedBefore;
  for (const action of scenario.undo) await act(stage, action);
  const { missing, upSince } = await settle(stage, scenario, before);
  if (missing !== null) {
    throw new Failure([
      `${scenario.fault} was undone, and the lab does not come to rest: ${missing}`,
    ]);
  }
  await pause(Math.max(upSince + REST_MILLIS - now(), scenario.settleMillis));
  return {
    ...outcomeOf(
      streamed,
      fault * 1000,
      Math.min(end * 1000, endOf(streamed)),
      (scenario.lateMillis ?? Infinity) * 1000,
    ),
    moves,
    dropped,
    passed,
    moved: {
      from: before.filter((line) => !after.includes(line)),
      to: after.filter((line) => !before.includes(line)),
    },
  };
}

/** What is in use once nothing has moved for a while. */
export async function atRest(stage: Stage, scenario: Scenario): Promise<readonly string[]> {
  let used = await inUse(stage, scenario);
  for (let since = now(); now() - since < STILL_MILLIS;) {
    await pause(LOOK_MILLIS);
    const next = await inUse(stage, scenario);
    if (next.join() !== used.join()) since = now();
    used = next;
  }
  return used;
}

/** Looks at what is in use until the end; an ingress that does not answer says nothing. */
async function watch(
  stage: Stage,
  scenario: Scenario,
  before: readonly string[],
  start: number,
  tell: (progress: string) => void,
): Promise<{ after: readonly string[]; moves: number }> {
  let after = before;
  let moves = 0;
  const end = start + scenario.watchMillis;
  let told = start;
  do {
    await pause(Math.max(0, Math.min(LOOK_MILLIS, end - now())));
    const used = await inUse(stage, scenario);
    if (used.length > 0 && used.join() !== after.join()) {
      after = used;
      moves++;
    }
    if (now() - told >= TOLD_MILLIS && now() < end) {
      told += TOLD_MILLIS;
      const seconds = (millis: number) => Math.round(millis / 1000);
      tell(
        `${seconds(told - start)} of ${seconds(scenario.watchMillis)} s, ` +
          countOf(moves, "move"),
      );
    }
  } while (now() < end);
  return { after, moves };
}

function endOf(
  { startedMicros, sentMicros }: { startedMicros: number; sentMicros: readonly number[] },
) {
  return startedMicros + (sentMicros.at(-1) ?? 0);
}
