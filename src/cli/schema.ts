/** `labelway schema`. */

import { type Command, OK } from "./command.ts";

export const schema: Command = {
  name: "schema",
  summary: "Print the JSON Schema of the network's file, for editors",
  options: {},
  positional: [],
  examples: [["schema > labelway.schema.json", "Where an editor finds it"]],
  run: async (_args, io) => {
    const { jsonSchema } = await import("../config/mod.ts");
    io.out(JSON.stringify(jsonSchema(), null, 2));
    return OK;
  },
};
