/** The HTTP interface of a running router. It knows the router by its {@link RouterView} alone. */

import { OpenAPIHono } from "@hono/zod-openapi";
import { guard, lengthOfHead, type Listen, protect } from "./guard.ts";
import { homePage } from "./home.ts";
import { metricsText } from "./metrics.ts";
import { observe } from "./observation.ts";
import { ProblemFailure, problemResponse } from "./problem.ts";
import { registerExplainRoute } from "./routes/explain.ts";
import { registerNetworkRoutes } from "./routes/network.ts";
import { registerPathRoutes } from "./routes/paths.ts";
import { registerStateRoutes } from "./routes/state.ts";
import type { RouterView } from "../ports/router_view.ts";

export interface AppOptions {
  readonly listen: Listen;
  /** Told of faults of ours, which the asker gets to see without their details. */
  readonly onFault?: (error: unknown) => void;
}

export type App = OpenAPIHono;

export function createApp(view: RouterView, options: AppOptions): App {
  const app: App = new OpenAPIHono({
    defaultHook: (result, context) => {
      if (result.success) return;
      const errors = result.error.issues.flatMap((issue) =>
        issue.code === "unrecognized_keys"
          ? issue.keys.map((key) => ({ where: key, message: "no such parameter is accepted here" }))
          : issue.code === "invalid_type" &&
              Array.isArray(context.req.queries(issue.path.join(".")))
          ? [{
            where: issue.path.join("."),
            message: "it is given several times; accepted is once",
          }]
          : [{ where: issue.path.join("."), message: issue.message }]
      );
      return problemResponse(new ProblemFailure(400, "The request's parameters are wrong", errors));
    },
  });
  app.use(protect);
  app.use(lengthOfHead);
  app.use(guard(options.listen));

  registerStateRoutes(app, view);
  registerNetworkRoutes(app, view);
  registerPathRoutes(app, view);
  registerExplainRoute(app, view);
  app.get(
    "/metrics",
    (context) =>
      context.body(metricsText(observe(view), view.labelCounters(), view.measured()), 200, {
        "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
      }),
  );
  app.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: {
      title: "Labelway",
      version: view.version,
      description:
        "What the router of this site does: sites, paths, labels, and how good they are.",
      license: { name: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
  });
  app.get("/", (context) => context.html(homePage(view.current(), links(app))));

  app.notFound((context) => {
    const known = methods(app);
    const allowed = known.get(context.req.path);
    if (allowed !== undefined) {
      return problemResponse(
        new ProblemFailure(405, `${context.req.method} is not accepted by ${context.req.path}`, [
          { where: "", message: `accepted here: ${allowed.join(", ")}` },
        ], { Allow: allowed.join(", ") }),
      );
    }
    return problemResponse(
      new ProblemFailure(404, `There is nothing at ${context.req.path}`, [
        { where: "", message: `accepted are: ${[...known.keys()].join(", ")}` },
      ]),
    );
  });
  app.onError((error) => {
    if (error instanceof ProblemFailure) return problemResponse(error);
    options.onFault?.(error);
    return problemResponse(
      new ProblemFailure(500, "The router could not answer; its log says why"),
    );
  });
  return app;
}

/** Whatever a browser may open, as the description of the interface says it. */
function links(app: App): Map<string, string> {
  const described = app.openAPIRegistry.definitions.flatMap((one) =>
    one.type === "route" && one.route.method === "get"
      ? [[one.route.path, one.route.summary ?? ""] as const]
      : []
  );
  return new Map([
    ...described,
    ["/metrics", "Counters and measurements in the Prometheus text format"],
    ["/openapi.json", "All of this as OpenAPI 3.1, with every field described"],
  ]);
}

/** Path → methods, of everything registered; no path has parameters in it. */
function methods(app: App): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { path, method } of app.routes) {
    if (method === "ALL" || path.includes("*")) continue;
    const own = found.get(path) ?? [];
    // A GET is answered to HEAD as well, without its content (RFC 9110 §9.3.2).
    for (const one of method === "GET" ? ["GET", "HEAD"] : [method]) {
      if (!own.includes(one)) own.push(one);
    }
    found.set(path, own);
  }
  return found;
}
