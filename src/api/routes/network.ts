/** The network as the file has it, with live state. */

import { createRoute } from "@hono/zod-openapi";
import type { RouterView } from "../../ports/router_view.ts";
import { adjacenciesAnswer } from "../answers/adjacencies.ts";
import { dropsAnswer, labelsAnswer } from "../answers/labels.ts";
import { sitesAnswer } from "../answers/status.ts";
import type { App } from "../app.ts";
import { observe } from "../observation.ts";
import { adjacenciesSchema, dropsSchema, labelsSchema, sitesSchema } from "../schema.ts";
import { json, nothing, refusals } from "./describe.ts";

export function registerNetworkRoutes(app: App, view: RouterView): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/sites",
      summary: "Every site with its uplinks and prefixes, and whether it can be reached",
      request: nothing,
      responses: { 200: json(sitesSchema, "By name"), ...refusals },
    }),
    (context) => context.json(sitesAnswer(observe(view)), 200),
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/adjacencies",
      summary: "Each pair of uplinks that meet here: how good it is, and its WireGuard peer",
      request: nothing,
      responses: { 200: json(adjacenciesSchema, "In the order of the table"), ...refusals },
    }),
    async (context) => context.json(await adjacenciesAnswer(observe(view), view), 200),
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/labels",
      summary: "The incoming label map with its counters",
      request: nothing,
      responses: { 200: json(labelsSchema, "By label"), ...refusals },
    }),
    (context) => context.json(labelsAnswer(observe(view), view.labelCounters()), 200),
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/drops",
      summary: "Packets dropped, by reason",
      request: nothing,
      responses: { 200: json(dropsSchema, "The most frequent first"), ...refusals },
    }),
    (context) => context.json(dropsAnswer(observe(view)), 200),
  );
}
