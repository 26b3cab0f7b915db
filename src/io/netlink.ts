/** Reads and changes links, addresses, rules, routes and kernel settings by the system's `ip`. */

import { describeHost, type HostChange } from "../underlay/change.ts";
import type { Family, Host, Route, Rule, Setting } from "../underlay/host.ts";
import { parseAddresses, parseLinks, parseRoutes, parseRules } from "../underlay/parse_ip.ts";
import { CommandError, run, runOrThrow, SYSTEM } from "./command.ts";

/** Everything, for a plan. `settings` are paths below /proc/sys; those that are missing are left out. */
export async function readHost(settings: readonly string[]): Promise<Host> {
  const [shown, values] = await Promise.all([show("table all"), readSettings(settings)]);
  return { ...shown, settings: values };
}

/**
 * A text that differs when a gateway, a device's state, one of its addresses or a rule does: cheap
 * enough to look at every other second, even beside a full routing table.
 */
export async function fingerprint(): Promise<string> {
  return fingerprintOf(await show("default table all"));
}

/** The one of a whole {@link readHost}. */
export function fingerprintOf(host: Omit<Host, "settings">): string {
  return JSON.stringify([
    host.links,
    host.addresses,
    host.rules,
    // Whoever lists them all may get them in another order.
    host.routes.filter(({ destination }) => destination === "0.0.0.0/0" || destination === "::/0")
      .map((route) => JSON.stringify(route)).sort(),
  ]);
}

/** Three processes, not one for each question: this is what a router does most often. */
async function show(routes: string): Promise<Omit<Host, "settings">> {
  const families = await hasIpv6() ? [4, 6] as const : [4] as const;
  const [devices, ...perFamily] = await Promise.all([
    runOrThrow(["ip", "-json", "-N", "-details", "address", "show"], SYSTEM),
    ...families.map((family) => ask(family, ["rule show", `route show ${routes}`])),
  ]);
  return {
    links: parseLinks(devices),
    addresses: parseAddresses(devices),
    rules: families.flatMap((family, index) => parseRules(perFamily[index]![0]!, family)),
    routes: families.flatMap((family, index) => parseRoutes(perFamily[index]![1]!, family)),
  };
}

/** `ip -json` answers each question of a batch by one line. */
async function ask(family: Family, questions: readonly string[]): Promise<string[]> {
  const argv = ["ip", `-${family}`, "-json", "-N", "-batch", "-"];
  const text = await runOrThrow(argv, { ...SYSTEM, stdin: questions.join("\n") + "\n" });
  const answers = text.trimEnd().split("\n");
  if (answers.length === questions.length) return answers;
  throw new CommandError(
    `\`${argv.join(" ")}\` answered ${questions.length} questions by ${answers.length} lines`,
  );
}

export interface HostFailure {
  readonly change: HostChange;
  readonly message: string;
}

/**
 * Makes the changes in their order and goes on after one that fails. What the engine makes (devices
 * of segments) is left to it. Neighbouring changes go to one `ip -batch`, so that ten thousand
 * routes take a moment and not a process each.
 * @throws CommandError where `ip` cannot be run or hangs; what is left is not tried then
 */
export async function changeHost(changes: readonly HostChange[]): Promise<HostFailure[]> {
  const failures: HostFailure[] = [];
  let batch: Batch = { flag: null, changes: [], lines: [] };
  const flush = async () => {
    if (batch.changes.length > 0) failures.push(...await runBatch(batch));
    batch = { flag: null, changes: [], lines: [] };
  };
  for (const change of changes) {
    if (change.kind === "setting") {
      await flush();
      const problem = await writeSetting(change.path, change.to);
      if (problem !== null) failures.push({ change, message: problem });
      continue;
    }
    const words = command(change);
    if (words === null) continue;
    // Everything but a rule names its family by an address.
    const flag = "rule" in change ? change.rule.family === 4 ? "-4" : "-6" : null;
    if (batch.flag !== flag) await flush();
    batch = { ...batch, flag };
    batch.changes.push(change);
    batch.lines.push(words.join(" "));
  }
  await flush();
  return failures;
}

interface Batch {
  readonly flag: "-4" | "-6" | null;
  readonly changes: HostChange[];
  readonly lines: string[];
}

/** Whether this kernel can make WireGuard interfaces: makes one under a name of no use, and removes it. */
export async function kernelHasWireguard(): Promise<boolean> {
  const name = `lwprobe${Deno.pid % 1_000_000}`;
  const added = await run(["ip", "link", "add", "name", name, "type", "wireguard"], SYSTEM);
  if (added.code !== 0) return false;
  await runOrThrow(["ip", "link", "delete", "dev", name], SYSTEM);
  return true;
}

