import { z } from "@hono/zod-openapi";
import { problemSchema } from "../schema.ts";

/** `content` of a JSON answer. */
export function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { "application/json": { schema } } };
}

export function problem(description: string) {
  return { description, content: { "application/problem+json": { schema: problemSchema } } };
}

/** Answers that any request may get. */
export const refusals = {
  400: problem("A parameter is unknown or has a value that is not accepted"),
  403: problem("A page of another origin asks, or TCP is asked to change something"),
  421: problem("Over TCP: the Host is not this machine's loopback"),
  500: problem("The router could not answer"),
};

/** For the routes that take no parameter: one that is misspelt must not be passed over. */
export const nothing = { query: z.strictObject({}) };
