/** The loop: tells the router's heart what happens and carries out what it wants. */

import type { LabelState, Measured, Snapshot } from "../model/boundary.ts";
import type { Instant, PublicKey } from "../model/quantity.ts";
import { type Engine, EngineError } from "../ports/engine.ts";
import type { PathStanding } from "../model/standing.ts";
import type { ReloadResult, RouterState, RouterView } from "../ports/router_view.ts";
import type { Wireguard, WireguardState } from "../ports/wireguard.ts";
import type { Effect, LogLevel, RouterEvent } from "../router/event.ts";
import { Router } from "../router/router.ts";
import type { Setting } from "../underlay/host.ts";
import { renderWireguard } from "../underlay/wireguard.ts";
import { at, now } from "./clock.ts";
import { resolveName } from "./names.ts";
import { changeHost, fingerprint, fingerprintOf, readHost } from "./netlink.ts";
import type { Loaded, LoadResult } from "./load.ts";
import type { StateFolder } from "./state_folder.ts";

/** How often devices, gateways and rules are compared with what they were. */
const POLL_MILLIS = 2_000;
/** On a machine that is slow at it, looking takes at most this share of the time. */
const POLL_SHARE = 1 / 20;
/** Three times as long as what a step asks of the system may hang. */
const STUCK_MILLIS = 30_000;

export interface Parts {
  readonly version: string;
  readonly file: string;
  readonly first: Loaded;
  readonly state: StateFolder;
  readonly wireguard: Wireguard;
  /** Settings of the system that a router before could not put back. */
  readonly originals: readonly Setting[];
  openEngine(): Engine;
  /** Reads the file again, compared with what runs. */
  read(former: Loaded): Promise<LoadResult>;
  /** For people, a line each: what changes with a new file that the router does not see to. */
  besides(next: Loaded, former: Loaded): readonly string[];
  /** The file read last runs, or it does not and the one before goes on. */
  settled(runs: boolean): Promise<void>;
  log(level: LogLevel, message: string): void;
  /** Forwarding for the first time. */
  ready(): void;
}

const MEASURED_MILLIS = 1_000;

export class Driver implements RouterView {
  readonly version: string;
  readonly startedAt = now();
  readonly #parts: Parts;
  readonly #router: Router;
  readonly #queue: RouterEvent[] = [];
  /** Asked for a reload: who waits for the next one, and for the one under way. */
  readonly #waiting: ((result: ReloadResult) => void)[] = [];
  readonly #reading: ((result: ReloadResult) => void)[] = [];
  readonly #end = Promise.withResolvers<readonly string[]>();
  #loaded: Loaded;
  /** Read again, not yet known to run. */
  #candidate: Loaded | null = null;
  #engine: Engine | null = null;
  #busy = false;
  /** Everything of every path: asked for by anybody, and too much to be made each time. */
  #measured: { readonly at: number; readonly value: Measured[] } | null = null;
  /** Being carried out. */
  #step: { readonly kind: Effect["kind"]; readonly since: Instant } | null = null;
  #callOff: () => void = () => {};
  #callOffLook: () => void = () => {};
  #ended = false;
  #fingerprint = "";

  constructor(parts: Parts) {
    this.#parts = parts;
    this.version = parts.version;
    this.#loaded = parts.first;
    this.#router = new Router(parts.originals);
  }

  /** Runs until it is told to stop, or the start fails; answers what went wrong. */
  run(): Promise<readonly string[]> {
    this.#tell({ kind: "loaded", configuration: this.#loaded.configuration });
    this.#lookAfter(POLL_MILLIS);
    return this.#end.promise;
  }

  stop(reason: string, keep: boolean): void {
    this.#tell({ kind: "stop", reason, keep });
  }

  isForwarding(): boolean {
    return this.#engine !== null && this.#router.running() !== null;
  }

  fault(): string | null {
    const step = this.#step;
    const seconds = step === null ? 0 : Math.floor((now() - step.since) / 1000);
    if (step !== null && seconds * 1000 >= STUCK_MILLIS) {
      return `The step \`${step.kind}\` has not ended for ${seconds} s`;
    }
    try {
      this.#engine?.snapshot();
      return null;
    } catch (error) {
      return `The engine does not answer: ${messageOf(error)}`;
    }
  }

  current(): RouterState {
    const running = this.#router.running();
    if (!running) throw new Error("The router has not started yet");
    const { configuration, ...rest } = running;
    const { network, site, backends } = configuration;
    const [first = "embedded", ...others] = Object.values(backends);
    const one = others.every((backend) => backend === first);
    return {
      ...rest,
      network,
      site,
      backend: one ? first : "mixed",
      file: this.#parts.file,
    };
  }

