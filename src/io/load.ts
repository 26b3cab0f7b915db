/** The operator's file, read and judged for this machine: ready to run, or everything that is wrong. */

import { formatProblem, parseNetwork } from "../config/mod.ts";
import { readSource } from "../config/source.ts";
import type { Network, Site } from "../model/network.ts";
import type { PublicKey } from "../model/quantity.ts";
import type { Backends, Configuration } from "../router/event.ts";
import { renumberings } from "../router/renumber.ts";
import { interfaceName } from "../sr/labels.ts";
import { parseLinks } from "../underlay/parse_ip.ts";
import { runOrThrow, SYSTEM } from "./command.ts";
import { readTextFile } from "./files.ts";
import { defaultKeysFolder, identify } from "./keys.ts";
import { kernelHasWireguard } from "./netlink.ts";
import { type ProbeSecurity, probeSecurity } from "./probe_keys.ts";

export interface LoadOptions {
  readonly file: string;
  readonly site?: string;
  /** Default: `keys` beside the file. */
  readonly keys?: string;
  /** In place of what the file says. */
  readonly backend?: "auto" | "kernel" | "embedded";
  /** Numbers may come to mean something else than in the former file. */
  readonly renumber: boolean;
}

export interface Loaded {
  readonly configuration: Configuration;
  readonly text: string;
  /** By public key. */
  readonly privateKeys: ReadonlyMap<PublicKey, string>;
  readonly probes: ProbeSecurity;
  readonly warnings: readonly string[];
}

export type LoadResult = Loaded | { readonly problems: readonly string[] };

/** What ran before: the text of the last good file, and the backends that serve its uplinks. */
export interface Former {
  readonly text: string | null;
  readonly backends: Backends;
}

export async function load(options: LoadOptions, former: Former): Promise<LoadResult> {
  let text: string;
  try {
    text = await readTextFile(options.file);
  } catch (error) {
    return { problems: [(error as Error).message] };
  }
  const parsed = parseNetwork(text, options.file);
  if (parsed.problems) return { problems: parsed.problems.map(formatProblem) };
  const { network } = parsed;
  const renumbered = options.renumber ? [] : refusedNumbers(text, network, former.text, options);
  const keys = options.keys ?? defaultKeysFolder(options.file);
  const problems = [...renumbered];
  const ask = <T>(promise: Promise<T>) =>
    promise.catch((error: Error) => {
      problems.push(...error.message.split("\n"));
      return null;
    });
  const identity = await ask(identify(network, keys, options.site));
  const probes = await ask(probeSecurity(network, keys));
  if (identity === null || probes === null || problems.length > 0) return { problems };
  const { site } = identity;
  const asked = options.backend ?? network.backend;
  try {
    return {
      configuration: { network, site, backends: await backends(asked, site, former.backends) },
      text,
      privateKeys: new Map(
        [...identity.keys.values()].map((pair) => [pair.publicKey, pair.privateKey]),
      ),
      probes,
      warnings: parsed.warnings.map(formatProblem),
    };
  } catch (error) {
    return { problems: [(error as Error).message] };
  }
}

function refusedNumbers(
  text: string,
  network: Network,
  former: string | null,
  { file }: LoadOptions,
): string[] {
  if (former === null || former === text) return [];
  const before = parseNetwork(former, "last-good.yaml").network;
  // Another network's numbers say nothing about this one's.
  if (!before || before.name !== network.name) return [];
  const source = readSource(text);
  return renumberings(before, network).map(({ path, message }) => {
    const { line, column } = source.positionOf(path);
    return `${file}:${line}:${column}: ${message}; take a number that was never used, ` +
      `or accept it with --renumber`;
  });
}

/**
 * `auto` takes an interface that is there already (a wireguard-go for example), makes a kernel one
 * where the kernel can, and else serves the uplink itself. An uplink keeps the backend it has.
 */
async function backends(
  asked: "auto" | "kernel" | "embedded",
  site: Site,
  former: Backends,
): Promise<Backends> {
  if (asked !== "auto") return Object.fromEntries(site.uplinks.map(({ name }) => [name, asked]));
  const argv = ["ip", "-json", "-N", "-details", "link", "show"];
  const links = parseLinks(await runOrThrow(argv, SYSTEM));
  const present = new Set(links.map((link) => link.name));
  const fallback = await kernelHasWireguard() ? "kernel" : "embedded";
  return Object.fromEntries(
    site.uplinks.map((uplink) => [
      uplink.name,
      former[uplink.name] ?? (present.has(interfaceName(uplink)) ? "kernel" : fallback),
    ]),
  );
}
