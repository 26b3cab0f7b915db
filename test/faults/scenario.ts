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
  readonly traffic: Traffic;
  readonly do: readonly Action[];
  readonly undo: readonly Action[];
  /** Traffic that is seen to arrive before the fault. */
  readonly beforeMillis: number;
  /** From the fault on, as long as is looked. */
  readonly watchMillis: number;
  /** Least time from the undoing to the next repeat: what was bad has to count as good again. */
  readonly settleMillis: number;
  /** A datagram that takes so much longer than before the fault is spoiled too; null: lost ones alone. */
  readonly lateMillis: number | null;
  /** Reason by which the sites must have dropped and counted all that is lost; null: nobody counts. */
  readonly dropped: string | null;
  /** Packets with a label are counted at a site; null: nobody counts. */
  readonly passed: Passed | null;
  /** How often, unless somebody asks for another number; null: as often as the others. */
  readonly repeats: number | null;
  readonly reach: Reach;
}

export interface Traffic {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  /** Datagrams a second. */
  readonly rate: number;
}

export interface Passed {
  readonly site: string;
  /** As `labelway labels` tells its meaning. */
  readonly label: string;
}

/** What is promised; null: nothing. */
export interface Reach {
  /** Within which 99 of 100 faults are over. */
  readonly millis: number | null;
  /** Changes of what is in use, in each repeat. */
  readonly moves: number | null;
  /** Packets that the scenario's {@link Passed} counts from the fault on, at least. */
  readonly passed: number | null;
}

export type Action =
  | { readonly kind: "impair"; link: string; direction: Direction; change: Change }
  | { readonly kind: "device"; readonly site: string; readonly device: string; up: boolean }
  /** SIGKILL; `start` does not wait for the router to be ready. */
  | { readonly kind: "kill" | "start"; readonly site: string }
  | { readonly kind: "wait"; readonly millis: number }
  /** Other costs in the file of this site alone, by uplink (`lyon.fibre`), and a reload. */
  | { readonly kind: "misread"; readonly site: string; readonly costs: Costs }
  /** The file as all others have it, and a reload. */
  | { readonly kind: "restore"; readonly site: string };

export type Costs = Readonly<Record<string, number>>;

const ACTIONS =
  "impair LINK [up|down] CHANGE…, device SITE.DEVICE up|down, kill SITE, start SITE, " +
  "misread SITE SITE.UPLINK=COST…, restore SITE, wait TIME";

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
  traffic: z.strictObject({
    from: z.string(),
    to: z.string(),
    port: z.int().min(1).max(65535),
    rate: z.int().min(1).max(10_000).default(1000),
  }),
  do: z.array(action).min(1),
  undo: z.array(action),
  before: duration.default(500),
  watch: duration,
  settle: duration.default(0),
  late: duration.optional(),
  dropped: z.string().optional(),
  passed: z.strictObject({ site: z.string(), label: z.string() }).optional(),
  repeats: z.int().min(1).optional(),
  reach: z.strictObject({
    p99: duration.optional(),
    moves: z.int().min(0).optional(),
    passed: z.int().min(1).optional(),
  }).default({}),
}).refine(({ passed, reach }) => (passed === undefined) === (reach.passed === undefined), {
  error: "passed and reach.passed belong together: what is counted, and how much of it is promised",
});

/** Reads a fault's file; a failure tells every problem. */
export function parseScenario(text: string, file: string): Scenario {
  const result = FILE.safeParse(parse(text));
  if (!result.success) {
    throw new Failure(
      result.error.issues.map(({ path, message }) => `${file}: ${path.join(".")}: ${message}`),
    );
  }
  const { before, watch, settle, late, dropped, passed, repeats, reach, lab, ...rest } =
    result.data;
  return {
    ...rest,
    lab: resolve(file, "..", lab),
    beforeMillis: before,
    watchMillis: watch,
    settleMillis: settle,
    lateMillis: late ?? null,
    dropped: dropped ?? null,
    passed: passed ?? null,
    repeats: repeats ?? null,
    reach: {
      millis: reach.p99 ?? null,
      moves: reach.moves ?? null,
      passed: reach.passed ?? null,
    },
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
  if (kind === "misread") {
    const costs = rest.map((word) => /^([^.=]+\.[^.=]+)=(\d+)$/.exec(word));
    if (rest.length === 0 || costs.includes(null)) return wrong;
    return {
      kind,
      site: subject,
      costs: Object.fromEntries(costs.map((match) => [match![1]!, Number(match![2])])),
    };
  }
  return (kind === "kill" || kind === "start" || kind === "restore") && rest.length === 0
    ? { kind, site: subject }
    : wrong;
}

const MILLIS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000 };

function parseDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s|min)$/.exec(text);
  return match === null ? null : Number(match[1]) * MILLIS[match[2]!]!;
}
