use labelway_wire::stamp::{
    Timestamp, UNSYNCHRONIZED, encode_extra_padding, encode_generation, encode_hmac,
};

use super::*;

const NAME: SessionName = SessionName {
    sender: std::net::Ipv4Addr::new(10, 255, 0, 1),
    reflector: std::net::Ipv4Addr::new(10, 255, 0, 3),
    sender_port: 49862,
    session: 99,
};

const MODES: [Mode; 4] = [Mode::None, Mode::Accept, Mode::Prefer, Mode::Require];

fn of(mode: Mode, keys: &[[u8; 32]]) -> Authentication {
    Authentication::new(mode, keys.as_flattened()).unwrap()
}

fn probe() -> SenderPacket {
    SenderPacket {
        sequence: 7,
        timestamp: Timestamp(0xe8a1_b2c3_d4e5_f607),
        error_estimate: UNSYNCHRONIZED,
        session: NAME.session,
    }
}

/// As `by` sends it: a generation behind the packet, padding behind the code.
fn sent(by: &Authentication) -> Vec<u8> {
    let key = by.for_probe(&NAME);
    let mut bytes = match &key {
        Some(key) => probe().encode_authenticated(key).to_vec(),
        None => probe().encode().to_vec(),
    };
    let mut tlvs = [0; 64];
    let mut used = encode_generation(*b"mine1234", &mut tlvs).unwrap();
    if let Some(key) = &key {
        used += encode_hmac(key, 7, &mut tlvs, used).unwrap();
    }
    used += encode_extra_padding(12, &mut tlvs[used..]).unwrap();
    bytes.extend(&tlvs[..used]);
    bytes
}

fn taken(by: &Authentication, bytes: &[u8]) -> Result<bool, IoDrop> {
    let opened = by.open_probe(bytes, |session| {
        assert_eq!(session, NAME.session);
        Ok(NAME)
    })?;
    assert_eq!(opened.packet, probe());
    Ok(opened.key.is_some())
}

#[test]
fn modes_beside_each_other_understand_each_other() {
    let key = [[1; 32]];
    for (at, sender) in MODES.into_iter().enumerate() {
        for (other, reflector) in MODES.into_iter().enumerate() {
            let bytes = sent(&of(sender, &key));
            let outcome = taken(&of(reflector, &key), &bytes);
            let sealed = at >= 2;
            let wanted = match (sealed, reflector) {
                (true, Mode::None) | (false, Mode::Require) => Err(IoDrop::ProbeOtherMode),
                _ => Ok(sealed),
            };
            assert_eq!(outcome, wanted, "{sender:?} to {reflector:?}");
            assert!(wanted.is_ok() || at.abs_diff(other) > 1);
        }
    }
}

#[test]
fn what_another_key_made_is_refused() {
    let bytes = sent(&of(Mode::Require, &[[1; 32]]));
    let other = of(Mode::Require, &[[2; 32]]);
    assert_eq!(taken(&other, &bytes), Err(IoDrop::ProbeWrongCode));
    let lenient = of(Mode::Accept, &[[2; 32]]);
    assert_eq!(taken(&lenient, &bytes), Err(IoDrop::ProbeWrongCode));
}

/// One after the other: the new key is taken everywhere, then sent with, then the old one goes.
#[test]
fn keys_change_without_a_gap() {
    let (old, new) = ([1; 32], [2; 32]);
    let steps = [&[old][..], &[old, new], &[new, old], &[new]];
    for (at, sender) in steps.iter().enumerate() {
        let bytes = sent(&of(Mode::Require, sender));
        for reflector in &steps[at.saturating_sub(1)..steps.len().min(at + 2)] {
            assert_eq!(taken(&of(Mode::Require, reflector), &bytes), Ok(true));
        }
    }
}

/// But flags of the code's own TLV, which the code cannot cover, and padding, which says nothing.
#[test]
fn any_bit_that_says_something_breaks_the_code() {
    let keyed = of(Mode::Require, &[[1; 32]]);
    let bytes = sent(&keyed);
    let (code, padding) = (112 + 12, 112 + 12 + 20);
    for at in 0..bytes.len() * 8 {
        let byte = at / 8;
        let free = byte == code || byte == padding || byte >= padding + 4;
        let mut changed = bytes.clone();
        changed[byte] ^= 1 << (at % 8);
        let outcome = keyed
            .open_probe(&changed, |_| Ok(NAME))
            .map(|opened| opened.packet);
        match free {
            true => assert_eq!(outcome, Ok(probe())),
            false => assert!(outcome.is_err(), "bit {at}"),
        }
    }
    for length in 0..padding {
        assert!(taken(&keyed, &bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_code_is_for_one_session_and_for_probes_alone() {
    let keyed = of(Mode::Require, &[[1; 32]]);
    let bytes = sent(&keyed);
    let elsewhere = SessionName {
        sender: std::net::Ipv4Addr::new(10, 255, 0, 2),
        ..NAME
    };
    let outcome = keyed.open_probe(&bytes, |_| Ok(elsewhere)).map(|_| ());
    assert_eq!(outcome, Err(IoDrop::ProbeWrongCode));
    let outcome = keyed.open_answer(&bytes, |_| Ok(NAME)).map(|_| ());
    assert_eq!(outcome, Err(IoDrop::ProbeWrongCode));
    let outcome = keyed.open_answer(&bytes, |_| Err(IoDrop::ProbeStale));
    assert_eq!(outcome.map(|_| ()), Err(IoDrop::ProbeStale));
}

#[test]
fn keys_are_refused_without_being_told() {
    for (mode, keys) in [
        (Mode::Require, &[][..]),
        (Mode::Accept, &[b'k'; 31]),
        (Mode::None, &[b'k'; 1]),
        (Mode::Prefer, &[b'k'; 96]),
    ] {
        let problems = Authentication::new(mode, keys).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(!problems[0].contains("kk"), "{problems:?}");
    }
    let printed = format!("{:?}", of(Mode::Require, &[[b'k'; 32]]));
    assert_eq!(
        printed,
        "Authentication { mode: Require, keys: [NetworkKey] }"
    );
}
