/**
 * Tells systemd about readiness and life (sd_notify(3)). One datagram to a Unix socket, which
 * Deno's stable interface cannot send: the C library does.
 */

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
/** sizeof(sockaddr_un.sun_path), linux/un.h. */
const PATH_BYTES = 108;

export interface ServiceManager {
  /** E.g. `READY=1\nSTATUS=forwarding`. Never throws: a lost message must not stop a router. */
  tell(state: string): void;
  /** How often it wants to hear `WATCHDOG=1`; null: never. */
  readonly watchdogMillis: number | null;
  close(): void;
}

/** The manager that started this process, as its environment tells; else one that hears nothing. */
export function serviceManager(environment: (name: string) => string | undefined): ServiceManager {
  const path = environment("NOTIFY_SOCKET");
  if (!path) return { tell: () => {}, watchdogMillis: null, close: () => {} };
  const period = Number(environment("WATCHDOG_USEC"));
  const send = datagramTo(path);
  return {
    tell: (state) => send?.(state),
    // sd_watchdog_enabled(3) advises half of the time that it grants.
    watchdogMillis: period > 0 ? period / 2000 : null,
    close: () => send?.close(),
  };
}

function datagramTo(path: string): ((text: string) => void) & { close(): void } | null {
  let libc;
  try {
    libc = Deno.dlopen("libc.so.6", {
      socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
      sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
      close: { parameters: ["i32"], result: "i32" },
    });
  } catch {
    return null;
  }
  const { symbols } = libc;
  const name = new TextEncoder().encode(path);
  // unix(7): an abstract name begins with a zero byte, written as `@`.
  if (name[0] === 0x40) name[0] = 0;
  const address = new Uint8Array(2 + Math.min(name.length, PATH_BYTES));
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name.subarray(0, PATH_BYTES), 2);
  const descriptor = symbols.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const send = (text: string) => {
    const bytes = new TextEncoder().encode(text);
    symbols.sendto(descriptor, bytes, BigInt(bytes.length), 0, address, address.length);
  };
  return Object.assign(send, {
    close: () => {
      symbols.close(descriptor);
      libc.close();
    },
  });
}
