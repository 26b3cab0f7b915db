/** Which policy takes a packet, and why its path is the one in use. */

import { createRoute, z } from "@hono/zod-openapi";
import {
  parseAddress,
  parseDscp,
  parsePorts,
  parseProtocol,
  Unaccepted,
} from "../../config/scalar.ts";
import { WITH_PORTS } from "../../match/alternatives.ts";
import { isIpv6 } from "../../match/prefix.ts";
import type { Instant } from "../../model/quantity.ts";
import type { RouterView } from "../../ports/router_view.ts";
import { explainAnswer, type Question } from "../answers/explain.ts";
import type { App } from "../app.ts";
import { observe } from "../observation.ts";
import { ProblemFailure } from "../problem.ts";
import { explanationSchema } from "../schema.ts";
import { json, refusals } from "./describe.ts";

const text = (description: string) => z.string().openapi({ description });

const query = z.strictObject({
  src: text("Address of the sender"),
  dst: text("Address of the receiver"),
  dport: text("Destination port").optional(),
  sport: text("Source port; 49152 without").optional(),
  proto: text("IP protocol, by number or name; tcp without").optional(),
  dscp: text("DSCP, by number or name; 0 without").optional(),
  segment: text("Segment, where several have the address").optional(),
  at: text("Time of day that policies are asked for, ISO 8601 with its zone; now without")
    .optional(),
});
type Query = z.infer<typeof query>;

export function registerExplainRoute(app: App, view: RouterView): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/policies/explain",
      summary: "Which policy takes a packet, its ranked paths, which is in use, and why",
      request: { query },
      responses: { 200: json(explanationSchema, "For this packet, now"), ...refusals },
    }),
    (context) => {
      const observation = observe(view);
      const answer = explainAnswer(observation, read(context.req.valid("query"), observation.now));
      if (!("packet" in answer)) {
        throw new ProblemFailure(
          400,
          "The packet cannot be followed from here",
          answer.map((message) => ({ where: "", message })),
        );
      }
      return context.json(answer, 200);
    },
  );
}

/** First of the dynamic ports (RFC 6335 §6): what a client might have. */
const CLIENT_PORT = 49152;

function read(given: Query, now: Instant): Question {
  const errors: { where: string; message: string }[] = [];
  const assumed: string[] = [];
  const field = <Value>(
    where: keyof Query,
    parse: (text: string) => Value,
    absent: Value,
    words: string | null,
  ): Value => {
    const value = given[where];
    if (value === undefined) {
      if (words !== null) assumed.push(words);
      return absent;
    }
    try {
      return parse(value);
    } catch (error) {
      if (!(error instanceof Unaccepted)) throw error;
      errors.push({ where, message: `${value} is not accepted here; needs ${error.message}` });
      return absent;
    }
  };
  const source = field<string>("src", parseAddress, "", null);
  const destination = field<string>("dst", parseAddress, "", null);
  const protocol = field("proto", (word) => parseProtocol(numeric(word)), 6, "protocol tcp");
  const dscp = field("dscp", (word) => parseDscp(numeric(word)), 0, "DSCP be (0)");
  const hasPorts = WITH_PORTS.includes(protocol);
  const port = field<number | null>(
    "dport",
    parsePort,
    null,
    hasPorts ? "no ports, as in a later fragment: no dport is given" : null,
  );
  const from = field(
    "sport",
    parsePort,
    CLIENT_PORT,
    hasPorts && port !== null ? `source port ${CLIENT_PORT}` : null,
  );
  for (const where of ["dport", "sport"] as const) {
    if (hasPorts || given[where] === undefined) continue;
    errors.push({ where, message: "this protocol has no ports; needs proto tcp, udp or sctp" });
  }
  if (given.sport !== undefined && given.dport === undefined) {
    errors.push({ where: "sport", message: "a source port alone; needs dport beside it" });
  }
  const at = field("at", parseInstant, now, null);
  if (source !== "" && destination !== "" && isIpv6(source) !== isIpv6(destination)) {
    errors.push({ where: "dst", message: "src and dst are of different families; needs one" });
  }
  if (errors.length > 0) {
    throw new ProblemFailure(400, "The request's parameters are wrong", errors);
  }
  const ports = hasPorts && port !== null ? { source: from, destination: port } : null;
  return { source, destination, protocol, dscp, ports, segment: given.segment, at, assumed };
}

const numeric = (word: string) => /^\d+$/.test(word) ? Number(word) : word;

function parsePort(text: string): number {
  const [low, high] = parsePorts(text);
  if (low !== high) throw new Unaccepted("a single port from 0 to 65535");
  return low;
}

function parseInstant(text: string): Instant {
  const accepted = "a time with its zone, e.g. 2026-06-01T09:30:00Z or 2026-06-01T10:30+01:00";
  const value = /(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(value)) throw new Unaccepted(accepted);
  return value as Instant;
}
