/** What the HTTP interface answers: the one source of its types, its OpenAPI document and the CLI. */

import { z } from "@hono/zod-openapi";
import { PROTECTIONS } from "../te/risk.ts";

const instant = z.iso.datetime().describe("Time, ISO 8601, UTC");
const generation = z.string().regex(/^[0-9a-f]{16}$/).describe("Hash of a configuration");
const count = z.int().nonnegative();
const share = z.number().min(0).max(1);

export const livenessSchema = z.enum(["up", "down", "unknown"]).openapi("Liveness", {
  description: "unknown: no probe was answered yet, and not enough are missing to call it down",
});

const qualityFields = {
  state: livenessSchema,
  stateMillis: count.describe("Time in this state"),
  downs: count.describe("Times it went down"),
  rttMicros: count.nullable().describe("Median round trip of the last 100 probes"),
  jitterMicros: count.nullable().describe("Mean difference of successive round trips"),
  loss: share.describe(
    "Share of the last 100 probes without a reply, from the first on that ever had one",
  ),
  probesSent: count,
  probesAnswered: count,
};

export const reloadDoneSchema = z.object({
  ok: z.literal(true),
  at: instant,
  generation,
  changes: z.array(z.string()).describe("What was changed, in order"),
}).openapi("ReloadDone");

const reloadFailedSchema = z.object({
  ok: z.literal(false),
  at: instant,
  problems: z.array(z.string()).describe("file:line:column: what is wrong; all of them"),
}).openapi("ReloadRefused");

export const reloadSchema = z.discriminatedUnion("ok", [reloadDoneSchema, reloadFailedSchema])
  .openapi("Reload");

export const statusSchema = z.object({
  network: z.string(),
  site: z.string(),
  sid: count,
  version: z.string(),
  backend: z.enum(["kernel", "embedded", "mixed"])
    .describe("Whose WireGuard serves the uplinks; mixed: see uplinks"),
  uplinks: z.array(z.object({ name: z.string(), backend: z.enum(["kernel", "embedded"]) })),
  file: z.string(),
  generation,
  generations: z.object({
    agree: z.boolean().describe("No neighbour that answers runs another generation"),
    differing: z.array(z.object({ site: z.string(), generation })),
    unheard: z.array(z.string()).describe("Neighbours whose generation is not known"),
  }),
  rollout: z.object({
    phase: z.enum(["segment-routed", "switched"]).describe(
      "segment-routed: node SIDs keep their former ways. switched: only stacks are not short yet",
    ),
    until: instant.nullable().describe(
      "When the next phase comes at the latest; null: not before every neighbour that answers has " +
        "the file",
    ),
    awaited: z.array(z.string()).describe("Neighbours not known to run this generation"),
  }).nullable().describe("What a new file that changes ways has come to; null: at rest"),
  startedAt: instant,
  uptimeMillis: count,
  appliedAt: instant,
  ready: z.boolean().describe("The engine forwards by this generation"),
  adjacencies: z.object({ total: count, up: count, down: count, unknown: count }),
  paths: z.object({ total: count, up: count, down: count, unknown: count }),
  sites: z.object({
    total: count.describe("Other sites"),
    reachable: count.describe("Those with a path that is up"),
  }),
  threads: z.array(z.object({
    name: z.string(),
    direction: z.enum(["ingress", "underlay"]).describe(
      "It takes packets from LANs, or neighbours",
    ),
    number: count.describe("Among those of its direction"),
    packets: count,
    bytes: count,
  })).describe("The engine's threads that move packets, and what each has taken"),
  warnings: z.array(z.string()).describe("What does not work and is tried again"),
  lastReload: reloadSchema.nullable(),
}).openapi("Status");

const uplinkSchema = z.object({
  name: z.string(),
  number: count,
  color: z.string(),
  device: z.string(),
  listenPort: count,
  endpoint: z.string().nullable().describe("null: others cannot reach it first"),
  publicKey: z.string(),
  bandwidthBitsPerSecond: z.number().nullable(),
  metered: z.boolean(),
  cost: z.number(),
  mtuBytes: count,
}).openapi("Uplink");

export const siteSchema = z.object({
  name: z.string(),
  sid: count,
  self: z.boolean(),
  transit: z.boolean().describe("Other sites' traffic may pass through it"),
  loopbacks: z.array(z.string()),
  uplinks: z.array(uplinkSchema),
  segments: z.array(z.object({ segment: z.string(), prefixes: z.array(z.string()) })),
  reachable: z.boolean().describe("A path to it is up; true for this site itself"),
  paths: z.object({ total: count, up: count }),
  generation: generation.nullable().describe("What it runs, if it is a neighbour that answers"),
}).openapi("Site");

