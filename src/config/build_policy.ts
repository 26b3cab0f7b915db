/** A policy of the checked file → the network's. */

import { joined } from "../match/alternatives.ts";
import type {
  Application,
  ApplicationTerm,
  Policy,
  PolicyMatch,
  Step,
  TimeWindow,
} from "../model/network.ts";
import type { SloClass } from "../model/slo.ts";
import { BUILT_IN_APPLICATIONS } from "./applications.ts";
import { BUILT_IN_CLASSES, DEFAULT_CLASS } from "./classes.ts";
import type { File, FileApplication, FileClass, FilePolicy } from "./schema.ts";

const DAY_MINUTES = 24 * 60;

export function buildPolicy(file: File, policy: FilePolicy): Policy {
  const { disjoint_from: other } = policy;
  return {
    name: policy.name,
    match: buildMatch(file, policy.match),
    class: classOf(file, policy),
    steps: policy.action === "drop" ? [] : buildSteps(policy),
    ...(other !== undefined && { disjointFrom: other }),
    ...(policy.balance && { balance: true }),
  };
}

/** Names that are not known are passed over; they are reported elsewhere. */
export function buildMatch(file: File, match: FilePolicy["match"]): PolicyMatch {
  return {
    ...(match.segment !== undefined && { segment: match.segment }),
    sources: match.source ?? [],
    destinations: match.destination ?? [],
    dscps: ascending(match.dscp ?? []),
    protocols: ascending(match.protocol ?? []),
    sourcePorts: joined(match.source_ports ?? []),
    destinationPorts: joined(match.ports ?? []),
    applications: (match.application ?? []).flatMap((name) => applicationOf(file, name) ?? []),
    ...(match.time && { time: buildTime(match.time) }),
  };
}

export function applicationOf(file: File, name: string): Application | undefined {
  const own = Object.hasOwn(file.applications, name) ? file.applications[name] : undefined;
  if (own) return { name, terms: own.map(buildTerm) };
  const terms = Object.hasOwn(BUILT_IN_APPLICATIONS, name)
    ? BUILT_IN_APPLICATIONS[name]
    : undefined;
  return terms && { name, terms };
}

function buildTerm(term: FileApplication[number]): ApplicationTerm {
  return {
    protocols: ascending(term.protocol ?? []),
    dscps: ascending(term.dscp ?? []),
    ports: joined(term.ports ?? []),
    servers: term.servers ?? [],
  };
}

function buildTime(time: NonNullable<FilePolicy["match"]["time"]>): TimeWindow {
  const days = time.days?.flat() ?? [1, 2, 3, 4, 5, 6, 7];
  const hours = [...time.hours ?? [[0, DAY_MINUTES] as const]];
  return {
    zone: time.zone,
    days: ascending(days),
    hours: hours.sort((a, b) => a[0] - b[0] || a[1] - b[1]),
  };
}

/** The class that a policy names, with what the file and the policy itself say in its place. */
export function classOf(file: File, policy: FilePolicy): SloClass {
  const named = classNamed(file, policy.class ?? DEFAULT_CLASS.name) ?? DEFAULT_CLASS;
  return {
    ...named,
    ...(policy.objective && { objective: policy.objective }),
    slo: { ...named.slo, ...buildSlo(policy.slo) },
  };
}

/** A class of the file's own begins as the default one, which the file may have changed. */
export function classNamed(file: File, name: string): SloClass | undefined {
  const builtIn = Object.hasOwn(BUILT_IN_CLASSES, name) ? BUILT_IN_CLASSES[name] : undefined;
  const own = Object.hasOwn(file.classes, name) ? file.classes[name] : undefined;
  if (!own) return builtIn;
  const base = builtIn ?? classNamed(file, DEFAULT_CLASS.name)!;
  return changed({ ...base, name }, own);
}

function changed(base: SloClass, own: FileClass): SloClass {
  const { timers } = base;
  return {
    name: base.name,
    objective: own.objective ?? base.objective,
    slo: { ...base.slo, ...buildSlo(own.slo) },
    timers: {
      leaveWindowMillis: own.leave ?? timers.leaveWindowMillis,
      returnWindowMillis: own.return ?? timers.returnWindowMillis,
      marginShare: own.margin ?? timers.marginShare,
      holdMillis: own.hold ?? timers.holdMillis,
      minimumStayMillis: own.stay ?? timers.minimumStayMillis,
      flap: {
        penalty: own.flap?.penalty ?? timers.flap.penalty,
        suppress: own.flap?.suppress ?? timers.flap.suppress,
        reuse: own.flap?.reuse ?? timers.flap.reuse,
        halfLifeMillis: own.flap?.half_life ?? timers.flap.halfLifeMillis,
        maximumMillis: own.flap?.maximum ?? timers.flap.maximumMillis,
      },
    },
    move: own.flows ?? base.move,
  };
}

function buildSlo(slo: FilePolicy["slo"]): SloClass["slo"] {
  return {
    ...(slo?.latency !== undefined && { latencyMicros: slo.latency }),
    ...(slo?.jitter !== undefined && { jitterMicros: slo.jitter }),
    ...(slo?.loss !== undefined && { loss: slo.loss }),
    ...(slo?.bandwidth !== undefined && { bandwidthBitsPerSecond: slo.bandwidth }),
  };
}

/** A path or via is followed by whatever is computed, unless the file says otherwise. */
function buildSteps(policy: FilePolicy): Step[] {
  const fixed = policy.path !== undefined || policy.via !== undefined;
  const { otherwise = fixed ? "computed" : "drop" } = policy;
  const rest = typeof otherwise === "string" ? [otherwise] : otherwise;
  return [policy, ...rest].flatMap((step): Step[] =>
    step === "drop" ? [] : [buildStep(step === "computed" ? {} : step)]
  );
}

function buildStep(
  step: Partial<Pick<FilePolicy, "path" | "via" | "avoid" | "require" | "prefer">>,
): Step {
  if (step.path) return { kind: "explicit", hops: step.path };
  if (step.via) return { kind: "via", sites: step.via };
  return {
    kind: "computed",
    constraints: {
      avoidSites: sorted(step.avoid?.sites),
      requireSites: sorted(step.require?.sites),
      avoidColors: sorted(step.avoid?.colors),
      requireColors: sorted(step.require?.colors),
    },
    prefer: { sites: sorted(step.prefer?.sites), colors: sorted(step.prefer?.colors) },
  };
}

const sorted = (names: readonly string[] = []) => [...new Set(names)].sort();

function ascending(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}
