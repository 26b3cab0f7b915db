/** Where each path of a choice stands, as people are told. */

import type { Figures } from "../../model/figures.ts";
import type { Instant } from "../../model/quantity.ts";
import type { PathFigures, PathStanding } from "../../model/standing.ts";
import { explain, pathInWords } from "./explain.ts";
import { type PathMeasurement, share, tallies, windowOf } from "./measurement.ts";
import type { Selection } from "./selection.ts";
import { winsInWords } from "./wins.ts";

/** Best first; null: there is no such choice. `byHops`: of a path, by its key. */
export function standingsOf(
  selection: Selection,
  key: string,
  byHops: (path: string) => Figures | null,
  now: Instant,
): PathStanding[] | null {
  const [choice, decision] = [selection.choice(key), selection.decision(key)];
  if (choice === undefined || decision === undefined) return null;
  const slo = choice.class;
  const { paths } = explain(
    choice,
    decision,
    (path) => selection.judgement(key, path)!,
    now,
    selection.pathToAvoid(key),
  );
  const lead = paths[0];
  return paths.map((one): PathStanding => {
    const measurement = selection.observed(one.path)?.measurement;
    const leads = one === lead;
    const good = leads && one.reasons.length === 0;
    return {
      key: one.path,
      verdict: one.verdict,
      kept: one.kept,
      why: good ? null : pathInWords(one, slo, now),
      wins: leads || lead === undefined ? null : winsInWords(one, lead, slo, now),
      shares: decision.equals.length > 1 && decision.equals.includes(one.path),
      byHops: byHops(one.path),
      figures: measurement ? figuresOf(measurement, slo.timers.leaveWindowMillis, now) : null,
    };
  });
}

function figuresOf(
  { windows, at, bandwidthBitsPerSecond }: PathMeasurement,
  spanMillis: number,
  now: Instant,
): PathFigures | null {
  const window = windowOf(windows, spanMillis);
  if (window === undefined || window.sent === 0) return null;
  const { forward, backward } = tallies(window);
  return {
    at,
    ageMillis: Math.max(0, now - at),
    windowMillis: window.spanMillis,
    rttMicros: window.rttMicros?.p50 ?? null,
    jitterMicros: window.jitterMicros,
    lossForward: share(forward),
    lossBackward: share(backward),
    bandwidthBitsPerSecond,
  };
}
