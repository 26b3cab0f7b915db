/** `labelway keygen SITE FILE`. */

import { didYouMean, setPublicKeys } from "../config/mod.ts";
import { exists, readTextFile, replaceFile } from "../io/files.ts";
import { createKey, defaultKeysFolder, keyFile, type KeyPair, readKey } from "../io/keys.ts";
import type { Network, Site } from "../model/network.ts";
import type { PublicKey } from "../model/quantity.ts";
import { type Command, Failure, OK } from "./command.ts";
import { FILE, networkIn } from "./network_file.ts";
import { outputOptions, printAs } from "./output.ts";
import { renderTable } from "./table.ts";

interface Made {
  readonly uplink: string;
  readonly key: "made" | "kept" | "replaced";
  readonly inFile: "written" | "unchanged";
  readonly publicKey: PublicKey;
  readonly path: string;
}

export const keygen: Command = {
  name: "keygen",
  summary: "Make the keys of a site's uplinks and write the public ones into the file",
  details:
    "Private keys go into files of their own (mode 0600) beside the network's file. Keys that are\n" +
    "there already are kept, and only the file is mended, so that it may run again at any time.",
  options: {
    keys: {
      kind: "text",
      value: "DIR",
      help: "Folder of the private keys (default: keys beside FILE)",
    },
    force: {
      kind: "flag",
      help: "Make new keys in place of those in use; the old files are kept as *.old",
    },
    ...outputOptions,
  },
  positional: [{ name: "SITE", help: "A site in the file", names: "site" }, FILE],
  examples: [
    ["keygen lisbon network.yaml", "Keys for every uplink of lisbon"],
    ["keygen lisbon network.yaml --force", "New keys: every other site needs the new file then"],
  ],
  run: async (args, io) => {
    const [siteName, file] = args.positional as [string, string];
    const folder = args.text("keys") ?? defaultKeysFolder(file);
    const text = await readTextFile(file);
    const site = siteIn(networkIn(text, file, { allowMissingKeys: true }).network, siteName, file);
    const present = await presentKeys(site, folder);
    if (!args.flag("force")) refuseStrangers(site, present, folder, file);

    const made: Made[] = [];
    for (const uplink of site.uplinks) {
      const path = keyFile(folder, site.name, uplink.name);
      const kept = args.flag("force") ? undefined : present.get(uplink.name);
      if (!kept && present.has(uplink.name)) await setAside(path);
      const pair = kept ?? await createKey(path);
      made.push({
        uplink: `${site.name}.${uplink.name}`,
        key: kept ? "kept" : present.has(uplink.name) ? "replaced" : "made",
        inFile: pair.publicKey === uplink.publicKey ? "unchanged" : "written",
        publicKey: pair.publicKey,
        path,
      });
    }
    const changed = made.filter((each) => each.inFile === "written");
    if (changed.length > 0) await replaceFile(file, withKeys(text, file, site, made));

    await printAs(args, io, { site: site.name, file, keys: made }, () =>
      renderTable(
        [
          { title: "UPLINK" },
          { title: "KEY" },
          { title: "PUBLIC KEY" },
          { title: "IN FILE" },
          { title: "PRIVATE KEY", shrinks: true },
        ],
        made.map((each) => [
          each.uplink,
          each.key,
          each.publicKey,
          each.inFile,
          each.path,
        ]),
        io,
      ));
    return OK;
  },
};

function siteIn(network: Network, name: string, file: string): Site {
  const site = network.sites.find((each) => each.name === name);
  if (site) return site;
  const names = network.sites.map((each) => each.name);
  throw new Failure([
    `There is no site ${name} in ${file}.${didYouMean(name, names)} Sites: ${names.join(", ")}`,
  ]);
}

/** Uplink → the pair whose private half is in the folder already. */
async function presentKeys(site: Site, folder: string): Promise<Map<string, KeyPair>> {
  const present = new Map<string, KeyPair>();
  for (const uplink of site.uplinks) {
    const path = keyFile(folder, site.name, uplink.name);
    if (await exists(path)) present.set(uplink.name, await readKey(path));
  }
  return present;
}

/** A public key whose private half lies elsewhere belongs to a gateway at work, most likely. */
function refuseStrangers(
  site: Site,
  present: ReadonlyMap<string, KeyPair>,
  folder: string,
  file: string,
): void {
  const strangers = site.uplinks.filter(({ name, publicKey }) => publicKey && !present.has(name));
  if (strangers.length === 0) return;
  throw new Failure(
    strangers.map(({ name }) =>
      `${site.name}.${name} has a public key in ${file}, but its private half is not in ${folder}; ` +
      `put it at ${keyFile(folder, site.name, name)}, or make a new pair with --force`
    ),
  );
}

async function setAside(path: string): Promise<void> {
  let old = `${path}.old`;
  for (let number = 2; await exists(old); number++) old = `${path}.old${number}`;
  await Deno.rename(path, old);
}

/** The file's new text, read back before it is trusted. */
function withKeys(text: string, file: string, site: Site, made: readonly Made[]): string {
  const keys = new Map(
    site.uplinks.map((uplink, index) => [uplink.name, made[index]!.publicKey] as const),
  );
  const result = setPublicKeys(text, site.name, keys);
  const again = networkIn(result, file, { allowMissingKeys: true }).network.sites
    .find((each) => each.name === site.name)!;
  for (const uplink of again.uplinks) {
    if (uplink.publicKey === keys.get(uplink.name)) continue;
    throw new Failure([
      `Cannot write the public key of ${site.name}.${uplink.name} into ${file}; ` +
      `write it there by hand: public_key: ${keys.get(uplink.name)}`,
    ]);
  }
  return result;
}
