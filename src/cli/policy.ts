/** `labelway policy …`. */

import type { Group } from "./command.ts";

export const policy: Group = {
  name: "policy",
  summary: "Ask which policy takes a packet, and why",
  commands: {
    explain: async () => (await import("./policy_explain.ts")).policyExplain,
  },
};