  snapshot(): Snapshot {
    return this.#open().snapshot();
  }

  labelCounters(): LabelState[] {
    return this.#open().labels();
  }

  measured(): Measured[] {
    const age = this.#measured === null ? Infinity : now() - this.#measured.at;
    if (this.#measured === null || age < 0 || age >= MEASURED_MILLIS) {
      this.#measured = { at: now(), value: this.#open().measured() };
    }
    return this.#measured.value;
  }

  standings(policy: string | null, egress: string): readonly PathStanding[] | null {
    return this.#router.standings(policy, egress, now());
  }

  wireguard(): Promise<readonly WireguardState[]> {
    return this.#show(this.current().table.uplinks.map((uplink) => uplink.interface));
  }

  reload(): Promise<ReloadResult> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      // One reading of the file answers all who asked before it began.
      if (!this.#queue.some((event) => event.kind === "reload")) this.#tell({ kind: "reload" });
    });
  }

  now() {
    return now();
  }

  #tell(event: RouterEvent): void {
    this.#queue.push(event);
    if (this.#busy) return;
    this.#busy = true;
    this.#work().catch((fault) => {
      this.#parts.log("error", `Internal fault: ${fault instanceof Error ? fault.stack : fault}`);
      this.#finish([`Internal fault: ${fault}`]);
    });
  }

  /** Effects in their order; the answer to one comes before anything else that happened. */
  async #work(): Promise<void> {
    for (let event = this.#queue.shift(); event; event = this.#queue.shift()) {
      let effects = this.#router.handle(event, now());
      for (let effect = effects.shift(); effect; effect = effects.shift()) {
        this.#step = { kind: effect.kind, since: now() };
        const answer = await this.#perform(effect);
        this.#step = null;
        if (answer === null) continue;
        if (answer.kind === "table-refused") effects = [];
        effects.push(...this.#router.handle(answer, now()));
      }
    }
    this.#callOff();
    const next = this.#router.nextTimeout();
    if (next !== null) this.#callOff = at(next, () => this.#tell({ kind: "timeout" }));
    // Before the promise is settled: an event that comes in between must find nobody busy.
    this.#busy = false;
  }

  async #perform(effect: Effect): Promise<RouterEvent | null> {
    switch (effect.kind) {
      case "read-file":
        this.#reading.push(...this.#waiting.splice(0));
        return await this.#read();
      case "observe":
        return await this.#observe(effect);
      case "read-snapshot":
        return { kind: "snapshot", snapshot: this.snapshot() };
      case "take-looks":
        return { kind: "looks", looks: this.#open().looks() };
      case "probe":
        this.#open().probe(effect.probing);
        return null;
      case "resolve":
        this.#resolve(effect.name);
        return null;
      case "change-host": {
        try {
          const failures = await changeHost(effect.changes);
          // What was changed may be undone by the time of the next look, which then would see what
          // was there before: it has to take that for news.
          this.#fingerprint = "";
          return { kind: "host-changed", failures: failures.map((failure) => failure.message) };
        } catch (error) {
          // `ip` did not even start, for want of memory for example, or it hangs.
          return { kind: "host-changed", failures: [messageOf(error)] };
        }
      }
      case "apply-table":
        return this.#apply(effect);
      case "syncconf":
        return await this.#syncconf(effect);
      case "close-engine":
        this.#engine?.close();
        this.#engine = null;
        return null;
      case "log":
        this.#parts.log(effect.level, effect.message);
        return null;
      case "remember":
        this.#loaded = this.#candidate ?? this.#loaded;
        // After the table: while that could still be refused, the former mode had to go on.
        this.#authenticate();
        await this.#parts.settled(true);
        await this.#remember();
        return null;
      case "keep-originals":
        await this.#keepOriginals(effect.settings);
        return null;
      case "reloaded":
        this.#candidate = null;
        if (!effect.result.ok) await this.#parts.settled(false);
        for (const tell of this.#reading.splice(0)) tell(effect.result);
        return null;
      case "ready":
        this.#parts.ready();
        return null;
      case "finish":
        this.#finish(effect.problems);
        return null;
    }
  }

  async #read(): Promise<RouterEvent> {
    const result = await this.#parts.read(this.#loaded);
    if ("problems" in result) return { kind: "refused", problems: result.problems };
    for (const warning of result.warnings) this.#parts.log("warning", warning);
    this.#candidate = result;
    return {
      kind: "loaded",
      configuration: result.configuration,
      besides: this.#parts.besides(result, this.#loaded),
    };
  }

  async #observe(effect: Extract<Effect, { kind: "observe" }>): Promise<RouterEvent> {
    try {
      const [host, wireguard] = await Promise.all([
        readHost(effect.settings),
        this.#show(effect.interfaces),
      ]);
      this.#fingerprint = fingerprintOf(host);
      return { kind: "observed", host, wireguard };
    } catch (error) {
      return { kind: "unobserved", reason: messageOf(error) };
    }
  }

  /** A full disk must not end what forwards: the file runs, only the next start may miss it. */
  async #remember(): Promise<void> {
    try {
      await this.#parts.state.remember(this.#loaded.text);
    } catch (error) {
      this.#parts.log(
        "warning",
        `Cannot remember the file as the last good one: ${messageOf(error)}`,
      );
    }
  }

  async #keepOriginals(settings: readonly Setting[]): Promise<void> {
    try {
      await this.#parts.state.keepOriginals(settings);
    } catch (error) {
      this.#parts.log(
        "warning",
        `Cannot keep how the system's settings were before: ${messageOf(error)}`,
      );
    }
  }

  #apply({ table }: Extract<Effect, { kind: "apply-table" }>): RouterEvent {
    try {
      if (this.#engine === null) {
        this.#engine = this.#parts.openEngine();
        // Before the first probe, so that none goes out without the code that it has to have.
        this.#authenticate();
      }
      this.#engine.apply(table);
      return { kind: "table-applied" };
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return { kind: "table-refused", problems: error.message.split("\n") };
    }
  }

  #authenticate(): void {
    const { mode, keys } = this.#loaded.probes;
    this.#open().authenticate(mode, keys);
  }

  async #syncconf({ desired }: Extract<Effect, { kind: "syncconf" }>): Promise<RouterEvent> {
    const { name } = desired;
    try {
      const key = this.#privateKey(desired.publicKey);
      const actual = await this.#parts.wireguard.show(name);
      await this.#parts.wireguard.syncconf(name, renderWireguard(desired, actual, now(), key));
      return { kind: "synced", interface: name, problem: null };
    } catch (error) {
      const said = (error as Error).message;
      const problem = said.includes("Address already in use")
        ? `Cannot listen on UDP port ${desired.listenPort} for ${name}: another program has the port`
        : said;
      return { kind: "synced", interface: name, problem };
    }
  }

  #privateKey(publicKey: PublicKey): string {
    const key = (this.#candidate ?? this.#loaded).privateKeys.get(publicKey);
    if (key === undefined) throw new Error(`There is no private key for public key ${publicKey}`);
    return key;
  }

  async #show(interfaces: readonly string[]): Promise<WireguardState[]> {
    const states = await Promise.all(interfaces.map((name) => this.#parts.wireguard.show(name)));
    return states.filter((state) => state !== null);
  }

  /** Not waited for: a name server that hangs must hold up nothing. */
  #resolve(name: string): void {
    resolveName(name).then(
      (addresses) => this.#tell({ kind: "resolved", name, addresses }),
      (error: Error) => this.#tell({ kind: "unresolved", name, reason: error.message }),
    );
  }

  #lookAfter(millis: number): void {
    this.#callOffLook = at(now() + millis as Instant, async () => {
      const start = now();
      await this.#look();
      if (!this.#ended) this.#lookAfter(Math.max(POLL_MILLIS, (now() - start) / POLL_SHARE));
    });
  }

  async #look(): Promise<void> {
    if (this.#busy) return;
    try {
      const before = this.#fingerprint;
      const print = await fingerprint();
      // What changed while somebody else looked has been seen by them.
      if (this.#busy || before !== this.#fingerprint || print === before) return;
      this.#fingerprint = print;
      this.#tell({ kind: "disturbed" });
    } catch (error) {
      this.#parts.log("warning", (error as Error).message);
    }
  }

  #open(): Engine {
    if (this.#engine === null) throw new Error("The engine does not run");
    return this.#engine;
  }

  #finish(problems: readonly string[]): void {
    this.#callOff();
    this.#ended = true;
    this.#callOffLook();
    this.#engine?.close();
    this.#engine = null;
    const refused: ReloadResult = { ok: false, at: now(), problems: ["The router stops"] };
    for (const tell of [...this.#reading.splice(0), ...this.#waiting.splice(0)]) tell(refused);
    this.#end.resolve(problems);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
