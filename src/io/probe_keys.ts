/**
 * The keys that authenticate probes (RFC 8762 §4.4): the same at every gateway of a network, in a file
 * of their own, never in the network's file, which many may read.
 */

import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import type { ProbeAuthentication } from "../model/boundary.ts";
import type { Network } from "../model/network.ts";
import { createPrivateFile, ensurePrivateFolder } from "./files.ts";
import { KeyError, readSecret } from "./keys.ts";

/** As long as the hash: shorter ones are weaker than it (RFC 2104 §3). */
export const PROBE_KEY_BYTES = 32;
/** One to send with, and one more that is taken while the network changes from one to the other. */
const MOST_KEYS = 2;

/** Mode and keys as the engine takes them. */
export interface ProbeSecurity {
  readonly mode: ProbeAuthentication;
  /** One behind the other, that to send with first. A secret: never printed, logged or told. */
  readonly keys: Uint8Array<ArrayBuffer>;
}

/** Beside the private keys of uplinks. Not a `.key`: those tell which site this is. */
export function probeKeyFile(folder: string): string {
  return join(folder, "probes.psk");
}

/** What the network's file asks for, with the keys that it needs. */
export async function probeSecurity(network: Network, keysFolder: string): Promise<ProbeSecurity> {
  const mode = network.probe.authentication;
  if (mode === "none") return { mode, keys: new Uint8Array() };
  const path = probeKeyFile(keysFolder);
  try {
    return { mode, keys: await readProbeKeys(path) };
  } catch (error) {
    if (!(error instanceof KeyError) || !isMissing(error)) throw error;
    throw new KeyError([
      `probe.authentication is ${mode}, and there is no key at ${path}; copy the file of that name ` +
      "from another gateway of the network (mode 0600), or make the network's first: " +
      "labelway probekey FILE",
    ], { cause: error });
  }
}

/** Reads the keys, one a line; refuses a file that others may read. */
export async function readProbeKeys(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const text = await readSecret(path, "the key of probes");
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  if (lines.length === 0 || lines.length > MOST_KEYS) {
    throw new KeyError([
      `${path} holds ${lines.length === 0 ? "no key" : `${lines.length} keys`}; needs one, or ` +
      `${MOST_KEYS} while the network changes from one to the other, each on a line of its own`,
    ]);
  }
  const problems: string[] = [];
  const keys = new Uint8Array(lines.length * PROBE_KEY_BYTES);
  lines.forEach((line, index) => {
    const key = decode(line);
    if (key?.length === PROBE_KEY_BYTES) keys.set(key, index * PROBE_KEY_BYTES);
    else {
      const found = key === null ? "is not base64" : `is a key of ${key.length} bytes`;
      problems.push(
        `Line ${index + 1} of ${path} ${found}; needs ${PROBE_KEY_BYTES} random bytes as ` +
          "`wg genpsk` writes them: 44 base64 digits",
      );
    }
    key?.fill(0);
  });
  if (problems.length > 0) throw new KeyError(problems);
  return keys;
}

/** Makes a key in a new file; the folder is made where missing. */
export async function createProbeKey(path: string): Promise<Uint8Array<ArrayBuffer>> {
  await ensurePrivateFolder(dirname(path));
  const key = crypto.getRandomValues(new Uint8Array(PROBE_KEY_BYTES));
  await createPrivateFile(path, `${key.toBase64()}\n`);
  return key;
}

/** By which people see that two gateways have the same keys; it tells nothing of them. */
export function fingerprints(keys: Uint8Array): string[] {
  const count = keys.length / PROBE_KEY_BYTES;
  return Array.from({ length: count }, (_, index) => {
    const key = keys.subarray(index * PROBE_KEY_BYTES, (index + 1) * PROBE_KEY_BYTES);
    const hash = createHash("sha256").update("labelway probe key fingerprint").update(key);
    return hash.digest("hex").slice(0, 16);
  });
}

/** What a reload says of probes. */
export function changedSecurity(former: ProbeSecurity, next: ProbeSecurity): string[] {
  const lines: string[] = [];
  if (former.mode !== next.mode) {
    lines.push(`authenticate probes: ${next.mode} in place of ${former.mode}`);
  }
  const isOther = former.keys.length !== next.keys.length ||
    former.keys.some((byte, index) => byte !== next.keys[index]);
  if (former.mode !== "none" && next.mode !== "none" && isOther) {
    lines.push("authenticate probes by other keys");
  }
  return lines;
}

function decode(line: string): Uint8Array | null {
  // The decoder itself passes over blanks.
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(line)) return null;
  try {
    return Uint8Array.fromBase64(line);
  } catch {
    return null;
  }
}

function isMissing(error: KeyError): boolean {
  return error.cause instanceof Deno.errors.NotFound;
}
