/** Pieces of the file's shape. Each error text says what is accepted only (see `schema.ts`). */

import { z } from "zod";
import * as scalar from "./scalar.ts";

/** An object of these keys and no others. */
export function keys<Shape extends z.ZodRawShape>(shape: Shape) {
  const list = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) => issue.code === "unrecognized_keys" ? list : `the keys ${list}`,
  });
}

export function whole(least: number, most: number) {
  const error = () => `a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

export function oneOf<const Words extends readonly string[]>(words: Words) {
  return z.enum(words, { error: () => words.join(" or ") });
}

export const flag = z.boolean({ error: () => "true or false" });

/** A scalar that `parse` reads or refuses. */
export function leaf<Value>(accepted: string, parse: (text: string) => Value) {
  return z.string({ error: () => accepted }).transform((text, context) =>
    attempt(text, [], parse, context)
  );
}

/** One scalar or a list of them; errors point at the one. */
export function oneOrMany<Value>(accepted: string, parse: (text: string) => Value) {
  const error = () => accepted;
  return z.union([z.string(), z.array(z.string({ error }))], { error })
    .transform((value, context) =>
      typeof value === "string"
        ? [attempt(value, [], parse, context)]
        : value.map((text, index) => attempt(text, [index], parse, context))
    );
}

/** A list (or one) of numbers or texts. */
export function oneOrManyNumbers<Value>(
  accepted: string,
  parse: (value: string | number) => Value,
) {
  const error = () => accepted;
  const one = z.union([z.string(), z.int()], { error });
  return z.union([one, z.array(one)], { error })
    .transform((value, context) =>
      Array.isArray(value)
        ? value.map((each, index) => attempt(each, [index], parse, context))
        : [attempt(value, [], parse, context)]
    );
}

function attempt<Input, Value>(
  input: Input,
  path: (string | number)[],
  parse: (input: Input) => Value,
  context: z.RefinementCtx,
): Value {
  try {
    return parse(input);
  } catch (error) {
    if (!(error instanceof scalar.Unaccepted)) throw error;
    context.issues.push({ code: "custom", message: error.message, input, path });
    return z.NEVER;
  }
}

const nameAccepted = () => scalar.NAME_ACCEPTED;
export const name = z.string({ error: nameAccepted }).regex(scalar.NAME, { error: nameAccepted });

export function named<Value extends z.ZodType>(value: Value, example: string) {
  return z.record(name, value, {
    error: (issue) => issue.code === "invalid_key" ? nameAccepted() : `names, e.g. ${example}`,
  });
}

export function list<Value extends z.ZodType>(value: Value, accepted: string) {
  return z.array(value, { error: () => accepted });
}
