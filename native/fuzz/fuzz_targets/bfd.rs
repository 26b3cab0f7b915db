#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| labelway_bfd::fuzzing::session(bytes));
