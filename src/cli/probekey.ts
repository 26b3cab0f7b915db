/** `labelway probekey FILE`. */

import { exists, readTextFile } from "../io/files.ts";
import { defaultKeysFolder } from "../io/keys.ts";
import { createProbeKey, fingerprints, probeKeyFile, readProbeKeys } from "../io/probe_keys.ts";
import { type Command, OK } from "./command.ts";
import { FILE, networkIn } from "./network_file.ts";
import { outputOptions, printAs } from "./output.ts";
import { renderPairs } from "./table.ts";

export const probekey: Command = {
  name: "probekey",
  summary: "Make the key that authenticates the network's probes",
  details:
    "It is made at one gateway and copied to the folder of keys of every other one, by a way that\n" +
    "nobody else can read; it never goes into the network's file. A key that is there is kept. The\n" +
    "fingerprint is the same where the key is, and tells nothing of it.",
  options: {
    keys: {
      kind: "text",
      value: "DIR",
      help: "Folder of the private keys (default: keys beside FILE)",
    },
    ...outputOptions,
  },
  positional: [FILE],
  examples: [
    ["probekey network.yaml", "Before `authentication` is set in the file"],
    ["probekey network.yaml --json", "Its fingerprint, to be compared with other gateways'"],
  ],
  run: async (args, io) => {
    const file = args.positional[0]!;
    const text = await readTextFile(file);
    const { network } = networkIn(text, file, { allowMissingKeys: true });
    const path = probeKeyFile(args.text("keys") ?? defaultKeysFolder(file));
    const isThere = await exists(path);
    const keys = isThere ? await readProbeKeys(path) : await createProbeKey(path);
    const told = {
      path,
      key: isThere ? "kept" as const : "made" as const,
      fingerprints: fingerprints(keys),
      authentication: network.probe.authentication,
    };
    keys.fill(0);
    await printAs(args, io, told, () =>
      renderPairs([
        ["key", told.key],
        ["path", told.path],
        ["fingerprint", told.fingerprints[0]!],
        ...told.fingerprints.slice(1).map((other) => ["also taken", other] as const),
        ["in the file", `probe.authentication: ${told.authentication}`],
      ], io));
    return OK;
  },
};
