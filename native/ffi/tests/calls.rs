//! The exports as a caller in C sees them.

use std::ptr::null_mut;

use labelway::*;
use labelway_io::Engine;

/// Calls, copies the output and gives it back.
fn output(call: impl FnOnce(*mut *mut u8, *mut usize) -> i32) -> (i32, String) {
    let (mut data, mut length) = (null_mut(), 0);
    let status = call(&mut data, &mut length);
    if data.is_null() {
        return (status, String::new());
    }
    // SAFETY: an output of a call, which is given back once.
    unsafe {
        let text = String::from_utf8_lossy(std::slice::from_raw_parts(data, length)).into_owned();
        labelway_bytes_free(data, length);
        (status, text)
    }
}

fn start(config: &str) -> (*mut Engine, i32, String) {
    let mut engine = null_mut();
    let (status, text) = output(|data, length| {
        // SAFETY: all pointers are to values that live across the call.
        unsafe { labelway_engine_new(config.as_ptr(), config.len(), &mut engine, data, length) }
    });
    (engine, status, text)
}

fn apply(engine: *mut Engine, table: &str) -> (i32, String) {
    output(|data, length| {
        // SAFETY: as above.
        unsafe { labelway_engine_apply(engine, table.as_ptr(), table.len(), data, length) }
    })
}

fn probe(engine: *mut Engine, probing: &str) -> (i32, String) {
    output(|data, length| {
        // SAFETY: as above.
        unsafe { labelway_engine_probe(engine, probing.as_ptr(), probing.len(), data, length) }
    })
}

fn authenticate(engine: *mut Engine, mode: &str, keys: &[u8]) -> (i32, String) {
    output(|data, length| {
        let (mode, mode_length) = (mode.as_ptr(), mode.len());
        let (keys, keys_length) = (keys.as_ptr(), keys.len());
        // SAFETY: as above.
        unsafe {
            labelway_engine_authenticate(engine, mode, mode_length, keys, keys_length, data, length)
        }
    })
}

#[test]
fn keys_of_probes_are_taken_or_refused_without_being_told() {
    let (engine, ..) = start(r#"{"uapi_folder": "/nonexistent"}"#);
    let ok = (Status::Ok as i32, String::new());
    assert_eq!(authenticate(engine, "\"none\"", &[]), ok);
    assert_eq!(authenticate(engine, "\"require\"", &[7; 32]), ok);
    assert_eq!(authenticate(engine, "\"prefer\"", &[7; 64]), ok);
    for (mode, keys, says) in [
        ("require", &[][..], "without a key"),
        ("require", &[b'k'; 31], "31 bytes"),
        ("accept", &[b'k'; 33], "33 bytes"),
        ("accept", &[b'k'; 96], "96 bytes"),
        ("often", &[b'k'; 32], "unknown variant `often`"),
    ] {
        let (status, text) = authenticate(engine, &format!("{mode:?}"), keys);
        assert_eq!(status, Status::Failed as i32, "{mode}");
        assert!(text.contains(says), "{text}");
        assert!(!text.contains("kkk"), "{text}");
    }
    assert_eq!(
        authenticate(null_mut(), "\"none\"", &[]).0,
        Status::BadArgument as i32
    );
    // SAFETY: not used again.
    unsafe { labelway_engine_free(engine) };
}

#[test]
fn an_engine_from_start_to_end() {
    let (engine, status, text) = start(r#"{"uapi_folder": "/nonexistent"}"#);
    assert_eq!((status, text.as_str()), (Status::Ok as i32, ""));
    assert!(!engine.is_null());
    let (status, text) = output(|data, length| {
        // SAFETY: the engine is alive.
        unsafe { labelway_engine_snapshot(engine, data, length) }
    });
    assert_eq!(status, Status::Ok as i32);
    assert!(text.contains(r#""generation":null"#), "{text}");
    let (status, text) = output(|data, length| {
        // SAFETY: the engine is alive.
        unsafe { labelway_engine_labels(engine, data, length) }
    });
    assert_eq!((status, text.as_str()), (Status::Ok as i32, "[]"));
    let (status, text) = output(|data, length| {
        // SAFETY: the engine is alive.
        unsafe { labelway_engine_looks(engine, data, length) }
    });
    assert_eq!(status, Status::Ok as i32);
    assert!(text.ends_with(r#""looks":[],"reported":[]}"#), "{text}");
    let (status, text) = output(|data, length| {
        // SAFETY: the engine is alive.
        unsafe { labelway_engine_measured(engine, data, length) }
    });
    assert_eq!((status, text.as_str()), (Status::Ok as i32, "[]"));
    let (status, text) = probe(
        engine,
        r#"{"paths": [{"key": "a>b.a", "rank": "in-use", "classes": 1}]}"#,
    );
    assert_eq!((status, text.as_str()), (Status::Ok as i32, ""));
    let (status, text) = probe(engine, r#"{"paths": [{"key": "a", "rank": "often"}]}"#);
    assert_eq!(status, Status::Failed as i32);
    assert!(
        text.contains("Cannot read the paths to be probed: unknown variant `often`"),
        "{text}"
    );
    let (status, text) = apply(engine, "{}");
    assert_eq!(status, Status::Failed as i32);
    assert!(
        text.starts_with(r#"["Cannot read the forwarding table: missing field"#),
        "{text}"
    );
    // SAFETY: not used again.
    unsafe { labelway_engine_free(engine) };
}

#[test]
fn what_is_wrong_is_told_and_nothing_is_made() {
    let (engine, status, text) = start(r#"{"folder": "/run"}"#);
    assert_eq!(status, Status::Failed as i32);
    assert!(
        text.contains("unknown field `folder`, expected `uapi_folder`"),
        "{text}"
    );
    assert!(engine.is_null());
}

#[test]
fn null_pointers_are_refused() {
    let refused = Status::BadArgument as i32;
    assert_eq!(apply(null_mut(), "{}").0, refused);
    assert_eq!(probe(null_mut(), "{}").0, refused);
    // SAFETY: null is what is tried.
    unsafe {
        let (mut data, mut length) = (null_mut(), 0);
        assert_eq!(
            labelway_engine_snapshot(null_mut(), &mut data, &mut length),
            refused
        );
        assert_eq!(
            labelway_engine_labels(null_mut(), &mut data, &mut length),
            refused
        );
        let new = labelway_engine_new(c"".as_ptr().cast(), 0, null_mut(), &mut data, &mut length);
        assert_eq!(new, refused);
        labelway_engine_free(null_mut());
        labelway_bytes_free(null_mut(), 0);
    }
    assert_eq!(labelway_abi_version(), ABI_VERSION);
}
