/**
 * How much a few probes say about a path's loss.
 *
 * _Leaving_ asks whether the loss is above the allowed share since some moment of the leave window,
 * by how much and since when being unknown: the generalised likelihood ratio over every possible
 * start (Siegmund and Venkatraman, Annals of Statistics 23, 1995; limited to a window as in Lai,
 * J. R. Statist. Soc. B 57, 1995). For Bernoulli trials it is n · KL(lost/n ‖ allowed). What is steadily
 * below the SLO has many chances to look as if it were above for a moment; the shorter the moment, the
 * more it takes.
 *
 * What fails on the way there mostly fails on the way back at the same moment. So the way back bears
 * witness where it was good until then: its own likelihood ratio is added, up to that of the way there,
 * which therefore has to show half of what it takes by itself, and a little more. What loses answers all
 * the time is no witness; what loses them now and then is one each time.
 *
 * _Returning_ asks for the opposite against a far stricter bound, by Page's cumulative sum
 * (Biometrika 41, 1954) of the loss being a quarter of what is allowed rather than all of it.
 *
 * No test tells 1 % from 3 % by 300 probes without errors. So the first is quick and may err, and
 * the second makes an error cheap: who has left stays away until the path is better than allowed
 * with near certainty. A path at the threshold is left once, and not returned to.
 */

import type { Instant } from "../../model/quantity.ts";
import { type Look, share, sumOf, type Tally } from "./measurement.ts";

/**
 * Of the likelihood ratio's logarithm, over a stretch of {@link LONGEST_STRETCH_MILLIS}: e^2.5 = 12
 * times likelier above the SLO than at it. There are more short stretches than long ones, each with a
 * chance to be wrong; so a shorter one needs more by the logarithm of how much shorter it is (as scan
 * statistics are corrected: Dümbgen and Spokoiny, Annals of Statistics 29, 2001).
 */
const LEAVE_EVIDENCE = 2.5;
/** The longest leave window that a class can have. */
const LONGEST_STRETCH_MILLIS = 10_000;
/** Far less is worth a closer look: what comes of it is either enough soon, or nothing. */
const SUSPECT_EVIDENCE = 0.05;
/** One burst is no share: so many looks must each have lost more than is allowed … */
const LEAST_LOOKS = 2;
/** … and so many probes must be lost in all. */
const LEAST_LOST = 3;
/**
 * Likelihood e¹² = 160,000 : 1. By itself, a path exactly at the threshold that is probed 100 times a
 * second reaches it in an hour with a probability of about one in a hundred; besides, nothing may
 * have been bad for the whole return window.
 */
export const RETURN_EVIDENCE = 12;
/**
 * A quarter of what is allowed. Up to about half of it proof grows on average, beyond it shrinks:
 * between there and the SLO is the zone in which nothing moves.
 */
const RETURN_SHARE = 0.25;
/** Of the way back having been well below what is allowed: e^1.5 = 4.5 times likelier than at it. */
const GOOD_EVIDENCE = 1.5;
/** Where both ways are asked, two shares are free to fit what was seen by chance: e^0.7 = 2. */
const WITNESS_EVIDENCE = 0.7;
/** Answers that begin to be lost are news for so long: a path is looked at closely for no longer. */
const NEWS_MILLIS = 2_000;
/** Likelihood e³ = 20 : 1 of a loss well below the allowed one, or above it. */
export const CLEAR_EVIDENCE = 3;
/** An SLO of no loss at all is read as one in ten thousand: else a single probe would decide. */
const LEAST_ALLOWED = 0.0001;

/** The stretch of looks that says most against a path. */
export interface Excess extends Tally {
  /** From the first look of the stretch to the newest, ms. */
  readonly spanMillis: number;
  readonly direction: "forward" | "round-trip";
  /** On the way back, where the way there alone would not be enough and it bears witness. */
  readonly back: Tally | null;
  /** Natural logarithm of the likelihood ratio, not below 0; of both ways where the other tells. */
  readonly evidence: number;
  /** Is it enough to leave? */
  readonly breaks: boolean;
}

/** n · KL(lost/sent ‖ allowed) where more was lost than allowed, else 0. */
export function evidenceAbove({ lost, sent }: Tally, allowed: number): number {
  const bound = Math.max(allowed, LEAST_ALLOWED);
  if (bound >= 1 || lost <= bound * sent) return 0;
  const got = sent - lost;
  const kept = got === 0 ? 0 : got * Math.log(got / sent / (1 - bound));
  // Of a hair above the allowed share, rounding makes less than nothing.
  return Math.max(0, lost * Math.log(lost / sent / bound) + kept);
}

/** What a look adds to the proof that the loss is well below the allowed share; may be negative. */
export function evidenceBelow(tally: Tally, allowed: number): number {
  return evidenceBetween(tally, goodShare(allowed), boundOf(allowed));
}

