//! The C boundary: what TypeScript calls. `boundary.json` describes it.
//!
//! Each call returns a [`Status`]; what it has to say goes out as bytes of JSON through `data` and
//! `length`, to be given back by [`labelway_bytes_free`]. Buffers handed in are borrowed for the
//! call alone. A panic never crosses: it becomes a status.

mod call;
#[cfg(test)]
mod describe;

use labelway_boundary::{EngineConfig, ProbeAuthentication, Probing, Table};
use labelway_io::Engine;

use call::{Input, ask, call, parse, tell};

/// A digest of the rendered types and of the files with the calls, so another whenever one of them
/// changes. A number that somebody has to raise by hand is forgotten, and the halves meet unlike.
pub const ABI_VERSION: u32 = digest(&[
    include_bytes!("../../../src/model/boundary.ts"),
    include_bytes!("lib.rs"),
    include_bytes!("call.rs"),
]);

/// FNV-1a over all of it: against mistakes, not against people.
const fn digest(files: &[&[u8]]) -> u32 {
    let mut hash: u32 = 0x811c_9dc5;
    let mut file = 0;
    while file < files.len() {
        let mut byte = 0;
        while byte < files[file].len() {
            hash = (hash ^ files[file][byte] as u32).wrapping_mul(0x0100_0193);
            byte += 1;
        }
        file += 1;
    }
    hash
}

/// What every call but the freeing ones returns.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done; the output is the answer in JSON, or empty where there is none.
    Ok = 0,
    /// Refused; the output is a JSON array of messages, and nothing has changed.
    Failed = 1,
    /// A fault of the library; the output is a JSON array with what it said.
    Panicked = 2,
    /// A null pointer where there must be one that is not; no output.
    BadArgument = 3,
}

/// The version of this boundary, [`ABI_VERSION`]. Its own signature never changes.
#[unsafe(no_mangle)]
pub extern "C" fn labelway_abi_version() -> u32 {
    ABI_VERSION
}

/// Starts an engine from an `EngineConfig`; the handle is written to `engine`.
///
/// # Safety
/// `config` points to `config_length` bytes; `engine`, `data` and `length` to one value each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labelway_engine_new(
    config: *const u8,
    config_length: usize,
    engine: *mut *mut Engine,
    data: *mut *mut u8,
    length: *mut usize,
) -> i32 {
    if config.is_null() || engine.is_null() {
        return Status::BadArgument as i32;
    }
    let start = || {
        // SAFETY: the caller vouches for the bytes and their length, for this call.
        let config = unsafe { std::slice::from_raw_parts(config, config_length) };
        let config: EngineConfig = parse("engine configuration", config)?;
        let started = Box::new(Engine::new(config)?);
        // SAFETY: not null, and the caller vouches that it is writable.
        unsafe { engine.write(Box::into_raw(started)) };
        Ok(Vec::new())
    };
    // SAFETY: the caller vouches for `data` and `length`.
    unsafe { call(data, length, start) }
}

/// Swaps a whole `Table` in.
///
/// # Safety
/// `engine` comes from [`labelway_engine_new`] and is not freed; `table` points to `table_length`
/// bytes; `data` and `length` to one value each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labelway_engine_apply(
    engine: *mut Engine,
    table: *const u8,
    table_length: usize,
    data: *mut *mut u8,
    length: *mut usize,
) -> i32 {
    let input = Input {
        bytes: table,
        length: table_length,
    };
    let take = |engine: &Engine, table: Table| engine.apply(&table);
    // SAFETY: as the caller vouches.
    unsafe { tell(engine, "forwarding table", input, data, length, take) }
}

/// Outputs a `Snapshot`.
///
/// # Safety
/// As for [`labelway_engine_apply`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labelway_engine_snapshot(
    engine: *mut Engine,
    data: *mut *mut u8,
    length: *mut usize,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { ask(engine, data, length, Engine::snapshot) }
}

/// Outputs an array of `LabelState`.
///
/// # Safety
/// As for [`labelway_engine_apply`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labelway_engine_labels(
    engine: *mut Engine,
    data: *mut *mut u8,
    length: *mut usize,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { ask(engine, data, length, Engine::labels) }
}

/// Outputs `Looks`: what is new since the last call, for one consumer.
///
/// # Safety
/// As for [`labelway_engine_apply`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labelway_engine_looks(
    engine: *mut Engine,
    data: *mut *mut u8,
    length: *mut usize,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { ask(engine, data, length, Engine::looks) }
}

/// Outputs an array of `Measured`.
///
/// # Safety
/// As for [`labelway_engine_apply`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labelway_engine_measured(
    engine: *mut Engine,
    data: *mut *mut u8,
    length: *mut usize,
) -> i32 {
    // SAFETY: as the caller vouches.
    unsafe { ask(engine, data, length, Engine::measured) }
}

/// Takes a `Probing`, in place of the one before.
///
/// # Safety
/// As for [`labelway_engine_apply`], with `probing` in place of `table`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labelway_engine_probe(
    engine: *mut Engine,
    probing: *const u8,
    probing_length: usize,
    data: *mut *mut u8,
    length: *mut usize,
) -> i32 {
    let input = Input {
        bytes: probing,
        length: probing_length,
    };
    let take = |engine: &Engine, probing: Probing| {
        engine.probe(probing);
        Ok(())
    };
    // SAFETY: as the caller vouches.
    unsafe { tell(engine, "paths to be probed", input, data, length, take) }
}

/// Takes a `ProbeAuthentication` and its keys, in place of those before: 32 bytes each, one behind
/// the other, that which is sent with first. They are not kept as they are, and the caller may wipe
/// them.
///
/// # Safety
/// As for [`labelway_engine_apply`], with `mode` in place of `table`; `keys` points to `keys_length`
/// bytes, or to none where that is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labelway_engine_authenticate(
    engine: *mut Engine,
    mode: *const u8,
    mode_length: usize,
    keys: *const u8,
    keys_length: usize,
    data: *mut *mut u8,
    length: *mut usize,
) -> i32 {
    let keys = match keys_length {
        0 => &[][..],
        _ if keys.is_null() => return Status::BadArgument as i32,
        // SAFETY: the caller vouches for the bytes and their length, for this call.
        _ => unsafe { std::slice::from_raw_parts(keys, keys_length) },
    };
    let input = Input {
        bytes: mode,
        length: mode_length,
    };
    let take = |engine: &Engine, mode: ProbeAuthentication| engine.authenticate(mode, keys);
    // SAFETY: as the caller vouches.
    unsafe { tell(engine, "mode of probes", input, data, length, take) }
}

/// Stops the engine: threads are joined, devices and sockets gone when it returns. Null is fine.
///
/// # Safety
/// `engine` comes from [`labelway_engine_new`] and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labelway_engine_free(engine: *mut Engine) {
    if engine.is_null() {
        return;
    }
    // SAFETY: made by Box::into_raw in labelway_engine_new, and given up by the caller.
    let engine = unsafe { Box::from_raw(engine) };
    // Nothing can be told here; what a panicking thread left behind goes with the process.
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || drop(engine)));
}

/// Gives an output back. Null is fine.
///
/// # Safety
/// `data` and `length` are one output of one call, and are not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labelway_bytes_free(data: *mut u8, length: usize) {
    if data.is_null() {
        return;
    }
    let bytes = std::ptr::slice_from_raw_parts_mut(data, length);
    // SAFETY: made by Box::into_raw in `call` with this very length.
    drop(unsafe { Box::from_raw(bytes) });
}
