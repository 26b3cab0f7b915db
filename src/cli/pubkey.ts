/** `labelway pubkey`. */

import { pairOf, readKey } from "../io/keys.ts";
import { type Command, Failure, OK } from "./command.ts";

export const pubkey: Command = {
  name: "pubkey",
  summary: "Print the public half of a private key",
  details: "Without a file, the private key is read from the standard input, as `wg pubkey` does.",
  options: {},
  positional: [{ name: "KEYFILE", help: "A private key's file (mode 0600)", optional: true }],
  examples: [
    ["pubkey keys/lisbon.fibre.key", "Of a key that `keygen` made"],
    ["pubkey < secret", "Of a key from anywhere"],
  ],
  run: async (args, io) => {
    const file = args.positional[0];
    const pair = file === undefined ? await pairOf(await io.stdin()) : await readKey(file);
    if (pair === undefined) {
      throw new Failure([
        "The standard input is no private key; needs one line as `wg genkey` writes it: " +
        "44 base64 digits",
      ]);
    }
    io.out(pair.publicKey);
    return OK;
  },
};