async function runBatch({ flag, changes, lines }: Batch): Promise<HostFailure[]> {
  const argv = ["ip", ...(flag === null ? [] : [flag]), "-force", "-batch", "-"];
  const result = await run(argv, { ...SYSTEM, stdin: lines.join("\n") + "\n" });
  if (result.code === 0) return [];
  return failuresOf(result.stderr, changes);
}

/**
 * `ip -force -batch` prints the error of a command, then `Command failed -:LINE`. An absence is no
 * failure for what was to be removed.
 */
export function failuresOf(stderr: string, changes: readonly HostChange[]): HostFailure[] {
  const failures: HostFailure[] = [];
  let said: string[] = [];
  for (const line of stderr.split("\n")) {
    const at = /^Command failed .*:(\d+)$/.exec(line.trim());
    if (!at) {
      if (line.trim() !== "") said.push(line.trim().replace(/^(RTNETLINK answers|Error): /, ""));
      continue;
    }
    const change = changes[Number(at[1]) - 1];
    const message = said.join("; ").replace(/\.$/, "");
    said = [];
    if (change === undefined) continue;
    const absent = /No such|Cannot find device|Cannot assign/.test(message);
    if (change.kind.endsWith("-remove") && absent) continue;
    const hint =
      change.kind === "wireguard-add" && /Unknown device type|not supported/.test(message)
        ? "; this kernel has no WireGuard (`--backend embedded` needs none)"
        : "";
    failures.push({ change, message: `Cannot ${describeHost(change)}: ${message}${hint}` });
  }
  return failures;
}

/** The words of an `ip` command; null for what the engine does. */
function command(change: Exclude<HostChange, { kind: "setting" }>): string[] | null {
  switch (change.kind) {
    case "tun-add":
    case "tun-remove":
      return null;
    case "wireguard-add":
      return ["link", "add", "name", change.device, "type", "wireguard"];
    case "wireguard-remove":
      return ["link", "delete", "dev", change.device];
    case "link-set":
      return ["link", "set", "dev", change.device, ...linkWords(change)];
    case "address-add": {
      const { device, address } = change.address;
      // Nobody else can be on such a device: no waiting for duplicate address detection.
      const nodad = address.includes(":") ? ["nodad"] : [];
      return ["address", "replace", address, "dev", device, ...nodad];
    }
    case "address-remove":
      return ["address", "delete", change.address.address, "dev", change.address.device];
    case "rule-add":
      return ["rule", "add", ...ruleWords(change.rule)];
    case "rule-remove":
      return ["rule", "delete", ...ruleWords(change.rule)];
    case "route-add":
      return ["route", "add", ...routeWords(change.route)];
    case "route-replace":
      return ["route", "replace", ...routeWords(change.route)];
    case "route-remove":
      return ["route", "delete", ...routeWords(change.route)];
  }
}

function linkWords(change: Extract<HostChange, { kind: "link-set" }>): string[] {
  return [
    ...(change.mtu === undefined ? [] : ["mtu", `${change.mtu}`]),
    ...(change.master === undefined
      ? []
      : change.master === null
      ? ["nomaster"]
      : ["master", change.master]),
    ...(change.up ? ["up"] : []),
  ];
}

function ruleWords({ priority, mark, table }: Rule): string[] {
  return ["priority", `${priority}`, "fwmark", `0x${mark.toString(16)}`, "table", `${table}`];
}

function routeWords(route: Route): string[] {
  return [
    ...(route.type === "unreachable" ? ["unreachable"] : []),
    route.destination,
    // A gateway outside the device's networks is common at hosters: the device is known anyway.
    ...(route.gateway === null ? [] : ["via", route.gateway]),
    ...(route.device === null ? [] : ["dev", route.device]),
    ...(route.gateway === null ? [] : ["onlink"]),
    ...(route.gateway === null && route.type === "unicast" && route.family === 4
      ? ["scope", "link"]
      : []),
    "table",
    `${route.table}`,
    "metric",
    `${route.metric}`,
    "proto",
    `${route.protocol}`,
  ];
}

async function readSettings(paths: readonly string[]): Promise<Setting[]> {
  const settings: Setting[] = [];
  for (const path of paths) {
    try {
      settings.push({ path, value: (await Deno.readTextFile(`/proc/sys/${path}`)).trim() });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return settings;
}

async function writeSetting(path: string, value: string): Promise<string | null> {
  try {
    await Deno.writeTextFile(`/proc/sys/${path}`, value, { create: false });
    return null;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `Cannot set ${path.replaceAll("/", ".")} to ${value}: ${reason}`;
  }
}

let ipv6: boolean | null = null;
async function hasIpv6(): Promise<boolean> {
  ipv6 ??= await Deno.stat("/proc/sys/net/ipv6/conf/all").then(() => true, () => false);
  return ipv6;
}
