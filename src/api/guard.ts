/** Who may ask: nobody's web page, and nobody who reached this port under another name. */

import type { MiddlewareHandler } from "hono";
import { ProblemFailure, problemResponse } from "./problem.ts";

/** How requests reach the app. */
export type Listen =
  /** Whoever may open the socket (mode 0600) may do everything. */
  | { readonly kind: "unix" }
  /** Any user of the machine may connect, so it only reads. */
  | { readonly kind: "tcp"; readonly port: number };

/**
 * A page in a browser can make requests to 127.0.0.1, under its own name by DNS rebinding or across
 * origins. The first shows in Host, the second in Origin; both are refused, on every method.
 */
export function guard(listen: Listen): MiddlewareHandler {
  return async (context, next) => {
    if (listen.kind === "tcp") {
      const failure = misdirected(context.req.header("host"), listen.port) ??
        crossOrigin(context.req.header("origin"), listen.port) ??
        reading(context.req.method);
      if (failure !== null) {
        context.res = problemResponse(failure);
        return;
      }
    } else if (context.req.header("origin") !== undefined) {
      context.res = problemResponse(
        new ProblemFailure(403, "No web page may ask over the Unix socket", [
          { where: "Origin", message: "accepted here: no such header" },
        ]),
      );
      return;
    }
    await next();
  };
}

/** On each answer: never cached, never guessed at, never framed or run as a script elsewhere. */
export const protect: MiddlewareHandler = async (context, next) => {
  await next();
  const { headers } = context.res;
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Cache-Control", "no-store");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  headers.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  headers.set("Referrer-Policy", "no-referrer");
};

/** RFC 9110 §9.3.2: a HEAD has the length that its GET would have; without it the server says 0. */
export const lengthOfHead: MiddlewareHandler = async (context, next) => {
  await next();
  if (context.req.raw.method !== "HEAD") return;
  const { byteLength } = await context.res.clone().arrayBuffer();
  context.res.headers.set("Content-Length", String(byteLength));
};

/** An address cannot be made to mean another machine, as a name can: any of 127.0.0.0/8 will do. */
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:(?<port>\d+))?$/i;

function isOurs(host: string, port: number): boolean {
  const match = LOOPBACK.exec(host);
  // A client leaves the default port out (RFC 9110 §4.2.1).
  return match !== null && Number(match.groups?.port ?? 80) === port;
}

function names(port: number): string[] {
  return ["127.0.0.1", "localhost", "[::1]"].map((host) => `${host}:${port}`);
}

function misdirected(host: string | undefined, port: number): ProblemFailure | null {
  if (host !== undefined && isOurs(host, port)) return null;
  return new ProblemFailure(421, `This router does not answer for host ${host ?? "(none)"}`, [
    { where: "Host", message: `accepted here: ${names(port).join(", ")}` },
  ]);
}

function crossOrigin(origin: string | undefined, port: number): ProblemFailure | null {
  if (origin === undefined) return null;
  if (origin.startsWith("http://") && isOurs(origin.slice("http://".length), port)) return null;
  const accepted = names(port).map((name) => `http://${name}`);
  return new ProblemFailure(403, `Requests of pages from ${origin} are refused`, [
    { where: "Origin", message: `accepted here: ${accepted.join(", ")}, or no such header` },
  ]);
}

function reading(method: string): ProblemFailure | null {
  if (method !== "POST") return null;
  return new ProblemFailure(403, "Over TCP this router is only read", [
    { where: "", message: "accepted here: GET; change things over the Unix socket" },
  ]);
}