const bfdSchema = z.object({
  state: z.enum(["admindown", "down", "init", "up"]),
  diagnostic: z.string().describe("Why it is not up, as the neighbour is told (RFC 5880 §4.1)"),
  remoteState: z.enum(["admindown", "down", "init", "up"]),
  remoteDiagnostic: z.string(),
  transmitMicros: count.nullable().describe(
    "Between our packets, before jitter; null while the neighbour wants none",
  ),
  detectionMicros: count.describe("Without a packet for so long it is down"),
  sent: count,
  received: count,
  discarded: count.describe("By the rules of RFC 5880 §6.8.6"),
}).openapi("Bfd");

export const adjacencySchema = z.object({
  key: z.string(),
  uplink: z.string(),
  interface: z.string(),
  site: z.string().describe("The neighbour"),
  remoteUplink: z.string(),
  localAddress: z.string().describe("Inside the tunnels"),
  remoteAddress: z.string().describe("Inside the tunnels"),
  mtuBytes: count.describe("Label stack and customer packet, by the file"),
  mtuFoundBytes: count.nullable().describe(
    "The same, as it was found to cross in one piece; null: not known",
  ),
  ...qualityFields,
  bfd: bfdSchema.nullable().describe("The session that decides whether it is up"),
  reason: z.string().nullable().describe("What keeps it down; null: nothing that is known here"),
  generation: generation.nullable().describe("What the neighbour runs"),
  generationDiffers: z.boolean(),
  txPackets: count,
  txBytes: count,
  rxPackets: count,
  rxBytes: count,
  wireguard: z.object({
    endpoint: z.string().nullable(),
    latestHandshakeAt: instant.nullable(),
    rxBytes: count,
    txBytes: count,
  }).nullable().describe("As `wg show` tells; null while it does not"),
}).openapi("Adjacency");

export const stackEntrySchema = z.object({
  label: count,
  meaning: z.string(),
}).openapi("StackEntry");

const hopSchema = z.object({
  fromSite: z.string(),
  fromUplink: z.string(),
  toSite: z.string(),
  toUplink: z.string(),
  cost: z.number(),
  mtuBytes: count.describe("Of the underlay"),
}).openapi("Hop");

export const pathUseSchema = z.object({
  segment: z.string(),
  policy: z.string().nullable().describe("null: what no policy matches"),
  rank: z.int().positive().describe("1 is the best"),
  inUse: z.boolean(),
  reason: z.string().nullable().describe("Why it is not in use"),
}).openapi("PathUse");

export const pathSchema = z.object({
  key: z.string(),
  egress: z.string(),
  hops: z.array(hopSchema),
  labels: z.array(stackEntrySchema).describe("Above the service label, outermost first"),
  returnLabels: z.array(stackEntrySchema),
  cost: z.number(),
  mtuBytes: count.describe("Largest customer packet, by the file"),
  mtuFoundBytes: count.nullable().describe(
    "The same, as it was found to cross in one piece; null: not known",
  ),
  metered: z.boolean(),
  origin: z.enum(["computed", "explicit"]),
  ...qualityFields,
  txPackets: count.describe("Customer packets that this router put on it"),
  txBytes: count,
  inUse: z.boolean(),
  reason: z.string().nullable().describe("Why it is in use nowhere"),
  uses: z.array(pathUseSchema),
}).openapi("Path");

export const verdictSchema = z.enum([
  "meets",
  "recovering",
  "breaks",
  "unknown",
  "suppressed",
  "dead",
]).openapi("SloVerdict", {
  description:
    "How it does against the SLO; recovering: it was bad and is good, but not for long " +
    "enough; suppressed: it failed too often",
});

const windowFields = {
  spanMillis: count,
  sent: count.describe("Probes, without those whose answer may still come"),
  answered: count,
  loss: share.nullable().describe("Of the round trip"),
  lossForward: share.nullable().describe("From here to there; null: the far end does not tell"),
  lossBackward: share.nullable().describe("From there to here, of those that arrived there"),
  late: count.describe("Answered after they had been given up"),
  reorderedForward: count.describe("Overtaken on the way there (RFC 4737)"),
  reorderedBackward: count,
  copiesForward: count.describe("Copies that the way there made"),
  copiesBackward: count,
  rttMicros: z.object({
    min: count,
    mean: count,
    p50: count,
    p95: count,
    p99: count,
    max: count,
  }).nullable().describe("Round trips, without the time in the far end; null without an answer"),
  jitterMicros: count.nullable().describe("Mean difference of successive round trips"),
};
const windowSchema = z.object(windowFields).openapi("MeasurementWindow");

