/** All commands by name. Each is loaded when named: a question does not wait for the router's code. */

import denoJson from "../../deno.json" with { type: "json" };
import type { Program } from "./command.ts";

export const VERSION: string = denoJson.version;

export const PROGRAM: Program = {
  name: "labelway",
  version: VERSION,
  summary: "Labelway, an edge overlay router: label-switched paths over WireGuard.",
  commands: {
    up: async () => (await import("./up.ts")).up,
    check: async () => (await import("./check.ts")).check,
    plan: async () => (await import("./plan.ts")).plan,
    keygen: async () => (await import("./keygen.ts")).keygen,
    probekey: async () => (await import("./probekey.ts")).probekey,
    pubkey: async () => (await import("./pubkey.ts")).pubkey,
    status: async () => (await import("./status.ts")).status,
    paths: async () => (await import("./paths.ts")).paths,
    measurements: async () => (await import("./measurements.ts")).measurements,
    policies: async () => (await import("./policies.ts")).policies,
    policy: async () => (await import("./policy.ts")).policy,
    adjacencies: async () => (await import("./adjacencies.ts")).adjacencies,
    labels: async () => (await import("./labels.ts")).labels,
    drops: async () => (await import("./drops.ts")).drops,
    reload: async () => (await import("./reload.ts")).reload,
    lab: async () => (await import("./lab.ts")).lab,
    names: async () => (await import("./names.ts")).names,
    schema: async () => (await import("./schema.ts")).schema,
    completion: async () => (await import("./completion.ts")).completion,
  },
};
