/**
 * A guest machine with Debian's kernel (WireGuard, netem, VRF, MPLS) under QEMU, for what this
 * machine's kernel may not have. Its root is this machine's root file system, read-only, with what
 * the guest writes kept in its memory; only the output folder is shared back.
 *
 * Software emulation: boots in seconds, then runs 10 to 20 times slower than the machine. For
 * behaviour, never for timing.
 */

import { fail, output, run, step } from "../../deploy/dev/run.ts";

/** Kernel modules the guest loads, in any order; their dependencies come along. */
const MODULES = [
  "9p",
  "9pnet_virtio",
  "virtio_pci",
  "overlay",
  "wireguard",
  "tun",
  "veth",
  "dummy",
  "vrf",
  "sch_netem",
  "sch_tbf",
  "sch_ingress",
  "cls_u32",
  "act_mirred",
  "nf_tables",
  "nft_ct",
  "nft_masq",
  "nft_chain_nat",
  "mpls_router",
  "mpls_iptunnel",
  "fou",
]; // deno-fmt-ignore-line

const TREE = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const CACHE = `${TREE}/.cache/kernel`;

/** The guest did not come up, or did not come to an end in time. */
export class GuestError extends Error {
  override readonly name = "GuestError";
}

/**
 * Runs `argv` as root in the guest, in the folder of the source tree, its output on this screen.
 * @returns the command's exit status
 */
export async function runInGuest(
  argv: readonly string[],
  options: { memoryMebibytes: number; timeoutSeconds: number },
): Promise<number> {
  const kernel = await fetchKernel();
  const initrd = await buildInitrd(kernel);
  const shared = await Deno.makeTempDir({ prefix: "labelway-guest-" });
  try {
    await Deno.writeTextFile(`${shared}/job`, jobScript(argv));
    await boot(kernel, initrd, shared, options);
    const code = await Deno.readTextFile(`${shared}/status`).catch(() => null);
    if (code === null) throw new GuestError("The guest ended without running the command");
    return Number(code);
  } finally {
    await Deno.remove(shared, { recursive: true });
  }
}

interface Kernel {
  readonly version: string;
  readonly image: string;
  /** Folder that holds `lib/modules/VERSION`. */
  readonly root: string;
}

/** Unpacks (never installs) the kernel package that linux-image-amd64 stands for. */
async function fetchKernel(): Promise<Kernel> {
  const ready = await Deno.readTextFile(`${CACHE}/version`).catch(() => null);
  if (ready !== null) return kernelAt(ready.trim());
  step("Fetching Debian's kernel package (unpacked into .cache, not installed)");
  await Deno.remove(CACHE, { recursive: true }).catch(() => {});
  await Deno.mkdir(`${CACHE}/download`, { recursive: true });
  const depends = await output(["apt-cache", "depends", "linux-image-amd64"]) ?? "";
  const name = depends.match(/Depends: (linux-image-[0-9]\S*)/)?.[1];
  if (!name) fail("apt knows no linux-image-amd64: run apt-get update on a Debian system");
  await run(["apt-get", "download", "-q", name], { cwd: `${CACHE}/download` });
  for await (const file of Deno.readDir(`${CACHE}/download`)) {
    await run(["dpkg", "-x", `${CACHE}/download/${file.name}`, `${CACHE}/root`]);
  }
  await Deno.remove(`${CACHE}/download`, { recursive: true });
  const version = name.replace("linux-image-", "");
  await run(["depmod", "-b", `${CACHE}/root`, version]);
  await Deno.writeTextFile(`${CACHE}/version`, version);
  return kernelAt(version);
}

function kernelAt(version: string): Kernel {
  return { version, image: `${CACHE}/root/boot/vmlinuz-${version}`, root: `${CACHE}/root` };
}

