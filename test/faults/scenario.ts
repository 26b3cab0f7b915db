/** A fault as its file describes it: what is done to a running lab, to which traffic, and the reach. */

import { parse } from "@std/yaml";
import { resolve } from "node:path";
import { z } from "zod";
import { Failure } from "../../src/cli/command.ts";
import type { Direction } from "../../src/lab/emulator.ts";
import { type Change, parseChanges } from "../../src/lab/impairment.ts";

export interface Scenario {
  readonly fault: string;
  readonly what: string;
  /** Topology file. */
  readonly lab: string;
  /** Keys of the network's file beside those that it has. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly traffic: { readonly from: string; readonly to: string; readonly port: number };
  readonly do: readonly Action[];
  readonly undo: readonly Action[];
  /** From the fault on, as long as is looked. */
  readonly watchMillis: number;
  /** Least time from the undoing to the next repeat: what was bad has to count as good again. */
  readonly settleMillis: number;
  /** A datagram that takes so much longer than before the fault is spoiled too; null: lost ones alone. */
  readonly lateMillis: number | null;
  /** What is promised; null: nothing. */
  readonly reach: Reach;
}

export interface Reach {
  /** Within which 99 of 100 faults are over. */
  readonly millis: number | null;
  /** Changes of what is in use, in each repeat. */
  readonly moves: number | null;
}

export type Action =
  | { readonly kind: "impair"; link: string; direction: Direction; change: Change }
  | { readonly kind: "device"; readonly site: string; readonly device: string; up: boolean }
  /** SIGKILL; `start` does not wait for the router to be ready. */
  | { readonly kind: "kill" | "start"; readonly site: string }
  | { readonly kind: "wait"; readonly millis: number };

const ACTIONS =
  "impair LINK [up|down] CHANGE…, device SITE.DEVICE up|down, kill SITE, start SITE, wait TIME";

const duration = z.string().transform((text, context) => {
  const millis = parseDuration(text);
  if (millis !== null) return millis;
  context.addIssue({ code: "custom", message: `${text}: accepted is a time, e.g. 200ms or 2s` });
  return z.NEVER;
});

const action = z.string().transform((text, context) => {
  const parsed = parseAction(text);
  if (typeof parsed !== "string") return parsed;
  context.addIssue({ code: "custom", message: parsed });
  return z.NEVER;
});

const FILE = z.strictObject({
  fault: z.string(),
  what: z.string(),
  lab: z.string(),
  settings: z.record(z.string(), z.unknown()).default({}),
  traffic: z.strictObject({ from: z.string(), to: z.string(), port: z.int().min(1).max(65535) }),
  do: z.array(action).min(1),
  undo: z.array(action),
  watch: duration,
  settle: duration.default(0),
  late: duration.optional(),
  reach: z.strictObject({ p99: duration.optional(), moves: z.int().min(0).optional() }).default({}),
});

/** Reads a fault's file; a failure tells every problem. */
export function parseScenario(text: string, file: string): Scenario {
  const result = FILE.safeParse(parse(text));
  if (!result.success) {
    throw new Failure(
      result.error.issues.map(({ path, message }) => `${file}: ${path.join(".")}: ${message}`),
    );
  }
  const { watch, settle, late, reach, lab, ...rest } = result.data;
  return {
    ...rest,
    lab: resolve(file, "..", lab),
    watchMillis: watch,
    settleMillis: settle,
    lateMillis: late ?? null,
    reach: { millis: reach.p99 ?? null, moves: reach.moves ?? null },
  };
}

/** The action, or what is wrong with it. */
export function parseAction(text: string): Action | string {
  const [kind, subject, ...rest] = text.trim().split(/\s+/);
  const wrong = `${text}: accepted are ${ACTIONS}`;
  if (subject === undefined) return wrong;
  if (kind === "impair") {
    const direction = rest[0] === "up" || rest[0] === "down" ? rest[0] : "both";
    const parsed = parseChanges(direction === "both" ? rest : rest.slice(1));
    if ("problems" in parsed) return `${text}: ${parsed.problems.join("; ")}`;
    return { kind, link: subject, direction, change: parsed.change };
  }
  if (kind === "wait") {
    const millis = parseDuration(subject);
    return millis === null || rest.length > 0 ? wrong : { kind, millis };
  }
  if (kind === "device") {
    const [site, device] = subject.split(".");
    if (site === undefined || device === undefined) return wrong;
    return rest[0] === "up" || rest[0] === "down"
      ? { kind, site, device, up: rest[0] === "up" }
      : wrong;
  }
  return (kind === "kill" || kind === "start") && rest.length === 0
    ? { kind, site: subject }
    : wrong;
}

function parseDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text);
  return match === null ? null : Number(match[1]) * (match[2] === "s" ? 1000 : 1);
}
