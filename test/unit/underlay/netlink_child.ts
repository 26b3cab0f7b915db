/** Runs inside a throw-away network namespace: does to the real kernel what the test says. */

import { changeHost, fingerprint, fingerprintOf, readHost } from "../../../src/io/netlink.ts";
import type { HostChange } from "../../../src/underlay/change.ts";
import { desiredHost, settingPaths, type SiteUnderlay } from "../../../src/underlay/desired.ts";
import { EMPTY_HOST, ours } from "../../../src/underlay/host.ts";
import { planHost } from "../../../src/underlay/host_plan.ts";

const site: SiteUnderlay = JSON.parse(Deno.args[0]!);
const paths = settingPaths(site);
const ip = async (...args: string[]) => {
  const { code, stderr } = await new Deno.Command("ip", { args }).output();
  if (code !== 0) throw new Error(`ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
};

await ip("link", "add", "eth0", "type", "veth", "peer", "name", "far");
await ip("link", "set", "far", "up");
await ip("link", "set", "eth0", "up");
await ip("address", "add", "192.0.2.2/24", "dev", "eth0");
await ip("address", "add", "2001:db8:1::2/64", "dev", "eth0", "nodad");
await ip("route", "add", "default", "via", "192.0.2.1");
await ip("rule", "add", "priority", "100", "fwmark", "7", "table", "7");
// The engine's part.
for (const { tun } of site.segments) await ip("tuntap", "add", "mode", "tun", "name", tun);

const failures: string[] = [];
const make = async (changes: HostChange[]) => {
  for (const failure of await changeHost(changes)) failures.push(failure.message);
};
const before = await readHost(paths);
const quiet = await fingerprint() === await fingerprint();
const wanted = desiredHost(site, before);
const plan = planHost(wanted.host, before);
const started = performance.now();
await make(plan);
const millis = Math.round(performance.now() - started);
const during = await readHost(paths);
const again = planHost(desiredHost(site, during).host, during);

// The provider moves the gateway.
const calm = await fingerprint();
const alike = fingerprintOf(await readHost([])) === calm;
await ip("route", "replace", "default", "via", "192.0.2.9");
const noticed = await fingerprint() !== calm;
const moved = await readHost(paths);
const adjustment = planHost(desiredHost(site, moved).host, moved);
await make(adjustment);
const gateway = (await readHost(paths)).routes.find((route) =>
  route.table === 19543000 && route.destination === "0.0.0.0/0" && route.type === "unicast"
)?.gateway;

// Something in the way of a route of ours, and its removal twice: told, and not told.
const conflict = await changeHost([{
  kind: "route-add",
  route: { ...ours(during).routes[0]!, metric: 5 },
}, { kind: "route-add", route: { ...ours(during).routes[0]!, metric: 5 } }]);
const last = await readHost(paths);
await make(planHost({ ...EMPTY_HOST, settings: before.settings }, last));
await make(planHost(EMPTY_HOST, last).filter((change) => change.kind === "route-remove"));
const after = await readHost(paths);
console.log(JSON.stringify({
  quiet,
  planned: plan.length,
  millis,
  failures,
  during: { rules: ours(during).rules, routes: ours(during).routes.length },
  again,
  alike,
  noticed,
  adjustment: adjustment.map((change) => change.kind),
  gateway,
  conflict: conflict.map((failure) => failure.message),
  left: { rules: ours(after).rules, routes: ours(after).routes },
  foreignRules: after.rules,
  settings: after.settings.filter((setting) =>
    before.settings.some(({ path, value }) => path === setting.path && value !== setting.value)
  ),
}));
