// Generated from native/ffi by `deno task boundary`. Do not edit.

/** The library must say that it speaks this version: a digest, not a count. */
export const ABI_VERSION = 0xcc5b7bd9;

/** What a call returns; see native/ffi/src/lib.rs. */
export const STATUS = { ok: 0, failed: 1, panicked: 2, badArgument: 3 } as const;

export const SYMBOLS = {
  labelway_abi_version: {
    parameters: [],
    result: "u32",
  },
  labelway_engine_new: {
    parameters: ["buffer", "usize", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  labelway_engine_apply: {
    parameters: ["pointer", "buffer", "usize", "buffer", "buffer"],
    result: "i32",
  },
  labelway_engine_snapshot: {
    parameters: ["pointer", "buffer", "buffer"],
    result: "i32",
  },
  labelway_engine_labels: {
    parameters: ["pointer", "buffer", "buffer"],
    result: "i32",
  },
  labelway_engine_looks: {
    parameters: ["pointer", "buffer", "buffer"],
    result: "i32",
  },
  labelway_engine_measured: {
    parameters: ["pointer", "buffer", "buffer"],
    result: "i32",
  },
  labelway_engine_probe: {
    parameters: ["pointer", "buffer", "usize", "buffer", "buffer"],
    result: "i32",
  },
  labelway_engine_authenticate: {
    parameters: ["pointer", "buffer", "usize", "buffer", "usize", "buffer", "buffer"],
    result: "i32",
  },
  labelway_engine_free: {
    parameters: ["pointer"],
    result: "void",
  },
  labelway_bytes_free: {
    parameters: ["pointer", "usize"],
    result: "void",
  },
} as const;
