//! The fuzz targets over their committed seeds and over a bounded number of random inputs.

use labelway_forward::fuzzing;
use proptest::prelude::*;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 5] = [
    ("decoders", fuzzing::decoders),
    ("compile", fuzzing::compile),
    ("from_tun", fuzzing::from_tun),
    ("from_neighbour", fuzzing::from_neighbour),
    ("local", fuzzing::local),
];

#[test]
fn seeds() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    for (name, target) in TARGETS {
        let seeds: Vec<_> = std::fs::read_dir(folder.join(name)).unwrap().collect();
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            target(&std::fs::read(seed.unwrap().path()).unwrap());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        TARGETS.iter().for_each(|(_, target)| target(&bytes));
    }
}
