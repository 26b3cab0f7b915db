/**
 * Brings a fresh Linux machine to where the lab and the tests run: Debian packages, then the
 * native half in release mode and the bundled program. Finds out everything that is missing before
 * it changes anything.
 *
 *     deno run -A deploy/dev/setup.ts [lab] [test] [kernel] [native] [bench …]
 *
 * npm packages need no step: Deno installs what deno.lock names before it runs a task.
 */

import { bundle, ROOT } from "../../src/lab/program.ts";
import { fail, installed, output, run, status, step } from "./run.ts";

interface Tool {
  /** Program whose presence shows that the package is there. */
  readonly program: string;
  readonly package: string;
}

const NATIVE: readonly Tool[] = [{ program: "cc", package: "build-essential" }];

const LAB: readonly Tool[] = [
  { program: "ip", package: "iproute2" },
  { program: "wg", package: "wireguard-tools" },
  { program: "wireguard-go", package: "wireguard-go" },
  { program: "nft", package: "nftables" },
  { program: "unshare", package: "util-linux" },
  { program: "ping", package: "iputils-ping" },
  { program: "sysctl", package: "procps" },
  { program: "iperf3", package: "iperf3" },
  { program: "tcpdump", package: "tcpdump" },
  { program: "tshark", package: "tshark" },
  { program: "curl", package: "curl" },
];

/** What counts instructions, what turns a device's offloads off, and another's BFD. */
const TEST: readonly Tool[] = [
  { program: "valgrind", package: "valgrind" },
  { program: "ethtool", package: "ethtool" },
  { program: "vtysh", package: "frr" },
];

const KERNEL: readonly Tool[] = [
  { program: "qemu-system-x86_64", package: "qemu-system-x86" },
  { program: "busybox", package: "busybox-static" },
  { program: "cpio", package: "cpio" },
  { program: "modprobe", package: "kmod" },
  { program: "xz", package: "xz-utils" },
];

/** What a measurement runs, whoever is measured. */
const BENCH: readonly Tool[] = [
  { program: "ip", package: "iproute2" },
  { program: "wg", package: "wireguard-tools" },
  { program: "unshare", package: "util-linux" },
  { program: "ping", package: "iputils-ping" },
  { program: "iperf3", package: "iperf3" },
];

const GROUPS: Readonly<Record<string, readonly Tool[]>> = {
  native: NATIVE,
  lab: [...NATIVE, ...LAB],
  test: [...NATIVE, ...LAB, ...TEST],
  kernel: [...NATIVE, ...LAB, ...KERNEL],
  bench: [...NATIVE, ...BENCH],
  // Peers of the benchmark, each asked for by name only.
  "bench-nebula": [{ program: "nebula", package: "nebula" }],
  "bench-tinc": [{ program: "tincd", package: "tinc" }],
  "bench-go": [],
};

const RUST_MINIMUM = [1, 88] as const;
/** What the newest of the benchmark's Go modules asks for. */
const GO_MINIMUM = [1, 25] as const;

/** What Debian's package scripts ask before they start a service; status 101 says no. */
const POLICY = "/usr/sbin/policy-rc.d";

await main(Deno.args);

async function main(args: readonly string[]): Promise<void> {
  const groups = args.length > 0 ? args : ["lab"];
  const unknown = groups.filter((group) => !(group in GROUPS));
  if (unknown.length > 0) {
    console.error(
      `setup: unknown group ${unknown.join(", ")}; there are ${Object.keys(GROUPS).join(", ")}`,
    );
    Deno.exit(2);
  }
  if (Deno.build.os !== "linux") fail(`Labelway runs on Linux; this is ${Deno.build.os}.`);

  const tools = [
    ...new Map(groups.flatMap((g) => GROUPS[g] ?? []).map((t) => [t.package, t])).values(),
  ];
  const missing = await missingPackages(tools);
  const isRoot = Deno.uid() === 0;
  const problems = [
    ...await rustProblems(),
    ...(groups.includes("bench-go") ? await goProblems() : []),
    ...(groups.some((group) => group !== "native") ? privilegeProblems(isRoot) : []),
    ...await packageProblems(missing, isRoot),
  ];
  if (problems.length > 0) fail(["Cannot set up:", ...problems.map((p) => `  - ${p}`)].join("\n"));

  if (missing.length > 0) await installPackages(missing);
  step("Building the native half (cargo build --release)");
  await run(["cargo", "build", "--release", "--locked", "--workspace"], {
    cwd: `${ROOT}/native`,
  });
  // A lab bundles its own; here so that Deno has fetched its bundler where a lab has no internet.
  step("Bundling the program");
  await bundle(`${ROOT}/.cache/program`).catch((error: Error) => fail(error.message));
}

