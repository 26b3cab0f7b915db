/** {@link Wireguard} by the system's `wg`, which speaks to the kernel and to userspace alike. */

import type { Wireguard, WireguardState } from "../../ports/wireguard.ts";
import { CommandError, run, SYSTEM } from "../command.ts";
import { parseDump } from "./dump.ts";

export class SystemWireguard implements Wireguard {
  async show(interfaceName: string): Promise<WireguardState | null> {
    const result = await run(["wg", "show", interfaceName, "dump"], SYSTEM);
    if (result.code === 0) return parseDump(interfaceName, result.stdout);
    if (
      /No such device|No such file|Connection refused|Protocol not supported/.test(result.stderr)
    ) return null;
    throw new CommandError(
      `\`wg show ${interfaceName} dump\` failed: ${result.stderr.trim() || result.code}`,
    );
  }

  async syncconf(interfaceName: string, text: string): Promise<void> {
    const result = await run(["wg", "syncconf", interfaceName, "/dev/stdin"], {
      ...SYSTEM,
      stdin: text,
    });
    if (result.code === 0) return;
    // `wg` repeats a line that it cannot parse: it must not be one with a key.
    const said = result.stderr.trim().replaceAll(/[A-Za-z0-9+/]{42}[A-Za-z0-9+/=]{2}/g, "(key)");
    throw new CommandError(`\`wg syncconf ${interfaceName}\` failed: ${said || result.code}`);
  }
}

/** Whether `wg` is installed; the message of the error names the package. */
export async function requireWg(): Promise<void> {
  await run(["wg", "--version"], SYSTEM);
}
