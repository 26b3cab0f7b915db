//! Packets that both languages read, as the Rust test that makes them has recorded them.

/// Holds `packets`, by name, to `test/packets/FILE.json`; with `UPDATE` set, records them there.
pub fn hold(file: &str, packets: &[(impl AsRef<str>, Vec<u8>)]) {
    let entries: Vec<_> = packets
        .iter()
        .map(|(name, bytes)| {
            let name = name.as_ref();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("  {{ \"name\": \"{name}\", \"hex\": \"{hex}\" }}")
        })
        .collect();
    let rendered = format!("[\n{}\n]\n", entries.join(",\n"));
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../test/packets")
        .join(file)
        .with_extension("json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &rendered).unwrap();
    }
    let recorded = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        rendered, recorded,
        "UPDATE=1 writes it anew; then run test/packets/{file}.test.ts"
    );
}