async function missingPackages(tools: readonly Tool[]): Promise<string[]> {
  const packages: string[] = [];
  for (const tool of tools) if (!await installed(tool.program)) packages.push(tool.package);
  return packages;
}

async function rustProblems(): Promise<string[]> {
  const minimum = RUST_MINIMUM.join(".");
  const found = (await output(["rustc", "--version"]))?.match(/^rustc (\d+)\.(\d+)/);
  if (!found || await output(["cargo", "--version"]) === null) {
    return [
      `Rust ${minimum} or newer is missing: install it with rustup (rustc and cargo on the PATH)`,
    ];
  }
  return isEnough(found, RUST_MINIMUM)
    ? []
    : [`Rust ${minimum} or newer is needed, found ${found[1]}.${found[2]}: run rustup update`];
}

async function goProblems(): Promise<string[]> {
  const found = (await output(["go", "env", "GOVERSION"]))?.match(/^go(\d+)\.(\d+)/);
  if (found && isEnough(found, GO_MINIMUM)) return [];
  const state = found ? `found ${found[1]}.${found[2]}` : "found none";
  return [
    `Go ${GO_MINIMUM.join(".")} or newer is needed, ${state}: install it from go.dev, ` +
    "or leave out the peers that are Go modules (--peers)",
  ];
}

/** Of a match of major and minor version. */
function isEnough(found: RegExpMatchArray, [major, minor]: readonly [number, number]): boolean {
  return Number(found[1]) > major || (Number(found[1]) === major && Number(found[2]) >= minor);
}

function privilegeProblems(isRoot: boolean): string[] {
  if (!isRoot) {
    return ["not root: network namespaces and TUN devices need it; run the same command with sudo"];
  }
  try {
    Deno.statSync("/dev/net/tun");
    return [];
  } catch {
    return ["/dev/net/tun is missing: load it with modprobe tun"];
  }
}

async function packageProblems(missing: readonly string[], isRoot: boolean): Promise<string[]> {
  if (missing.length === 0) return [];
  const hasApt = await installed("apt-get");
  if (isRoot && hasApt) return [];
  return [
    hasApt
      ? `missing packages: sudo apt-get install --no-install-recommends ${missing.join(" ")}`
      : `no apt-get here; install these (names as in Debian) and run again: ${missing.join(" ")}`,
  ];
}

/** Without starting the services of what is installed: the tests start daemons of their own. */
async function installPackages(packages: readonly string[]): Promise<void> {
  step(`Installing Debian packages: ${packages.join(" ")}`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run(["apt-get", "update", "-q"], { env });
  const allow = await forbidServices();
  const install = ["install", "-y", "-q", "--no-install-recommends", ...packages];
  const code = await status(["apt-get", ...install], { env });
  await allow();
  if (code !== 0) fail(`apt-get ${install.join(" ")} failed (exit status ${code})`);
}

/**
 * Until what is answered is called; whoever interrupts ends apt-get, and this goes on to that. A
 * policy that the system has stays as it is.
 */
async function forbidServices(): Promise<() => Promise<void>> {
  try {
    await Deno.writeTextFile(POLICY, "#!/bin/sh\nexit 101\n", { createNew: true, mode: 0o755 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return () => Promise.resolve();
    throw error;
  }
  const signals = ["SIGINT", "SIGTERM"] as const;
  const goOn = () => {};
  for (const signal of signals) Deno.addSignalListener(signal, goOn);
  return async () => {
    await Deno.remove(POLICY);
    for (const signal of signals) Deno.removeSignalListener(signal, goOn);
  };
}
