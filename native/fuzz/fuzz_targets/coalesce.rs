#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| labelway_offload::fuzzing::coalesce(bytes));
