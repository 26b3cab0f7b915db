/** Running other programs from the development tasks: argv arrays, output shown as it comes. */

/** One line that says what happens now. */
export function step(text: string): void {
  const bold = Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR");
  console.log(bold ? `\x1b[1m▸ ${text}\x1b[0m` : `▸ ${text}`);
}

/** Ends the program with one message and exit status 1. */
export function fail(text: string): never {
  console.error(text);
  Deno.exit(1);
}

/** Runs a command with its output on the screen; answers its exit status. */
export async function status(
  argv: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<number> {
  const [program = "", ...args] = argv;
  const { code } = await new Deno.Command(program, { args, stdin: "null", ...options }).spawn()
    .status;
  return code;
}

/** As {@link status}, and a failure ends the program. */
export async function run(
  argv: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<void> {
  const code = await status(argv, options);
  if (code !== 0) fail(`${argv.join(" ")} failed (exit status ${code})`);
}

/** What a command prints, or null where it failed or does not exist. */
export async function output(argv: readonly string[]): Promise<string | null> {
  const [program = "", ...args] = argv;
  try {
    const result = await new Deno.Command(program, { args, stdin: "null", stderr: "null" })
      .output();
    return result.success ? new TextDecoder().decode(result.stdout) : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Whether a program of this name is on the PATH (or in the system folders that root's PATH has). */
export async function installed(program: string): Promise<boolean> {
  const folders = (Deno.env.get("PATH") ?? "").split(":").concat("/usr/sbin", "/sbin");
  for (const folder of folders) {
    try {
      if ((await Deno.stat(`${folder}/${program}`)).isFile) return true;
    } catch {
      // not in this folder
    }
  }
  return false;
}