/** A busybox, the modules and an init that mounts this machine's root and starts the job. */
async function buildInitrd(kernel: Kernel): Promise<string> {
  const target = `${CACHE}/initrd-${await fingerprint(INIT + MODULES.join(" "))}`;
  if (await Deno.stat(target).then(() => true, () => false)) return target;
  step("Building the guest's initial file system");
  const root = await Deno.makeTempDir({ prefix: "labelway-initrd-" });
  try {
    for (const folder of ["bin", "dev", "proc", "sys", "modules", "lower", "overlay", "new"]) {
      await Deno.mkdir(`${root}/${folder}`);
    }
    await Deno.copyFile("/bin/busybox", `${root}/bin/busybox`);
    const order = await copyModules(kernel, `${root}/modules`);
    await Deno.writeTextFile(`${root}/modules/order`, order.map((name) => `${name}\n`).join(""));
    await Deno.writeTextFile(`${root}/init`, INIT, { mode: 0o755 });
    await packArchive(root, target);
    return target;
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function copyModules(kernel: Kernel, folder: string): Promise<string[]> {
  const files = new Set<string>();
  for (const module of MODULES) {
    const shown = await output([
      "modprobe",
      "-d",
      kernel.root,
      "-S",
      kernel.version,
      "--show-depends",
      module,
    ]); // deno-fmt-ignore-line
    if (shown === null) throw new GuestError(`Kernel ${kernel.version} has no module ${module}`);
    for (const match of shown.matchAll(/^insmod (\S+)/gm)) files.add(match[1] ?? "");
  }
  const names: string[] = [];
  for (const file of files) {
    const name = file.split("/").at(-1) ?? file;
    await Deno.copyFile(file, `${folder}/${name}`);
    if (name.endsWith(".xz")) await run(["xz", "-d", `${folder}/${name}`]);
    names.push(name.replace(/\.xz$/, ""));
  }
  return names;
}

async function packArchive(root: string, target: string): Promise<void> {
  const names: string[] = [];
  const walk = async (folder: string) => {
    names.push(folder);
    for await (const entry of Deno.readDir(`${root}/${folder}`)) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) await walk(path);
      else names.push(path);
    }
  };
  await walk(".");
  const cpio = new Deno.Command("cpio", {
    args: ["-o", "-H", "newc", "--quiet"],
    cwd: root,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = cpio.stdin.getWriter();
  await writer.write(new TextEncoder().encode(names.join("\n")));
  await writer.close();
  await Deno.writeFile(`${target}.new`, cpio.stdout);
  if (!(await cpio.status).success) throw new GuestError("cpio failed");
  await Deno.rename(`${target}.new`, target);
}

async function boot(
  kernel: Kernel,
  initrd: string,
  shared: string,
  options: { memoryMebibytes: number; timeoutSeconds: number },
): Promise<void> {
  // deno-fmt-ignore
  const guest = new Deno.Command("qemu-system-x86_64", {
    args: [
      "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", `${options.memoryMebibytes}`,
      "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot", "-nic", "none",
      "-kernel", kernel.image, "-initrd", initrd,
      "-append", "console=ttyS0 panic=-1 quiet loglevel=3",
      "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
      "-device", "virtio-9p-pci,fsdev=root,mount_tag=host",
      "-fsdev", `local,id=out,path=${shared},security_model=none,multidevs=remap`,
      "-device", "virtio-9p-pci,fsdev=out,mount_tag=out",
    ],
    stdin: "null",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    guest.kill("SIGTERM");
  }, options.timeoutSeconds * 1000);
  const { success } = await guest.status;
  clearTimeout(timer);
  if (late) throw new GuestError(`The guest was still running after ${options.timeoutSeconds} s`);
  if (!success) throw new GuestError("QEMU failed");
}

/** Starts the command with this process's PATH; bash is the init of the guest here. */
function jobScript(argv: readonly string[]): string {
  const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
  const keep = ["PATH", "HOME", "DENO_DIR"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [`export ${name}=${quote(value)}`];
  });
  return [
    `cd ${quote(TREE)}`,
    ...keep,
    "export LABELWAY_GUEST=1",
    argv.map(quote).join(" "),
    "echo $? >/mnt/guest/status",
    "sync",
    "/bin/busybox poweroff -f",
    "",
  ].join("\n");
}

async function fingerprint(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(hash).slice(0, 8).toHex();
}

const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module" || echo "guest: module $module did not load"; done </modules/order
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro host /lower || exec poweroff -f
mount -t tmpfs overlay /overlay
mkdir /overlay/upper /overlay/work
mount -t overlay -o lowerdir=/lower,upperdir=/overlay/upper,workdir=/overlay/work root /new
umount /proc /sys
mount -t proc proc /new/proc
mount -t sysfs sys /new/sys
mount --move /dev /new/dev
mkdir -p /new/dev/pts /new/dev/shm /new/dev/net /new/mnt/guest
mount -t devpts devpts /new/dev/pts
mount -t tmpfs shm /new/dev/shm
mount -t tmpfs run /new/run
mkdir -p /new/run/netns /new/run/wireguard
mkdir -p /new/mnt/lab
mount -t tmpfs lab /new/mnt/lab
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 out /new/mnt/guest
ln -sf /proc/self/fd /new/dev/fd
ln -sf /proc/self/fd/0 /new/dev/stdin
ln -sf /proc/self/fd/1 /new/dev/stdout
ln -sf /proc/self/fd/2 /new/dev/stderr
[ -e /new/dev/net/tun ] || mknod /new/dev/net/tun c 10 200
ip link set lo up
exec switch_root /new /bin/bash /mnt/guest/job
`;
