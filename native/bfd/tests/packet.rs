//! What is read of a packet, and why others are discarded before any session sees them.

use std::num::NonZeroU8;

use labelway_bfd::{
    CONTROL_BYTES, ControlPacket, ControlView, Diagnostic, Discard, Discriminator, Sequence, State,
};
use proptest::prelude::*;

const AUTHENTICATION: u8 = 1 << 2;
const MULTIPOINT: u8 = 1;

fn good() -> [u8; CONTROL_BYTES] {
    ControlPacket {
        diagnostic: Diagnostic::NONE,
        state: State::Down,
        sequence: Sequence::None,
        detect_mult: NonZeroU8::new(3).unwrap(),
        my_discriminator: Discriminator::MIN,
        your_discriminator: None,
        desired_min_tx_micros: 1_000_000,
        required_min_rx_micros: 50_000,
    }
    .encode()
}

/// What a packet with these bytes changed is discarded for.
fn verdict(changes: &[(usize, u8)]) -> Option<Discard> {
    let mut bytes = good();
    changes.iter().for_each(|(at, value)| bytes[*at] = *value);
    ControlView::decode(&bytes).err()
}

#[test]
fn every_rule_has_its_reason() {
    assert_eq!(verdict(&[]), None);
    assert_eq!(verdict(&[(0, 0)]), Some(Discard::Version));
    assert_eq!(verdict(&[(0, 2 << 5)]), Some(Discard::Version));
    assert_eq!(verdict(&[(3, 23)]), Some(Discard::Length));
    assert_eq!(
        verdict(&[(1, 1 << 6 | AUTHENTICATION)]),
        Some(Discard::Length)
    );
    assert_eq!(verdict(&[(3, 25)]), Some(Discard::Truncated));
    assert_eq!(verdict(&[(2, 0)]), Some(Discard::DetectMult));
    assert_eq!(
        verdict(&[(1, 1 << 6 | MULTIPOINT)]),
        Some(Discard::Multipoint)
    );
    assert_eq!(verdict(&[(7, 0)]), Some(Discard::MyDiscriminator));
    assert_eq!(verdict(&[(1, 2 << 6)]), Some(Discard::YourDiscriminator));
    assert_eq!(verdict(&[(1, 3 << 6)]), Some(Discard::YourDiscriminator));
    assert_eq!(verdict(&[(1, 3 << 6), (11, 9)]), None);
    assert_eq!(verdict(&[(1, 0)]), None, "AdminDown needs no discriminator");
}

#[test]
fn the_first_rule_that_is_broken_names_the_reason() {
    let broken: [(&[(usize, u8)], Discard); 6] = [
        (&[(0, 0)], Discard::Version),
        (&[(3, 0)], Discard::Length),
        (&[(2, 0)], Discard::DetectMult),
        (&[(1, 2 << 6 | MULTIPOINT)], Discard::Multipoint),
        (&[(7, 0)], Discard::MyDiscriminator),
        (&[(1, 2 << 6)], Discard::YourDiscriminator),
    ];
    for (index, (_, reason)) in broken.iter().enumerate() {
        // The earlier one's bytes over the later one's.
        let changes = broken[index..]
            .iter()
            .rev()
            .flat_map(|(changes, _)| *changes);
        let changes: Vec<_> = changes.copied().collect();
        assert_eq!(verdict(&changes), Some(*reason));
    }
}

#[test]
fn short_payloads_are_refused_and_longer_ones_are_not() {
    let bytes = good();
    for length in 0..CONTROL_BYTES {
        let verdict = ControlView::decode(&bytes[..length]).err();
        assert_eq!(verdict, Some(Discard::Truncated), "{length}");
    }
    let mut longer = bytes.to_vec();
    longer.extend([7; 40]);
    assert!(ControlView::decode(&longer).is_ok());
    // With an authentication section: whether it may have one is the session's to say.
    (longer[1], longer[3]) = (1 << 6 | AUTHENTICATION, 26);
    assert!(ControlView::decode(&longer).unwrap().is_authenticated());
}

proptest! {
    #[test]
    fn what_is_sent_reads_the_same(
        code in 0u8..32,
        state in prop::sample::select(&State::ALL[..]),
        sequence in prop::sample::select(vec![Sequence::None, Sequence::Poll, Sequence::Final]),
        detect_mult: NonZeroU8,
        my_discriminator: Discriminator,
        yours: Discriminator,
        desired_min_tx_micros: u32,
        required_min_rx_micros: u32,
    ) {
        let packet = ControlPacket {
            diagnostic: Diagnostic::from_code(code).unwrap(),
            state,
            sequence,
            detect_mult,
            my_discriminator,
            your_discriminator: Some(yours),
            desired_min_tx_micros,
            required_min_rx_micros,
        };
        let bytes = packet.encode();
        let view = ControlView::decode(&bytes).unwrap();
        let read = ControlPacket {
            diagnostic: view.diagnostic(),
            state: view.state(),
            sequence: match (view.poll(), view.r#final()) {
                (false, false) => Sequence::None,
                (true, false) => Sequence::Poll,
                (false, true) => Sequence::Final,
                (true, true) => unreachable!(),
            },
            detect_mult: view.detect_mult(),
            my_discriminator: view.my_discriminator(),
            your_discriminator: view.your_discriminator(),
            desired_min_tx_micros: view.desired_min_tx_micros(),
            required_min_rx_micros: view.required_min_rx_micros(),
        };
        prop_assert_eq!(read, packet);
        prop_assert!(!view.demand() && !view.is_authenticated());
        prop_assert_eq!(view.required_min_echo_rx_micros(), 0);
    }
}
