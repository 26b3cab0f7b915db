//! What every export does alike: catch, convert, hand out.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use labelway_io::Engine;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Status;

/// Runs `work` and writes what it says to `data` and `length`.
///
/// # Safety
/// `data` and `length` are null or writable.
pub unsafe fn call(
    data: *mut *mut u8,
    length: *mut usize,
    work: impl FnOnce() -> Result<Vec<u8>, Vec<String>>,
) -> i32 {
    if data.is_null() || length.is_null() {
        return Status::BadArgument as i32;
    }
    // AssertUnwindSafe: the engine's own locks do not poison, and its table is swapped last.
    let (status, bytes) = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(bytes)) => (Status::Ok, bytes),
        Ok(Err(messages)) => (Status::Failed, messages_json(&messages)),
        Err(panic) => {
            let message = format!("The native library has a fault: {}", panic_text(&*panic));
            (Status::Panicked, messages_json(&[message]))
        }
    };
    let (pointer, size) = if bytes.is_empty() {
        (std::ptr::null_mut(), 0)
    } else {
        let bytes = Box::into_raw(bytes.into_boxed_slice());
        (bytes.cast::<u8>(), bytes.len())
    };
    // SAFETY: not null, and the caller vouches that both are writable.
    unsafe {
        data.write(pointer);
        length.write(size);
    }
    status as i32
}

/// Outputs what the engine tells.
///
/// # Safety
/// `engine` is null, or comes from `labelway_engine_new` and is not freed; otherwise as for [`call`].
pub unsafe fn ask<T: Serialize>(
    engine: *const Engine,
    data: *mut *mut u8,
    length: *mut usize,
    question: impl FnOnce(&Engine) -> T,
) -> i32 {
    // SAFETY: null or alive, as the caller vouches.
    let Some(engine) = (unsafe { engine.as_ref() }) else {
        return Status::BadArgument as i32;
    };
    // SAFETY: the caller vouches for `data` and `length`.
    unsafe { call(data, length, || to_json(&question(engine))) }
}

/// Bytes of the caller's.
pub struct Input {
    pub bytes: *const u8,
    pub length: usize,
}

/// Gives what `input` says to the engine; `what` it is, is for people.
///
/// # Safety
/// `input` is null or points to as many bytes, for this call; otherwise as for [`ask`].
pub unsafe fn tell<T: DeserializeOwned>(
    engine: *const Engine,
    what: &str,
    input: Input,
    data: *mut *mut u8,
    length: *mut usize,
    take: impl FnOnce(&Engine, T) -> Result<(), Vec<String>>,
) -> i32 {
    // SAFETY: null or alive, as the caller vouches.
    let Some(engine) = (unsafe { engine.as_ref() }) else {
        return Status::BadArgument as i32;
    };
    if input.bytes.is_null() {
        return Status::BadArgument as i32;
    }
    let work = || {
        // SAFETY: the caller vouches for the bytes and their length, for this call.
        let text = unsafe { std::slice::from_raw_parts(input.bytes, input.length) };
        take(engine, parse(what, text)?)?;
        Ok(Vec::new())
    };
    // SAFETY: the caller vouches for `data` and `length`.
    unsafe { call(data, length, work) }
}

pub fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Vec<String>> {
    serde_json::from_slice(bytes).map_err(|error| vec![format!("Cannot read the {what}: {error}")])
}

pub fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, Vec<String>> {
    serde_json::to_vec(value).map_err(|error| vec![error.to_string()])
}

fn messages_json(messages: &[String]) -> Vec<u8> {
    // Strings always serialise.
    serde_json::to_vec(messages).unwrap_or_default()
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    if let Some(text) = panic.downcast_ref::<&str>() {
        text
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text
    } else {
        "(no message)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labelway_bytes_free;

    fn run(work: impl FnOnce() -> Result<Vec<u8>, Vec<String>>) -> (i32, String) {
        let (mut data, mut length) = (std::ptr::null_mut(), 0usize);
        // SAFETY: both point to one value each; the output is given back once.
        unsafe {
            let status = call(&mut data, &mut length, work);
            let text = if data.is_null() {
                String::new()
            } else {
                String::from_utf8(std::slice::from_raw_parts(data, length).to_vec()).unwrap()
            };
            labelway_bytes_free(data, length);
            (status, text)
        }
    }

    #[test]
    fn answers_refusals_and_panics() {
        assert_eq!(run(|| Ok(vec![])), (Status::Ok as i32, String::new()));
        assert_eq!(run(|| Ok(b"{}".to_vec())), (Status::Ok as i32, "{}".into()));
        let refused = run(|| Err(vec!["one \"1\"".into(), "two".into()]));
        assert_eq!(
            refused,
            (Status::Failed as i32, r#"["one \"1\"","two"]"#.into())
        );
        let (status, text) = run(|| panic!("oh {}", 1));
        assert_eq!(status, Status::Panicked as i32);
        assert_eq!(text, r#"["The native library has a fault: oh 1"]"#);
    }

    #[test]
    fn null_is_refused() {
        // SAFETY: null is what is tried.
        let status = unsafe { call(std::ptr::null_mut(), std::ptr::null_mut(), || Ok(vec![])) };
        assert_eq!(status, Status::BadArgument as i32);
    }
}
