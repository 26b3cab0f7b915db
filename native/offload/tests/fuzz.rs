//! The fuzz targets over their committed seeds and over a bounded number of random inputs.

use labelway_offload::fuzzing;
use proptest::prelude::*;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 2] = [
    ("segment", fuzzing::segment),
    ("coalesce", fuzzing::coalesce),
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

    /// Random bytes hardly ever have a version, a protocol and a type that belong together.
    #[test]
    fn nearly_right(
        mut bytes in prop::collection::vec(any::<u8>(), 80..400),
        six: bool,
        udp: bool,
        changes in prop::collection::vec((0usize..60, any::<u8>()), 0..3),
    ) {
        bytes[0] = 1;
        bytes[1] = if udp { 5 } else if six { 4 } else { 1 };
        bytes[2..4].fill(0);
        bytes[10] = if six { 0x60 } else { 0x45 };
        bytes[16..18].fill(0);
        bytes[if six { 16 } else { 19 }] = if udp { 17 } else { 6 };
        bytes[10 + if six { 53 } else { 33 }] = 0x10;
        bytes[10 + if six { 52 } else { 32 }] = 0x50;
        for (at, value) in changes {
            bytes[at] = value;
        }
        fuzzing::segment(&bytes);
    }
}
