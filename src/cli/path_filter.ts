/** Which paths a command is asked about. */

import type { Arguments, Option, Positional } from "./command.ts";

export const policyOption: Record<"policy", Option> = {
  policy: {
    kind: "text",
    value: "NAME",
    help: "Only the paths that this policy ranks",
    names: "policy",
  },
};

export const siteOfPaths: Positional = {
  name: "SITE",
  help: "Only paths to this site",
  optional: true,
  names: "site",
};

/** As the HTTP interface takes it. */
export function pathFilter(args: Arguments) {
  return { site: args.positional[0], policy: args.text("policy") };
}
