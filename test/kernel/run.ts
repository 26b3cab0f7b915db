/** `deno task test:kernel`: boots the guest and runs network.ts in it. */

import { fail, step } from "../../deploy/dev/run.ts";
import { runInGuest } from "./guest.ts";

const script = new URL("network.ts", import.meta.url).pathname;
step("A guest with Debian's kernel: two gateways with kernel WireGuard, one embedded");
try {
  const code = await runInGuest([Deno.execPath(), "run", "-A", "--no-check", script], {
    memoryMebibytes: 4096,
    timeoutSeconds: 1200,
  });
  if (code !== 0) fail(`The test in the guest failed (exit status ${code})`);
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}
