/** Private keys: made, kept in files of their own, and what they tell about who we are. */

import { dirname, join } from "node:path";
import { didYouMean } from "../config/suggest.ts";
import type { Network, Site } from "../model/network.ts";
import type { PublicKey } from "../model/quantity.ts";
import { createPrivateFile, ensurePrivateFolder, readPrivateFile } from "./files.ts";

export interface KeyPair {
  /** Base64 as `wg genkey` writes it. A secret: never printed, logged or put on a command line. */
  readonly privateKey: string;
  readonly publicKey: PublicKey;
}

/** What is wrong with the keys, one line each, with what to do. */
export class KeyError extends Error {
  override readonly name = "KeyError";
  constructor(readonly problems: readonly string[], options?: ErrorOptions) {
    super(problems.join("\n"), options);
  }
}

export interface Identity {
  readonly site: Site;
  /** Uplink → its pair; every uplink of the site. */
  readonly keys: ReadonlyMap<string, KeyPair>;
}

/** Where the keys of a network lie unless the operator says otherwise: beside its file. */
export function defaultKeysFolder(file: string): string {
  return join(dirname(file), "keys");
}

export function keyFile(folder: string, site: string, uplink: string): string {
  return join(folder, `${site}.${uplink}.key`);
}

/** The site whose private keys are in the folder, or the one that `siteOverride` names. */
export async function identify(
  network: Network,
  keysFolder: string,
  siteOverride?: string,
): Promise<Identity> {
  const names = network.sites.map((site) => site.name);
  if (siteOverride !== undefined && !names.includes(siteOverride)) {
    throw new KeyError([
      `Unknown site "${siteOverride}".${didYouMean(siteOverride, names)} ` +
      `Sites of ${network.name}: ${names.join(", ")}`,
    ]);
  }
  const pairs = await readKeys(keysFolder, siteOverride);
  const site = network.sites.find((each) => each.name === siteOverride) ??
    siteOfKeys(network, keysFolder, pairs);

  const byPublicKey = new Map(pairs.map((pair) => [pair.publicKey, pair]));
  const keys = new Map<string, KeyPair>();
  const missing: string[] = [];
  for (const uplink of site.uplinks) {
    const pair = byPublicKey.get(uplink.publicKey);
    if (pair) keys.set(uplink.name, pair);
    else {
      missing.push(
        `No private key in ${keysFolder} for uplink ${site.name}.${uplink.name} (public key ` +
          `${uplink.publicKey || "missing"}); put it at ` +
          `${keyFile(keysFolder, site.name, uplink.name)}, or make one: ` +
          `labelway keygen ${site.name} FILE`,
      );
    }
  }
  if (missing.length > 0) throw new KeyError(missing);
  return { site, keys };
}

function siteOfKeys(network: Network, folder: string, pairs: readonly KeyPair[]): Site {
  const present = new Set(pairs.map((pair) => pair.publicKey));
  const sites = network.sites.filter((site) =>
    site.uplinks.some((uplink) => present.has(uplink.publicKey))
  );
  if (sites.length === 1) return sites[0]!;
  const names = sites.map((site) => site.name).join(", ");
  throw new KeyError([
    sites.length > 1
      ? `${folder} holds keys of more than one site (${names}); say which this is: --site NAME`
      : `Cannot tell which site this is: ${
        pairs.length === 0
          ? `no private key (SITE.UPLINK.key) in ${folder}`
          : `none of the ${pairs.length} private keys in ${folder} belongs to an uplink of ` +
            network.name
      }; looked for keys of ${network.sites.map((site) => site.name).join(", ")}. ` +
        "Copy the site's keys there, name another folder (--keys DIR), or make them: " +
        "labelway keygen SITE FILE",
  ]);
}

/** All key files in the folder, or those of one site; every one that cannot be read is reported. */
async function readKeys(folder: string, site: string | undefined): Promise<KeyPair[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      if (entry.name.endsWith(".key") && !entry.isDirectory) names.push(entry.name);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new KeyError([`Cannot read the folder of keys ${folder}: ${reason(error)}`], {
      cause: error,
    });
  }
  const pairs: KeyPair[] = [];
  const problems: string[] = [];
  for (const name of names.sort()) {
    if (site !== undefined && !name.startsWith(`${site}.`)) continue;
    try {
      pairs.push(await readKey(join(folder, name)));
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new KeyError(problems);
  return pairs;
}

/** Reads a private key; refuses files that others may read. */
export async function readKey(path: string): Promise<KeyPair> {
  const text = await readSecret(path, "the private key");
  const pair = await pairOf(text);
  if (pair === undefined) {
    throw new KeyError([
      `${path} holds no private key; needs one line as \`wg genkey\` writes it: 44 base64 digits`,
    ]);
  }
  return pair;
}

/** The text of a file that nobody else may read; `what` it is, is for people. */
export async function readSecret(path: string, what: string): Promise<string> {
  try {
    return await readPrivateFile(path);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new KeyError(
      error.name === "ExposedFileError"
        ? error.message.split("\n")
        : [`Cannot read ${what} ${path}: ${reason(error)}`],
      { cause: error },
    );
  }
}

/** Makes a pair and keeps its private half in a new file; the folder is made where missing. */
export async function createKey(path: string): Promise<KeyPair> {
  await ensurePrivateFolder(dirname(path));
  const pair = await generatePair();
  await createPrivateFile(path, `${pair.privateKey}\n`);
  return pair;
}

export async function generatePair(): Promise<KeyPair> {
  const made = await crypto.subtle.generateKey("X25519", true, ["deriveBits"]) as CryptoKeyPair;
  const secret = new Uint8Array(await crypto.subtle.exportKey("pkcs8", made.privateKey))
    .slice(PKCS8_HEAD.length);
  // RFC 7748 §5: stored clamped, as `wg genkey` does.
  secret[0]! &= 248;
  secret[31] = (secret[31]! & 127) | 64;
  return (await pairOf(secret.toBase64()))!;
}

/** The pair of a private key's text; undefined where that is none. */
export async function pairOf(text: string): Promise<KeyPair | undefined> {
  const privateKey = text.trim();
  if (!/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(privateKey)) return undefined;
  const secret = Uint8Array.fromBase64(privateKey);
  // WebCrypto derives the public half only along with an export of the private one.
  const pkcs8 = new Uint8Array([...PKCS8_HEAD, ...secret]);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, "X25519", true, ["deriveBits"]);
  const { x } = await crypto.subtle.exportKey("jwk", key);
  const publicKey = Uint8Array.fromBase64(x!, { alphabet: "base64url" }).toBase64();
  return { privateKey, publicKey: publicKey as PublicKey };
}

/** RFC 8410 §7: what stands before the 32 bytes of an X25519 private key. */
const PKCS8_HEAD = [
  ...[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e],
  ...[0x04, 0x22, 0x04, 0x20],
];

function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return error instanceof Error ? error.message : String(error);
}