export const measurementsSchema = z.object({
  site: z.string(),
  paths: z.array(z.object({
    key: z.string(),
    egress: z.string(),
    mtuBytes: count.nullable().describe(
      "Largest customer packet that was found to cross in one piece; null: not known",
    ),
    windows: z.array(windowSchema).describe("1 s, 10 s, 1 min, 15 min and 24 h"),
    classes: z.array(z.object({ class: count.describe("TC"), ...windowFields }))
      .describe("The last minute of each class that was probed"),
  })),
}).openapi("Measurements");

const portsSchema = z.array(z.object({ low: count, high: count })).describe("Empty: any");

const placesSchema = z.array(z.string()).describe("Prefixes, or sites by name; empty: any");

const matchSchema = z.object({
  segment: z.string().nullable().describe("null: any"),
  sources: placesSchema,
  destinations: placesSchema,
  applications: z.array(z.string()).describe("Traffic of one of these; empty: any"),
  dscps: z.array(count).describe("Empty: any"),
  protocols: z.array(count).describe("Empty: any"),
  sourcePorts: portsSchema,
  destinationPorts: portsSchema,
  time: z.string().nullable().describe("Days and hours in a time zone; null: always"),
}).openapi("PolicyMatch");

const sloSchema = z.object({
  latencyMicros: count.nullable().describe("Round trip, at most"),
  jitterMicros: count.nullable().describe("At most"),
  loss: share.nullable().describe("At most"),
  bandwidthBitsPerSecond: z.number().nullable().describe("At least"),
}).describe("null: nothing is asked").openapi("Slo");

export const objectiveSchema = z.enum(["cost", "latency", "loss", "jitter", "throughput"]);

const classSchema = z.object({
  name: z.string(),
  objective: objectiveSchema,
  slo: sloSchema,
  flows: z.enum(["better", "broken"]).describe("When a flow that has a path moves"),
  leaveMillis: count.describe("A path is judged bad by what was measured in so long"),
  returnMillis: count.describe("A bad path is judged good by what was measured in so long"),
  margin: share.describe("Another path must be better by this share"),
  holdMillis: count.describe("… for so long"),
  stayMillis: count.describe("A path stays in use for so long"),
  flap: z.object({
    penalty: count,
    suppress: count,
    reuse: count,
    halfLifeMillis: count,
    maximumMillis: count,
  }).describe("Damping of paths that keep failing (after RFC 2439)"),
}).openapi("SloClass");

export const rankedPathSchema = z.object({
  rank: z.int().positive(),
  key: z.string(),
  state: livenessSchema,
  inUse: z.boolean(),
  reason: z.string().nullable(),
  rttMicros: count.nullable(),
}).openapi("RankedPath");

export const policySchema = z.object({
  name: z.string().nullable().describe("null: what no policy matches"),
  match: matchSchema,
  holds: z.boolean().describe("It is the time of day that it asks for"),
  class: classSchema.nullable().describe(
    "How its paths are judged, with what the policy changes; null: it drops",
  ),
  action: z.string(),
  destinations: z.array(z.object({
    segment: z.string(),
    egress: z.string(),
    prefixes: z.array(z.string()),
    verdict: z.enum(["paths", "drop"]),
    inUse: z.string().nullable().describe("Key of the path; null: dropped"),
    paths: z.array(rankedPathSchema).describe("Best first"),
  })),
}).openapi("Policy");

