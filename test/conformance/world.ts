/** A machine in memory: carries out the router's effects as a real one would, and keeps a record. */

import { formatProblem, parseNetwork } from "../../src/config/mod.ts";
import type { Look, Looks, Snapshot, Table } from "../../src/model/boundary.ts";
import type { Instant } from "../../src/model/quantity.ts";
import type { WireguardState } from "../../src/ports/wireguard.ts";
import type { Configuration, Effect, RouterEvent } from "../../src/router/event.ts";
import { Router } from "../../src/router/router.ts";
import { describeHost } from "../../src/underlay/change.ts";
import type { Host } from "../../src/underlay/host.ts";
import type { DesiredInterface } from "../../src/underlay/wireguard.ts";
import { renderWireguard } from "../../src/underlay/wireguard.ts";
import { NO_QUALITY } from "../../src/api/observation.ts";
import { windowOf } from "../fixtures/looks.ts";
import { applied } from "../unit/underlay/kernel_model.ts";
import { connected, link, machine, route } from "./bare_machine.ts";
import { lines } from "./effect_lines.ts";

/** One thing that happens; exactly one field. */
export interface Happening {
  readonly start?: string;
  readonly reload?: string;
  readonly stop?: "keep" | "clean";
  readonly timeout?: true;
  readonly gateway?: { readonly device: string; readonly address: string | null };
  readonly device?: { readonly name: string; readonly is: "up" | "down" | "gone" };
  readonly resolved?: { readonly name: string; readonly addresses: readonly string[] };
  readonly unresolved?: { readonly name: string; readonly reason: string };
  /** Adjacency → round trip in ms, with the share that is lost on the way there; or `down`. */
  readonly probes?: Readonly<
    Record<string, number | "down" | { readonly rtt: number; readonly loss: number }>
  >;
  readonly roamed?: { readonly interface: string; readonly endpoint: string };
  /** From here on, what contains these words fails with this message. */
  readonly fail?: { readonly what: string; readonly message: string };
  readonly repaired?: true;
}

interface Probed {
  readonly rtt: number | null;
  readonly loss: number;
  readonly since: number;
  readonly downs: number;
}

const EPOCH = 1_800_000_000_000;

export class World {
  readonly #router = new Router();
  readonly #site: string;
  readonly #networks: URL;
  readonly #generations: string[] = [];
  #host: Host = machine();
  #wireguard = new Map<string, WireguardState>();
  #table: Table | null = null;
  #probes = new Map<string, Probed>();
  #lookedAt = EPOCH;
  #file = "";
  #failure: { what: string; message: string } | null = null;
  #now = EPOCH;
  #record: string[] = [];

  constructor(site: string, networks: URL) {
    this.#site = site;
    this.#networks = networks;
  }

