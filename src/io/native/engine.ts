/** The native half, loaded through Deno FFI. Calls are synchronous and short; no packet crosses. */

import type {
  EngineConfig,
  LabelState,
  Looks,
  Measured,
  ProbeAuthentication,
  Probing,
  Snapshot,
  Table,
} from "../../model/boundary.ts";
import { type Engine, EngineError } from "../../ports/engine.ts";
import { loadLibrary, type Symbols } from "./library.ts";
import { STATUS } from "./symbols.ts";

/** Starts an engine. `path` overrides where the library is looked for. */
export function openEngine(path: string | undefined, config: EngineConfig): Engine {
  return new NativeEngine(loadLibrary(path), config);
}

class NativeEngine implements Engine {
  readonly #library: Deno.DynamicLibrary<Symbols>;
  #handle: Deno.PointerValue;

  constructor(library: Deno.DynamicLibrary<Symbols>, config: EngineConfig) {
    this.#library = library;
    const handle = new BigUint64Array(1);
    const text = encode(config);
    try {
      this.#call((out, length) =>
        library.symbols.labelway_engine_new(text, BigInt(text.length), handle, out, length)
      );
    } catch (error) {
      library.close();
      throw error;
    }
    this.#handle = Deno.UnsafePointer.create(handle[0]!);
  }

  apply(table: Table): void {
    this.#tell("labelway_engine_apply", table);
  }

  snapshot(): Snapshot {
    return this.#ask("labelway_engine_snapshot");
  }

  labels(): LabelState[] {
    return this.#ask("labelway_engine_labels");
  }

  looks(): Looks {
    return this.#ask("labelway_engine_looks");
  }

  measured(): Measured[] {
    return this.#ask("labelway_engine_measured");
  }

  probe(probing: Probing): void {
    this.#tell("labelway_engine_probe", probing);
  }

  authenticate(mode: ProbeAuthentication, keys: Uint8Array<ArrayBuffer>): void {
    const text = encode(mode);
    this.#call((out, length) =>
      this.#library.symbols.labelway_engine_authenticate(
        this.#open(),
        text,
        BigInt(text.length),
        keys,
        BigInt(keys.length),
        out,
        length,
      )
    );
  }

  close(): void {
    if (this.#handle === null) return;
    const handle = this.#handle;
    this.#handle = null;
    this.#library.symbols.labelway_engine_free(handle);
    this.#library.close();
  }

  #open(): Deno.PointerValue {
    if (this.#handle === null) throw new EngineError("Cannot ask the engine: it is closed");
    return this.#handle;
  }

  #ask<Answer>(
    symbol:
      | "labelway_engine_snapshot"
      | "labelway_engine_labels"
      | "labelway_engine_looks"
      | "labelway_engine_measured",
  ): Answer {
    const text = this.#call((out, length) =>
      this.#library.symbols[symbol](this.#open(), out, length)
    );
    return JSON.parse(text);
  }

  #tell(symbol: "labelway_engine_apply" | "labelway_engine_probe", value: unknown): void {
    const text = encode(value);
    this.#call((out, length) =>
      this.#library.symbols[symbol](this.#open(), text, BigInt(text.length), out, length)
    );
  }

  #call(call: (data: BigUint64Array<ArrayBuffer>, length: BigUint64Array<ArrayBuffer>) => number) {
    const data = new BigUint64Array(1);
    const length = new BigUint64Array(1);
    const status = call(data, length);
    const text = this.#take(data[0]!, Number(length[0]!));
    if (status === STATUS.ok) return text;
    throw new EngineError(explain(status, text));
  }

  /** Copies an output and gives it back. */
  #take(address: bigint, length: number): string {
    const pointer = Deno.UnsafePointer.create(address);
    if (pointer === null) return "";
    const bytes = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, length));
    const text = new TextDecoder().decode(bytes);
    this.#library.symbols.labelway_bytes_free(pointer, BigInt(length));
    return text;
  }
}

function encode(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** The engine tells everything that is wrong at once: one message a line. */
function explain(status: number, text: string): string {
  if (text === "") return `The native library refused the call (status ${status})`;
  return (JSON.parse(text) as string[]).join("\n");
}
