//! The fuzz target over its committed seeds and over a bounded number of random inputs.

use labelway_bfd::fuzzing;
use proptest::prelude::*;

#[test]
fn seeds() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/bfd");
    let seeds: Vec<_> = std::fs::read_dir(folder).unwrap().collect();
    assert!(!seeds.is_empty());
    for seed in seeds {
        fuzzing::session(&std::fs::read(seed.unwrap().path()).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn random(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzzing::session(&bytes);
    }
}
