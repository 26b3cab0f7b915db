import { z } from "zod";
import { schema } from "./schema.ts";

/** JSON Schema of the file, for editors: what may be written, before any default. */
export function jsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(schema, { io: "input", target: "draft-7" }),
    title: "Labelway network",
  };
}
