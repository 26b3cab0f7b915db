/** The operator's file: text ↔ network. */

export { jsonSchema } from "./json_schema.ts";
export { parseNetwork, type ParseOptions, type ParseResult } from "./parse.ts";
export { formatProblem, type Problem } from "./problem.ts";
export { setPublicKeys } from "./public_keys.ts";
export { closest, didYouMean } from "./suggest.ts";
