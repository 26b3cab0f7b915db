/** Which path, how good, and why. */

import { createRoute, z } from "@hono/zod-openapi";
import type { RouterView } from "../../ports/router_view.ts";
import { measurementsAnswer } from "../answers/measurements.ts";
import { type PathFilter, pathsAnswer } from "../answers/paths.ts";
import { policiesAnswer } from "../answers/policies.ts";
import type { App } from "../app.ts";
import { type Observation, observe } from "../observation.ts";
import { ProblemFailure } from "../problem.ts";
import { measurementsSchema, pathsSchema, policiesSchema } from "../schema.ts";
import { json, nothing, refusals } from "./describe.ts";

const query = z.strictObject({
  site: z.string().optional().openapi({ description: "Only paths to this site" }),
  policy: z.string().optional().openapi({ description: "Only paths that it ranks" }),
});

export function registerPathRoutes(app: App, view: RouterView): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/paths",
      summary: "Each candidate path to each site: labels, quality, in use or why not",
      request: { query },
      responses: { 200: json(pathsSchema, "By egress, then rank by cost"), ...refusals },
    }),
    (context) => {
      const observation = observe(view);
      const filter = known(observation, context.req.valid("query"));
      return context.json(pathsAnswer(observation, filter), 200);
    },
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/measurements",
      summary: "What probes told of each path, over 1 s, 10 s, 1 min, 15 min and 24 h",
      request: { query },
      responses: { 200: json(measurementsSchema, "In no particular order"), ...refusals },
    }),
    (context) => {
      const observation = observe(view);
      const filter = known(observation, context.req.valid("query"));
      return context.json(measurementsAnswer(observation, view.measured(), filter), 200);
    },
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/policies",
      summary: "Each policy: what it matches, its ranked paths, and which is in use now",
      request: nothing,
      responses: {
        200: json(policiesSchema, "As they are asked; the first match decides"),
        ...refusals,
      },
    }),
    (context) => context.json(policiesAnswer(observe(view)), 200),
  );
}

/** The filter, if there are such sites and policies. */
function known({ state: { network, site } }: Observation, filter: PathFilter): PathFilter {
  const others = network.sites.map(({ name }) => name).filter((name) => name !== site.name);
  const errors = [
    notAmong("site", filter.site, others),
    notAmong("policy", filter.policy, network.policies.map(({ name }) => name)),
  ].filter((error) => error !== null);
  if (errors.length === 0) return filter;
  throw new ProblemFailure(400, "The request's parameters are wrong", errors);
}

function notAmong(where: string, given: string | undefined, accepted: readonly string[]) {
  if (given === undefined || accepted.includes(given)) return null;
  const list = accepted.length === 0 ? "nothing, as there is none" : accepted.join(", ");
  return { where, message: `${where} ${given} is not known; accepted here: ${list}` };
}
