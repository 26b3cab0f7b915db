/**
 * Puts this source tree's program on the machine that it runs on, as a service:
 *
 *     deno run -A deploy/install.ts [--prefix /opt/labelway] [--root /]
 *
 * The program is bundled, so that it starts quickly. Everything goes into a fresh folder beside the
 * old one, which then takes its place; doing it again is an update. `--root` installs below another
 * root (an image), and leaves systemd alone.
 */

import { dirname, join } from "node:path";
import { ignoreMissing } from "../src/io/files.ts";
import { bundle, ROOT, runBundled } from "../src/lab/program.ts";

interface Place {
  readonly root: string;
  readonly prefix: string;
}

const LIBRARY = `${ROOT}/native/target/release/liblabelway.so`;

/** Programs that the router calls, and the Debian packages that carry them. */
const NEEDED = { ip: "iproute2", wg: "wireguard-tools" } as const;

await install(parse(Deno.args));

async function install(place: Place): Promise<void> {
  await refuseIfIncomplete(place);
  const { root, prefix } = place;
  const target = join(root, prefix);
  const fresh = `${target}.new`;
  await Deno.remove(fresh, { recursive: true }).catch(() => {});
  await copyProgram(fresh);
  await wrapper(join(fresh, "labelway"), prefix);
  const old = `${target}.old`;
  await Deno.remove(old, { recursive: true }).catch(() => {});
  await Deno.rename(target, old).catch(ignoreMissing);
  await Deno.rename(fresh, target);
  await Deno.remove(old, { recursive: true }).catch(ignoreMissing);

  const bin = join(root, "/usr/local/bin");
  await Deno.mkdir(bin, { recursive: true });
  await Deno.remove(join(bin, "labelway")).catch(ignoreMissing);
  await Deno.symlink(join(prefix, "labelway"), join(bin, "labelway"));
  await placeFile("deploy/labelway.service", join(root, "/etc/systemd/system/labelway.service"));
  await placeFile("deploy/60-labelway.conf", join(root, "/etc/sysctl.d/60-labelway.conf"));
  await folder(join(root, "/etc/labelway"), 0o755);
  await folder(join(root, "/etc/labelway/keys"), 0o700);
  if (root === "/" && await exists("/run/systemd/system")) {
    await run(["systemctl", "daemon-reload"]);
    await run(["sysctl", "--quiet", "--load", "/etc/sysctl.d/60-labelway.conf"]);
  }
  console.log(
    `Installed into ${target}. Next:\n` +
      "  put the network's file at /etc/labelway/network.yaml\n" +
      "  labelway keygen SITE /etc/labelway/network.yaml   (unless the site has its keys)\n" +
      "  labelway check /etc/labelway/network.yaml\n" +
      "  labelway plan /etc/labelway/network.yaml\n" +
      "  systemctl enable --now labelway",
  );
}

/** Everything that is missing, before anything is changed. */
async function refuseIfIncomplete({ root }: Place): Promise<void> {
  const missing: string[] = [];
  if (root === "/" && Deno.uid() !== 0) missing.push("root: run it as root, or give --root FOLDER");
  if (!await exists(LIBRARY)) missing.push("the native half: run `deno task native`");
  for (const [program, debian] of Object.entries(NEEDED)) {
    if (root === "/" && !await onPath(program)) {
      missing.push(`${program}: apt-get install --no-install-recommends ${debian}`);
    }
  }
  if (missing.length === 0) return;
  for (const line of missing) console.error(`Cannot install without ${line}`);
  Deno.exit(1);
}

async function copyProgram(to: string): Promise<void> {
  // Made in the tree and then copied: from elsewhere its maps would tell where the tree lies.
  const bundled = `${ROOT}/.cache/program`;
  await bundle(bundled).catch((error: Error) => {
    console.error(error.message);
    Deno.exit(1);
  });
  await Deno.mkdir(`${to}/program`, { recursive: true });
  for (const { name } of Deno.readDirSync(bundled)) {
    await Deno.copyFile(`${bundled}/${name}`, `${to}/program/${name}`);
  }
  await Deno.writeTextFile(`${to}/program/LICENCES`, await licences());
  await Deno.mkdir(`${to}/lib`, { recursive: true });
  await Deno.copyFile(LIBRARY, `${to}/lib/liblabelway.so`);
  await Deno.copyFile(Deno.execPath(), `${to}/deno`);
  await Deno.chmod(`${to}/deno`, 0o755);
}