  /** @returns what the router did about it, in order */
  happen(at: number, happening: Happening): string[] {
    this.#now = EPOCH + at;
    this.#record = [];
    for (const event of this.#events(happening)) this.#tell(event);
    const due = this.#router.nextTimeout();
    this.#record.push(due === null ? "then waits" : `then waits until ${due - EPOCH}`);
    return this.#record.map((line) => this.#named(line));
  }

  /** What is ours on the machine. */
  left(): { rules: number; tables: number; wireguard: number; tuns: number } {
    return {
      rules: this.#host.rules.length,
      tables: this.#host.routes.filter((route) => route.table !== 254).length,
      wireguard: this.#wireguard.size,
      tuns: this.#host.links.filter((link) => link.kind === "tun").length,
    };
  }

  #events(happening: Happening): RouterEvent[] {
    if (happening.start !== undefined) return [this.#load(happening.start)];
    if (happening.reload !== undefined) {
      this.#file = happening.reload;
      return [{ kind: "reload" }];
    }
    if (happening.stop !== undefined) {
      return [{ kind: "stop", reason: "asked to", keep: happening.stop === "keep" }];
    }
    if (happening.timeout) return [{ kind: "timeout" }];
    if (happening.gateway) {
      const { device, address } = happening.gateway;
      const rest = this.#host.routes.filter((one) =>
        one.table !== 254 || one.device !== device || one.destination !== "0.0.0.0/0"
      );
      this.#host = {
        ...this.#host,
        routes: address === null ? rest : [...rest, route(device, "0.0.0.0/0", address)],
      };
      return [{ kind: "disturbed" }];
    }
    if (happening.device) {
      this.#setDevice(happening.device.name, happening.device.is);
      return [{ kind: "disturbed" }];
    }
    if (happening.resolved) return [{ kind: "resolved", ...happening.resolved }];
    if (happening.unresolved) return [{ kind: "unresolved", ...happening.unresolved }];
    if (happening.probes) {
      for (const [key, told] of Object.entries(happening.probes)) {
        const before = this.#probes.get(key);
        const { rtt, loss } = typeof told === "object"
          ? told
          : { rtt: told === "down" ? null : told, loss: 0 };
        const same = before !== undefined && (before.rtt === null) === (rtt === null);
        this.#probes.set(key, {
          rtt: rtt === null ? null : rtt * 1000,
          loss,
          since: same ? before.since : this.#now,
          downs: (before?.downs ?? 0) + Number(!same && rtt === null),
        });
      }
      return [];
    }
    if (happening.roamed) {
      const { interface: name, endpoint } = happening.roamed;
      const state = this.#wireguard.get(name)!;
      this.#wireguard.set(name, {
        ...state,
        peers: state.peers.map((peer) => ({
          ...peer,
          endpoint,
          latestHandshakeMillis: this.#now,
        })),
      });
      return [];
    }
    if (happening.fail) this.#failure = happening.fail;
    if (happening.repaired) this.#failure = null;
    return [];
  }

  #tell(event: RouterEvent): void {
    let effects = this.#router.handle(event, this.#now as Instant);
    for (let effect = effects.shift(); effect; effect = effects.shift()) {
      this.#record.push(...lines(effect));
      const answer = this.#perform(effect);
      if (answer === null) continue;
      if (answer.kind === "table-refused") effects = [];
      effects.push(...this.#router.handle(answer, this.#now as Instant));
    }
  }

  #perform(effect: Effect): RouterEvent | null {
    switch (effect.kind) {
      case "read-file":
        return this.#load(this.#file);
      case "observe":
        return {
          kind: "observed",
          host: this.#host,
          wireguard: effect.interfaces.flatMap((name) => this.#wireguard.get(name) ?? []),
        };
      case "read-snapshot":
        return { kind: "snapshot", snapshot: this.#snapshot() };
      case "take-looks":
        return { kind: "looks", looks: this.#looks() };
      case "change-host": {
        const failing = effect.changes.filter((change) => this.#fails(describeHost(change)));
        const made = effect.changes.filter((change) =>
          !failing.includes(change) && change.kind !== "tun-add" && change.kind !== "tun-remove"
        );
        this.#host = applied(this.#host, made);
        return {
          kind: "host-changed",
          failures: failing.map((change) =>
            `Cannot ${describeHost(change)}: ${this.#failure!.message}`
          ),
        };
      }
      case "apply-table":
        if (this.#fails("apply-table")) {
          return { kind: "table-refused", problems: [this.#failure!.message] };
        }
        this.#apply(effect.table);
        return { kind: "table-applied" };
      case "syncconf": {
        const { desired } = effect;
        if (this.#fails(`syncconf ${desired.name}`)) {
          return { kind: "synced", interface: desired.name, problem: this.#failure!.message };
        }
        this.#sync(desired);
        return { kind: "synced", interface: desired.name, problem: null };
      }
      case "close-engine":
        this.#engineGone();
        return null;
      default:
        return null;
    }
  }

  #fails(what: string): boolean {
    return this.#failure !== null && what.includes(this.#failure.what);
  }

  #load(file: string): RouterEvent {
    const text = Deno.readTextFileSync(new URL(file, this.#networks));
    const parsed = parseNetwork(text, file);
    if (parsed.problems) return { kind: "refused", problems: parsed.problems.map(formatProblem) };
    const { network } = parsed;
    const site = network.sites.find((one) => one.name === this.#site)!;
    const backends = Object.fromEntries(
      site.uplinks.map(({ name }) => [name, "embedded"] as const),
    );
    return { kind: "loaded", configuration: { network, site, backends } satisfies Configuration };
  }

  /** The engine's part: devices of segments and embedded interfaces come and go with the table. */
  #apply(table: Table): void {
    this.#table = table;
    const wanted = new Set(table.segments.map((segment) => segment.tun));
    this.#dropTuns((name) => !wanted.has(name));
    const present = new Set(this.#host.links.map((link) => link.name));
    const fresh = table.segments.filter((segment) => !present.has(segment.tun))
      .map((segment) => link(segment.tun, "tun", segment.mtu));
    this.#host = { ...this.#host, links: [...this.#host.links, ...fresh] };
    for (const { interface: name } of table.uplinks) {
      if (this.#wireguard.has(name)) continue;
      this.#wireguard.set(name, {
        interface: name,
        publicKey: null,
        listenPort: 0,
        fwmark: null,
        peers: [],
      });
    }
  }

  #dropTuns(which: (name: string) => boolean): void {
    const gone = new Set(
      this.#host.links.filter((one) => one.kind === "tun" && which(one.name)).map((one) =>
        one.name
      ),
    );
    this.#host = {
      ...this.#host,
      links: this.#host.links.filter((one) => !gone.has(one.name)),
      addresses: this.#host.addresses.filter((one) => !gone.has(one.device)),
      routes: this.#host.routes.filter((one) => !gone.has(one.device ?? "")),
    };
  }

  #engineGone(): void {
    this.#dropTuns(() => true);
    this.#wireguard.clear();
  }

  #sync(desired: DesiredInterface): void {
    const before = this.#wireguard.get(desired.name) ?? null;
    const text = renderWireguard(desired, before, this.#now, "(key)");
    const had = new Map(before?.peers.map((peer) => [peer.publicKey, peer]));
    this.#wireguard.set(desired.name, {
      interface: desired.name,
      publicKey: desired.publicKey,
      listenPort: desired.listenPort,
      fwmark: desired.mark,
      peers: desired.peers.map((peer) => {
        const part = text.slice(text.indexOf(peer.publicKey)).split("[Peer]")[0]!;
        const endpoint = /Endpoint = (\S+)/.exec(part)?.[1];
        const old = had.get(peer.publicKey);
        if (endpoint) this.#record.push(`  endpoint ${endpoint}`);
        return {
          latestHandshakeMillis: null,
          rxBytes: 0,
          txBytes: 0,
          ...old,
          publicKey: peer.publicKey,
          endpoint: endpoint ?? old?.endpoint ?? null,
          allowedIps: peer.allowedIps,
          persistentKeepalive: peer.persistentKeepalive,
        };
      }),
    });
  }

  #snapshot(): Snapshot {
    const quality = (key: string) => {
      const probe = this.#probes.get(key);
      const state = probe === undefined ? "unknown" : probe.rtt === null ? "down" : "up";
      return {
        state: state as "unknown" | "down" | "up",
        state_millis: this.#now - (probe?.since ?? EPOCH),
        downs: probe?.downs ?? 0,
        rtt_micros: probe?.rtt ?? null,
        jitter_micros: null,
        loss: 0,
        probes_sent: 0,
        probes_answered: 0,
        mtu: null,
      };
    };
    const counters = { tx_packets: 0, tx_bytes: 0 };
    return {
      generation: this.#table?.generation ?? null,
      uptime_millis: this.#now - EPOCH,
      adjacencies: (this.#table?.adjacencies ?? []).map(({ key }) => ({
        key,
        quality: quality(key),
        bfd: {
          state: "down",
          diagnostic: 0,
          remote_state: "down",
          remote_diagnostic: 0,
          transmit_micros: null,
          detection_micros: 0,
          sent: 0,
          received: 0,
          discarded: 0,
        },
        remote_generation: null,
        rx_packets: 0,
        rx_bytes: 0,
        ...counters,
      })),
      lists: (this.#table?.lists ?? []).map(({ key }) => ({
        key,
        quality: quality(key),
        suspect: false,
        ...counters,
      })),
      segments: [],
      threads: [],
      drops: {},
      swaps: 0,
    };
  }

  /** A hundred probes a second. */
  #looks(): Looks {
    const spanMillis = this.#now - this.#lookedAt;
    this.#lookedAt = this.#now;
    const looks = [...this.#probes].map(([key, { rtt, since, downs, loss }]): Look => {
      const state = rtt === null ? "down" : "up";
      const quality = {
        ...NO_QUALITY,
        state: state as "up" | "down",
        rtt_micros: rtt,
        jitter_micros: rtt === null ? null : 0,
        loss,
      };
      return {
        key,
        state,
        state_millis: this.#now - since,
        downs,
        since: windowOf(spanMillis, quality, 100),
        ten_seconds: windowOf(10_000, quality, 100),
        minute: windowOf(60_000, quality, 100),
        carried: null,
      };
    });
    return { uptime_millis: this.#now - EPOCH, looks, reported: [] };
  }

  #setDevice(name: string, is: "up" | "down" | "gone"): void {
    const others = this.#host.links.filter((one) => one.name !== name);
    const fresh = is === "gone" ? [] : [{ ...link(name, null, 1500), up: is === "up" }];
    this.#host = {
      ...this.#host,
      links: [...others, ...fresh],
      // A device that goes down loses its routes; one that comes up gets its own back.
      routes: is === "up"
        ? [...this.#host.routes, connected(name)]
        : this.#host.routes.filter((one) => one.device !== name),
    };
  }

  /** Hashes as `#1`, `#2` in the order in which they appear: recordings outlive the hash. */
  #named(line: string): string {
    return line.replaceAll(/\b[0-9a-f]{16}\b/g, (hash) => {
      if (!this.#generations.includes(hash)) this.#generations.push(hash);
      return `#${this.#generations.indexOf(hash) + 1}`;
    });
  }
}
