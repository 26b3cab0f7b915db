//! Link emulator.
fn main() {}