/** Those of the packages that are bundled, as they want to be told. */
async function licences(): Promise<string> {
  const info = JSON.parse(
    await run([Deno.execPath(), "info", "--json", `${ROOT}/src/main.ts`]),
  ) as Info;
  const texts: string[] = [];
  for (const { name, version } of reached(info)) {
    const store = `${ROOT}/node_modules/.deno/${name.replaceAll("/", "+")}@${version}`;
    const own = `${store}/node_modules/${name}`;
    const files = [...Deno.readDirSync(own)].map((entry) => entry.name);
    const file = files.find((each) => /^licen[cs]e/i.test(each));
    const said = file === undefined
      ? `Licence: ${JSON.parse(await Deno.readTextFile(`${own}/package.json`)).license}`
      : (await Deno.readTextFile(`${own}/${file}`)).trim();
    texts.push(`${name} ${version}\n\n${said}\n`);
  }
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

interface Info {
  readonly modules: readonly { readonly kind?: string; readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<Record<string, Package>>;
}

interface Package {
  readonly name: string;
  readonly version: string;
  readonly dependencies: readonly string[];
}

/** What the modules import, and what those packages need. */
function reached({ modules, npmPackages }: Info): Package[] {
  const found = new Set<string>();
  const follow = (id: string) => {
    if (found.has(id)) return;
    found.add(id);
    for (const next of npmPackages[id]?.dependencies ?? []) follow(next);
  };
  for (const { npmPackage } of modules) if (npmPackage !== undefined) follow(npmPackage);
  return [...found].sort().flatMap((id) => npmPackages[id] ?? []);
}

async function wrapper(path: string, prefix: string): Promise<void> {
  const text = [
    "#!/bin/sh",
    `LABELWAY_LIBRARY=\${LABELWAY_LIBRARY:-${prefix}/lib/liblabelway.so}`,
    "export LABELWAY_LIBRARY",
    `exec ${runBundled(`${prefix}/deno`, `${prefix}/program`).join(" ")} "$@"`,
    "",
  ].join("\n");
  await Deno.writeTextFile(path, text, { mode: 0o755 });
}

async function placeFile(from: string, to: string): Promise<void> {
  await Deno.mkdir(dirname(to), { recursive: true });
  await Deno.copyFile(join(ROOT, from), to);
  await Deno.chmod(to, 0o644);
}

async function folder(path: string, mode: number): Promise<void> {
  await Deno.mkdir(path, { recursive: true, mode });
}

async function run(argv: readonly string[]): Promise<string> {
  const [program, ...args] = argv;
  const { code, stdout, stderr } = await new Deno.Command(program!, { args, cwd: ROOT }).output();
  if (code === 0) return new TextDecoder().decode(stdout);
  console.error(`\`${argv.join(" ")}\` failed: ${new TextDecoder().decode(stderr).trim()}`);
  Deno.exit(1);
}

async function onPath(program: string): Promise<boolean> {
  const folders = `${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin`.split(":");
  return (await Promise.all(folders.map((folder) => exists(join(folder, program))))).includes(true);
}

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

function parse(args: readonly string[]): Place {
  const place = { root: "/", prefix: "/opt/labelway" };
  for (let index = 0; index < args.length; index += 2) {
    const value = args[index + 1];
    const absolute = value?.startsWith("/");
    if (args[index] === "--prefix" && absolute) place.prefix = value!;
    else if (args[index] === "--root" && absolute) place.root = value!;
    else {
      console.error(`install: ${args[index]} ${value ?? ""}: there are --prefix /DIR, --root /DIR`);
      Deno.exit(2);
    }
  }
  return place;
}
