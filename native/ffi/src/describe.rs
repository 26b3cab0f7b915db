//! Renders `boundary.json` and `src/io/native/symbols.ts` from the exports themselves: the types
//! of the parameters are those that the compiler sees. The test fails when a file is stale;
//! `deno task boundary` rewrites both.

use std::fmt::Write as _;
use std::path::Path;

use labelway_io::Engine;
use serde_json::{Value, json};

use crate::*;

/// How Deno names a C type.
trait Crosses {
    const NAME: &'static str;
}

macro_rules! crosses {
    ($($rust:ty => $name:literal),* $(,)?) => {
        $(impl Crosses for $rust { const NAME: &'static str = $name; })*
    };
}

crosses! {
    () => "void",
    i32 => "i32",
    u32 => "u32",
    usize => "usize",
    *const u8 => "buffer", // borrowed for the call
    *mut usize => "buffer", // an out-parameter, as are the next two
    *mut *mut u8 => "buffer",
    *mut *mut Engine => "buffer",
    *mut u8 => "pointer", // an output that goes back
    *mut Engine => "pointer", // the opaque handle
}

/// The parameters and the result of a function.
trait Signature {
    fn describe(self) -> Value;
}

macro_rules! signatures {
    ($($(#[$safety:ident])? ($($parameter:ident),*))*) => {
        $(impl<$($parameter: Crosses,)* Result: Crosses> Signature
            for unsafe extern "C" fn($($parameter),*) -> Result
        {
            fn describe(self) -> Value {
                let parameters: Vec<&str> = vec![$($parameter::NAME),*];
                json!({ "parameters": parameters, "result": Result::NAME })
            }
        })*
    };
}

signatures! {
    () (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F)
    (A, B, C, D, E, F, G)
}

fn symbols() -> Vec<(&'static str, Value)> {
    vec![
        (
            "labelway_abi_version",
            (labelway_abi_version as unsafe extern "C" fn() -> _).describe(),
        ),
        (
            "labelway_engine_new",
            (labelway_engine_new as unsafe extern "C" fn(_, _, _, _, _) -> _).describe(),
        ),
        (
            "labelway_engine_apply",
            (labelway_engine_apply as unsafe extern "C" fn(_, _, _, _, _) -> _).describe(),
        ),
        (
            "labelway_engine_snapshot",
            (labelway_engine_snapshot as unsafe extern "C" fn(_, _, _) -> _).describe(),
        ),
        (
            "labelway_engine_labels",
            (labelway_engine_labels as unsafe extern "C" fn(_, _, _) -> _).describe(),
        ),
        (
            "labelway_engine_looks",
            (labelway_engine_looks as unsafe extern "C" fn(_, _, _) -> _).describe(),
        ),
        (
            "labelway_engine_measured",
            (labelway_engine_measured as unsafe extern "C" fn(_, _, _) -> _).describe(),
        ),
        (
            "labelway_engine_probe",
            (labelway_engine_probe as unsafe extern "C" fn(_, _, _, _, _) -> _).describe(),
        ),
        (
            "labelway_engine_authenticate",
            (labelway_engine_authenticate as unsafe extern "C" fn(_, _, _, _, _, _, _) -> _)
                .describe(),
        ),
        (
            "labelway_engine_free",
            (labelway_engine_free as unsafe extern "C" fn(_) -> _).describe(),
        ),
        (
            "labelway_bytes_free",
            (labelway_bytes_free as unsafe extern "C" fn(_, _) -> _).describe(),
        ),
    ]
}

#[test]
fn boundary_json_is_fresh() {
    let symbols: serde_json::Map<String, Value> = symbols()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let statuses = json!({
        "ok": Status::Ok as i32,
        "failed": Status::Failed as i32,
        "panicked": Status::Panicked as i32,
        "bad_argument": Status::BadArgument as i32,
    });
    let value = json!({ "abi": ABI_VERSION, "statuses": statuses, "symbols": symbols });
    let text = serde_json::to_string_pretty(&value).expect("JSON renders") + "\n";
    fresh("boundary.json", &text);
}

#[test]
fn symbols_ts_is_fresh() {
    let mut text = String::from(
        "// Generated from native/ffi by `deno task boundary`. Do not edit.\n\n\
         /** The library must say that it speaks this version: a digest, not a count. */\n",
    );
    let _ = writeln!(text, "export const ABI_VERSION = {ABI_VERSION:#010x};\n");
    let _ = writeln!(
        text,
        "/** What a call returns; see native/ffi/src/lib.rs. */"
    );
    let _ = writeln!(
        text,
        "export const STATUS = {{ ok: {}, failed: {}, panicked: {}, badArgument: {} }} as const;\n",
        Status::Ok as i32,
        Status::Failed as i32,
        Status::Panicked as i32,
        Status::BadArgument as i32,
    );
    text.push_str("export const SYMBOLS = {\n");
    for (name, value) in symbols() {
        let parameters: Vec<String> = value["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|parameter| parameter.to_string())
            .collect();
        // As deno fmt leaves it, whatever the length.
        let _ = writeln!(text, "  {name}: {{");
        let _ = writeln!(text, "    parameters: [{}],", parameters.join(", "));
        let _ = writeln!(text, "    result: {},\n  }},", value["result"]);
    }
    text.push_str("} as const;\n");
    fresh("../../src/io/native/symbols.ts", &text);
}

fn fresh(file: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("folder");
        std::fs::write(&path, wanted).expect("the file can be written");
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{file} differs from native/ffi: run `deno task boundary`"
    );
}
