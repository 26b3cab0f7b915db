/** The router itself: how it is, and reading its file again. */

import { createRoute } from "@hono/zod-openapi";
import type { RouterView } from "../../ports/router_view.ts";
import { reloadAnswer, statusAnswer } from "../answers/status.ts";
import type { App } from "../app.ts";
import { observe } from "../observation.ts";
import { ProblemFailure } from "../problem.ts";
import { healthSchema, reloadDoneSchema, statusSchema } from "../schema.ts";
import { json, nothing, problem, refusals } from "./describe.ts";

export function registerStateRoutes(app: App, view: RouterView): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/status",
      summary: "This router: site, generation, what is up, and who runs another generation",
      request: nothing,
      responses: { 200: json(statusSchema, "How it is now"), ...refusals },
    }),
    (context) => context.json(statusAnswer(observe(view)), 200),
  );
  app.openapi(
    createRoute({
      method: "post",
      path: "/v1/reload",
      summary: "Read the file again and apply what changed (over the Unix socket only)",
      request: nothing,
      responses: {
        200: json(reloadDoneSchema, "Applied"),
        ...refusals,
        422: problem("The file is refused; what ran before goes on"),
      },
    }),
    async (context) => {
      const answer = reloadAnswer(await view.reload());
      if (answer.ok) return context.json(answer, 200);
      throw new ProblemFailure(
        422,
        "The file is refused; the router goes on as before",
        answer.problems.map(splitPosition),
      );
    },
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/livez",
      summary: "Does the router still do its work? If not, it has to be started again",
      request: nothing,
      responses: {
        200: json(healthSchema, "It does"),
        ...refusals,
        503: problem("It does not; the answer says why"),
      },
    }),
    (context) => {
      const fault = view.fault();
      if (fault !== null) throw new ProblemFailure(503, fault);
      return context.json({ status: "ok" as const }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/readyz",
      summary: "Does it forward packets by the generation that it was last told?",
      request: nothing,
      responses: {
        200: json(healthSchema, "It does"),
        ...refusals,
        503: problem("It does not; the answer says why"),
      },
    }),
    (context) => {
      const { state, snapshot } = observe(view);
      if (snapshot.generation === state.table.generation) {
        return context.json({ status: "ok" as const }, 200);
      }
      throw new ProblemFailure(
        503,
        snapshot.generation === null
          ? "No forwarding table is in use yet"
          : `Forwarding by generation ${snapshot.generation}, not ${state.table.generation} yet`,
        state.warnings.map((message) => ({ where: "", message })),
      );
    },
  );
}

/** `file:line:column: what is wrong` → where and what. */
function splitPosition(problem: string): { where: string; message: string } {
  const match = /^(?<where>.+?:\d+:\d+): (?<message>.*)$/s.exec(problem);
  return { where: match?.groups?.where ?? "", message: match?.groups?.message ?? problem };
}
