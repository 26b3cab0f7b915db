/** A policy in words, as the operator would say it. */

import { formatWindow } from "../../match/time.ts";
import type { ExplicitHop, Place, Policy, Step } from "../../model/network.ts";
import type { SloClass } from "../../model/slo.ts";

/** `class voice; objective latency; avoid colors lte; otherwise via hub, then computed` */
export function formatAction(policy: Policy): string {
  const [first, ...rest] = policy.steps;
  if (!first) return "drop";
  const { name, objective } = policy.class;
  const parts = [
    ...(name === "default" ? [] : [`class ${name}`]),
    ...(first.kind === "computed" || objective !== "cost" ? [`objective ${objective}`] : []),
    ...(isFree(first) ? [] : [formatStep(first)]),
    ...(policy.disjointFrom === undefined ? [] : [`disjoint from ${policy.disjointFrom}`]),
    ...(policy.balance ? ["balanced"] : []),
  ];
  if (rest.length > 0) parts.push(`otherwise ${rest.map(formatStep).join(", then ")}`);
  else if (first.kind !== "computed") parts.push("otherwise drop");
  return parts.join("; ");
}

/** Of what no policy matches. */
export function formatDefault({ objective }: SloClass): string {
  return `objective ${objective}`;
}

export function formatStep(step: Step): string {
  switch (step.kind) {
    case "explicit":
      return `path ${step.hops.map(formatHop).join(", ")}`;
    case "via":
      return `via ${step.sites.join(", ")}`;
    case "computed": {
      const { avoidSites, requireSites, avoidColors, requireColors } = step.constraints;
      const parts = [
        ["prefer sites", step.prefer.sites],
        ["prefer colors", step.prefer.colors],
        ["avoid sites", avoidSites],
        ["require sites", requireSites],
        ["avoid colors", avoidColors],
        ["require colors", requireColors],
      ] as const;
      const words = parts.filter(([, names]) => names.length > 0)
        .map(([what, names]) => `${what} ${names.join(", ")}`);
      return words.join("; ") || "computed";
    }
  }
}

function isFree(step: Step): boolean {
  return step.kind === "computed" && formatStep(step) === "computed";
}

function formatHop({ from, to }: ExplicitHop): string {
  return `${from.site}.${from.uplink} > ${to.site}.${to.uplink}`;
}

/** What is matched; null and empty lists ask for nothing. */
export function matchFields({ match }: Pick<Policy, "match">) {
  return {
    segment: match.segment ?? null,
    sources: match.sources.map(placeText),
    destinations: match.destinations.map(placeText),
    applications: match.applications.map(({ name }) => name),
    dscps: [...match.dscps],
    protocols: [...match.protocols],
    sourcePorts: match.sourcePorts.map(([low, high]) => ({ low, high })),
    destinationPorts: match.destinationPorts.map(([low, high]) => ({ low, high })),
    time: match.time ? formatWindow(match.time) : null,
  };
}

/** Only a prefix has a slash in it. */
function placeText(place: Place): string {
  return "site" in place ? place.site : place.prefix;
}

export function classFields({ name, objective, slo, timers, move }: SloClass) {
  return {
    name,
    objective,
    slo: {
      latencyMicros: slo.latencyMicros ?? null,
      jitterMicros: slo.jitterMicros ?? null,
      loss: slo.loss ?? null,
      bandwidthBitsPerSecond: slo.bandwidthBitsPerSecond ?? null,
    },
    flows: move,
    leaveMillis: timers.leaveWindowMillis,
    returnMillis: timers.returnWindowMillis,
    margin: timers.marginShare,
    holdMillis: timers.holdMillis,
    stayMillis: timers.minimumStayMillis,
    flap: {
      penalty: timers.flap.penalty,
      suppress: timers.flap.suppress,
      reuse: timers.flap.reuse,
      halfLifeMillis: timers.flap.halfLifeMillis,
      maximumMillis: timers.flap.maximumMillis,
    },
  };
}
