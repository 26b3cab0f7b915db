/** Why the paths of one ranking stand where they do, and what would have to change. Pure. */

import type { Liveness } from "../model/boundary.ts";
import type { Policy } from "../model/network.ts";
import type { CandidatePath } from "../model/path.ts";
import { type Colors, type Grade, gradeOf } from "./grade.ts";
import { BETTER_BY_MICROS, BETTER_BY_SHARE, BETTER_FOR_MILLIS } from "./rank.ts";

export interface PathFacts {
  readonly path: CandidatePath;
  readonly state: Liveness;
  /** Why it is not up. */
  readonly reason: string | null;
  /** Median round trip; null: not known. */
  readonly rttMicros: number | null;
}

export interface PathReasons {
  /** Why it is not in use; null: it is. */
  readonly why: string | null;
  /** What would put it in use; null: it is. */
  readonly wins: string | null;
}

/**
 * In the order of the ranking. `inUse` is an index into it; null: nothing is up. Without a policy
 * the cheapest path is the best.
 */
export function explainRanking(
  policy: Policy | null,
  ranked: readonly PathFacts[],
  inUse: number | null,
  colors: Colors,
): PathReasons[] {
  const grade = ({ path }: PathFacts): Grade =>
    (policy && gradeOf(policy, path, colors)) ??
      { step: 0, preferred: true, metered: path.metered };
  const winner = inUse === null ? undefined : ranked[inUse];
  return ranked.map((one, place): PathReasons => {
    if (place === inUse) return { why: null, wins: null };
    if (one.state !== "up") {
      const behind = winner !== undefined && place > inUse!;
      return {
        why: one.reason ?? "its state is not known",
        wins: behind
          ? `it comes up, and ${compare(policy, grade(one), one, grade(winner), winner).wins}`
          : "it comes up",
      };
    }
    // The first that is up is in use, so without one nothing is up.
    return winner
      ? compare(policy, grade(one), one, grade(winner), winner)
      : { why: "its state is not known", wins: "it comes up" };
  });
}

function compare(
  policy: Policy | null,
  grade: Grade,
  one: PathFacts,
  best: Grade,
  winner: PathFacts,
): { why: string; wins: string } {
  if (grade.step !== best.step) {
    return {
      why: `it belongs to step ${grade.step + 1} of the policy, the one in use to step ${
        best.step + 1
      }`,
      wins: "every path of the steps before is down",
    };
  }
  if (grade.preferred !== best.preferred) {
    return {
      why: "the policy prefers the one in use",
      wins: "every path that the policy prefers is down",
    };
  }
  if (grade.metered !== best.metered) {
    return { why: "it is metered, a last resort", wins: "every path that is not metered is down" };
  }
  if (policy?.class.objective === "latency") return compareTrips(one, winner);
  const [own, other] = [one.path, winner.path];
  const down = "the paths before it are down";
  if (own.cost > other.cost) {
    return {
      why: `it costs ${own.cost}, the one in use ${other.cost}`,
      wins: `it costs less than ${other.cost}, or ${down}`,
    };
  }
  return {
    why: own.labels.length > other.labels.length
      ? `it costs ${own.cost} as well and needs more labels`
      : `it costs ${own.cost} as well and comes later by name`,
    wins: `it costs less than ${other.cost}, or ${down}`,
  };
}

function compareTrips(one: PathFacts, winner: PathFacts): { why: string; wins: string } {
  const hold = `${BETTER_FOR_MILLIS / 1000} s`;
  const down = "the paths before it are down";
  if (winner.rttMicros === null) {
    return {
      why: "neither has been measured long enough to change places",
      wins: `its round trip is known for ${hold} while the other's is not, or ${down}`,
    };
  }
  const margin = Math.max(winner.rttMicros * BETTER_BY_SHARE, BETTER_BY_MICROS);
  const limit = Math.max(0, winner.rttMicros - margin);
  const wins = limit === 0
    ? `${down}: no round trip is better than that of the one in use by the margin`
    : `its round trip is below ${millis(limit)} for ${hold}, or ${down}`;
  if (one.rttMicros === null) return { why: "its round trip is not known", wins };
  const figures = `its round trip is ${millis(one.rttMicros)}, that of the one in use ${
    millis(winner.rttMicros)
  }`;
  if (one.rttMicros >= winner.rttMicros) return { why: figures, wins };
  return one.rttMicros > limit
    ? { why: `${figures}: better by less than the margin of ${millis(margin)}`, wins }
    : { why: `${figures}: better, and not for ${hold} yet`, wins };
}

function millis(micros: number): string {
  return `${(micros / 1000).toFixed(1)} ms`;
}
