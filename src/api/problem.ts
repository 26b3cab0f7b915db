/** Errors as RFC 9457 problem details: one form for all of them, with everything that was wrong. */

import type { Problem } from "./schema.ts";

export interface ProblemError {
  /** Query parameter, header, or file position; empty: the request as a whole. */
  readonly where: string;
  readonly message: string;
}

/** What the whole of the request ran into. Thrown anywhere, answered by the app. */
export class ProblemFailure extends Error {
  override readonly name = "ProblemFailure";
  constructor(
    readonly status: number,
    readonly detail: string,
    readonly errors: readonly ProblemError[] = [],
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
  }
}

export function problemResponse(failure: ProblemFailure): Response {
  const body: Problem = {
    // RFC 9457 §4.2.1: the title says no more than the status does.
    type: "about:blank",
    title: TITLES[failure.status] ?? "Error",
    status: failure.status,
    detail: failure.detail,
    errors: failure.errors.map(({ where, message }) => ({ where, message })),
  };
  return new Response(JSON.stringify(body), {
    status: failure.status,
    headers: { ...failure.headers, "Content-Type": "application/problem+json" },
  });
}

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  500: "Internal Server Error",
  503: "Service Unavailable",
};