export const explanationSchema = z.object({
  packet: z.object({
    segment: z.string(),
    source: z.string(),
    destination: z.string(),
    protocol: count,
    dscp: count,
    sourcePort: count.nullable(),
    destinationPort: count.nullable(),
    ingress: z.string().describe("Site: this one"),
    egress: z.string().describe("Site that has the destination"),
    prefix: z.string().describe("That the destination is found by"),
    at: instant.describe("Time of day that policies are asked for"),
  }),
  assumed: z.array(z.string()).describe("What was not asked and is taken to be so"),
  asked: z.array(z.object({
    name: z.string(),
    why: z.array(z.string()).describe("Why it does not match; empty: it does"),
  })).describe("The policies in their order, up to the one that matches"),
  policy: z.string().nullable().describe("That matches; null: none"),
  action: z.string(),
  class: classSchema.nullable(),
  verdict: z.enum(["paths", "drop"]),
  inUse: z.string().nullable().describe("Key of the path; null: dropped"),
  paths: z.array(z.object({
    rank: z.int().positive(),
    key: z.string(),
    state: livenessSchema,
    inUse: z.boolean(),
    verdict: verdictSchema,
    kept: z.boolean().describe(
      "Flows that are on it stay for now, and a better path takes the rest",
    ),
    cost: z.number(),
    metered: z.boolean(),
    mtuBytes: count,
    rttMicros: count.nullable().describe("Median round trip"),
    jitterMicros: count.nullable(),
    lossForward: share.nullable().describe("From here to there"),
    lossBackward: share.nullable().describe(
      "From there to here; both are the round trip's where the far end does not tell them apart",
    ),
    bandwidthBitsPerSecond: z.number().nullable().describe(
      "Of the narrowest uplink on the way, by the file; null: some uplink has none in it",
    ),
    windowMillis: count.nullable().describe("Time over which they were measured"),
    ageMillis: count.nullable().describe("Since the end of that time; null: never measured"),
    rttByHopsMicros: count.nullable().describe(
      "Sum of what the sites on the way measure on their adjacencies; null: one hop, or not told",
    ),
    lossForwardByHops: share.nullable().describe("Composed likewise"),
    lossBackwardByHops: share.nullable(),
    why: z.string().nullable().describe(
      "Why it is not in use, or what is wrong with it all the same",
    ),
    wins: z.string().nullable().describe("What would put it in use; null: it is"),
  })).describe("Best first"),
}).openapi("Explanation");

export const labelSchema = z.object({
  label: count,
  meaning: z.string(),
  action: z.enum(["deliver", "pop", "forward"]),
  segment: z.string().nullable().describe("That it delivers into"),
  nextHops: z.array(z.object({
    adjacency: z.string(),
    state: livenessSchema,
    inUse: z.boolean(),
    operation: z.enum(["pop", "swap", "push"]),
    labels: z.array(stackEntrySchema).describe("In place of the label"),
    repair: z.enum(PROTECTIONS).nullable().describe(
      "Of a way round what failed: what fails with the first adjacency and is kept clear of; null: " +
        "it is no repair",
    ),
  })),
  acceptFrom: z.array(z.string()).describe("Adjacencies that it may come by"),
  packets: count,
  bytes: count,
}).openapi("LabelEntry");

export const dropSchema = z.object({ reason: z.string(), packets: count }).openapi("Drop");

export const sitesSchema = z.object({ sites: z.array(siteSchema) }).openapi("Sites");
export const adjacenciesSchema = z.object({
  adjacencies: z.array(adjacencySchema),
  wireguardProblem: z.string().nullable().describe("Why WireGuard's own state is missing"),
}).openapi("Adjacencies");
export const pathsSchema = z.object({ site: z.string(), paths: z.array(pathSchema) })
  .openapi("Paths");
export const policiesSchema = z.object({ policies: z.array(policySchema) }).openapi("Policies");
export const labelsSchema = z.object({ labels: z.array(labelSchema) }).openapi("Labels");
export const dropsSchema = z.object({
  total: count,
  drops: z.array(dropSchema).describe("By reason, the most frequent first"),
}).openapi("Drops");
export const healthSchema = z.object({ status: z.literal("ok") }).openapi("Health");

/** RFC 9457, with all that was wrong in `errors`. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  errors: z.array(z.object({
    where: z.string().describe("Query parameter, header or file position; empty: the whole"),
    message: z.string(),
  })),
}).openapi("Problem");

export type Status = z.infer<typeof statusSchema>;
export type Sites = z.infer<typeof sitesSchema>;
export type Adjacencies = z.infer<typeof adjacenciesSchema>;
export type Paths = z.infer<typeof pathsSchema>;
export type PathAnswer = z.infer<typeof pathSchema>;
export type Measurements = z.infer<typeof measurementsSchema>;
export type Policies = z.infer<typeof policiesSchema>;
export type PolicyAnswer = z.infer<typeof policySchema>;
export type Explanation = z.infer<typeof explanationSchema>;
export type Labels = z.infer<typeof labelsSchema>;
export type Drops = z.infer<typeof dropsSchema>;
export type Reload = z.infer<typeof reloadSchema>;
export type Problem = z.infer<typeof problemSchema>;