/** For the loss being `one` rather than `other`, each above 0 and below 1; negative: against it. */
export function evidenceBetween({ lost, sent }: Tally, one: number, other: number): number {
  const bounded = Math.min(one, 0.999);
  return lost * Math.log(bounded / other) + (sent - lost) * Math.log((1 - bounded) / (1 - other));
}

/** What counts as well below the allowed share. */
export function goodShare(allowed: number): number {
  return boundOf(allowed) * RETURN_SHARE;
}

function boundOf(allowed: number): number {
  return Math.min(Math.max(allowed, LEAST_ALLOWED), 0.999);
}

/**
 * Of all stretches within the window that end with the newest look; null: nothing above. The way
 * there decides where it is told apart: what comes back takes the way that its own ingress chose.
 */
export function strongestExcess(
  looks: readonly Look[],
  allowed: number,
  windowMillis: number,
): Excess | null {
  const newest = looks.at(-1);
  // Most paths lose nothing, and are asked about every second.
  if (newest === undefined || !looks.some((look) => look.forward.lost > 0)) return null;
  const direction = newest.directed ? "forward" : "round-trip";
  return scan(looks, direction, allowed, windowMillis, newest.at);
}

/**
 * Would probing the path more often settle whether it breaks? What fails on the way there often fails
 * on the way back as well, and half of the time shows there first: answers that have just begun to be
 * lost condemn nothing by themselves, and are worth a closer look. Those that are lost all the time say nothing.
 */
export function isSuspect(
  looks: readonly Look[],
  excess: Excess | null,
  allowed: number,
): boolean {
  if (excess !== null && excess.evidence >= SUSPECT_EVIDENCE) return true;
  const newest = looks.at(-1);
  if (!newest?.directed || !looks.some((look) => look.backward.lost > 0)) return false;
  const isNews = (look: Look) => look.at > newest.at - NEWS_MILLIS;
  const [news, before] = [looks.filter(isNews), looks.filter((look) => !isNews(look))];
  if (share(sumOf(before.map(roundTrips))) > allowed) return false;
  // By the stretch that says most: what was good a moment ago must not hide what has just begun.
  return news.some((_, start) =>
    evidenceAbove(sumOf(news.slice(start).map(roundTrips)), allowed) >= SUSPECT_EVIDENCE
  );
}

function roundTrips({ forward, backward, directed }: Look): Tally {
  return directed ? { lost: forward.lost + backward.lost, sent: forward.sent } : forward;
}

function scan(
  looks: readonly Look[],
  direction: Excess["direction"],
  allowed: number,
  windowMillis: number,
  newest: Instant,
): Excess | null {
  let best: Excess | null = null;
  let [lost, sent, over] = [0, 0, 0];
  let [backLost, backSent, backOver] = [0, 0, 0];
  const wasGood = direction === "forward" ? goodBefore(looks, allowed) : null;
  for (let index = looks.length - 1; index >= 0; index--) {
    const look = looks[index]!;
    const { forward, backward } = look;
    const spanMillis = newest - look.at + look.spanMillis;
    if (spanMillis > windowMillis && index < looks.length - 1) break;
    lost += forward.lost;
    sent += forward.sent;
    if (share(forward) > allowed) over++;
    // Where directions are unknown, it is the round trip, which counts above already.
    if (look.directed) {
      backLost += backward.lost;
      backSent += backward.sent;
      if (share(backward) > allowed) backOver++;
    }
    // With a leave window of one look, that look has to do.
    const wanted = Math.min(LEAST_LOOKS, Math.max(1, windowMillis / look.spanMillis | 0));
    const own = evidenceAbove({ lost, sent }, allowed);
    const needed = enough(spanMillis);
    const many = lost >= LEAST_LOST && over >= wanted;
    let [evidence, breaks] = [own, many && own >= needed];
    let back: Tally | null = null;
    // A cut that hits both ways is one event: the way back has to show a share as well.
    const bears = wasGood?.[index] && backLost >= LEAST_LOST && backOver >= wanted;
    if (!breaks && bears) {
      back = { lost: backLost, sent: backSent };
      evidence += Math.min(own, evidenceAbove(back, allowed));
      breaks = many && evidence >= needed + WITNESS_EVIDENCE;
    }
    const stronger = best === null || Number(breaks) > Number(best.breaks) ||
      breaks === best.breaks && evidence > best.evidence;
    if (evidence > 0 && stronger) {
      best = { lost, sent, spanMillis, direction, back, evidence, breaks };
    }
  }
  return best;
}

/** By look: had the way back been good in those before it, for long enough to know? null: never bad. */
function goodBefore(looks: readonly Look[], allowed: number): readonly boolean[] | null {
  if (!looks.some((look) => look.backward.lost > 0)) return null;
  let evidence = 0;
  return looks.map(({ backward }) => {
    const before = evidence;
    evidence += evidenceBelow(backward, allowed);
    return before >= GOOD_EVIDENCE;
  });
}

function enough(spanMillis: number): number {
  return LEAVE_EVIDENCE +
    Math.log(LONGEST_STRETCH_MILLIS / Math.min(spanMillis, LONGEST_STRETCH_MILLIS));
}
