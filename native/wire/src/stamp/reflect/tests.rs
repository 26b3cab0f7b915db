use super::*;
use crate::stamp::{ReflectorPacket, SenderPacket, Timestamp, Tlv, Tlvs, encode_generation};
use proptest::prelude::*;

const KEY: &[u8; 32] = b"a key as long as the hash itself";

fn key() -> AuthenticationKey {
    AuthenticationKey::new(KEY).unwrap()
}

fn reflecting(key: Option<&AuthenticationKey>) -> Reflecting<'_> {
    Reflecting {
        dscp: 0,
        ecn: 2,
        grants_class: true,
        key,
        probe_sequence: 7,
        answer_sequence: 3,
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Read by scapy 2.8 (`scapy.contrib.stamp`) and, without the TLVs, by tshark as TWAMP-Test, with
/// the same fields.
const SENDER: &str = "00000007e8a1b2c3d4e5f6078a01123400000000000000000000000000000000\
    0000000000000000000000008001000300000080040004b800000080fb0002abcd";
const REFLECTOR: &str = "00000003e8a1b2c3d4e5f61001021234e8a1b2c3d4e5f60c00000007e8a1b2c3\
    d4e5f6078a0100003d0000008001000300000080040004b800000080fb0002abcd";

#[test]
fn others_read_the_same() {
    let sender = unhex(SENDER);
    let (packet, tlvs) = SenderPacket::decode(&sender).unwrap();
    let expected = SenderPacket {
        sequence: 7,
        timestamp: Timestamp(0xe8a1_b2c3_d4e5_f607),
        error_estimate: 0x8a01,
        session: 0x1234,
    };
    assert_eq!(packet, expected);
    let read: Vec<_> = tlvs.flatten().collect();
    let other = |kind, value| Tlv::Other { kind, value };
    assert_eq!(
        read,
        [
            other(1, &[0; 3]),
            other(4, &[0xb8, 0, 0, 0]),
            other(251, &[0xab, 0xcd])
        ]
    );
    // And written: 7 bytes of padding, class EF, what is left as it is.
    let mut written = packet.encode().to_vec();
    let mut room = [0xff; 32];
    let mut used = encode_extra_padding(7, &mut room).unwrap();
    used += encode_class_of_service(ClassOfService::wanting(46), &mut room[used..]).unwrap();
    used += write(&mut room[used..], 251, &[0xab, 0xcd]).unwrap();
    written.extend(&room[..used]);
    assert_eq!(written, sender);
    let reflector = unhex(REFLECTOR);
    let (packet, _) = ReflectorPacket::decode(&reflector).unwrap();
    assert_eq!((packet.sequence, packet.sender_sequence), (3, 7));
    assert_eq!(
        (packet.sender_ttl, packet.sender_error_estimate),
        (61, 0x8a01)
    );
    assert_eq!(packet.encode(), reflector[..44]);
}

#[test]
fn an_answer_repeats_the_tlvs_with_flags() {
    let mut tlvs = unhex("8001000300000080040004b800000080fb0002abcd");
    assert_eq!(reflect_tlvs(&mut tlvs, &reflecting(None)), Integrity::Good);
    // DSCP 46 wanted, 0 arrived (re-marked), ECN 2; U on the unknown one alone.
    assert_eq!(tlvs, unhex("0001000300000000040004b808000080fb0002abcd"));
    let class = ClassOfService::decode(&[0xb8, 0x08, 0, 0]).unwrap();
    assert_eq!((class.wanted, class.arrived, class.arrived_ecn), (46, 0, 2));
    assert!(!class.refused);
}

#[test]
fn malformed_ones_come_back_with_m() {
    for (probe, answer) in [
        ("80040003b80000", "40040003b80000"),
        ("80010009aabb", "40010009aabb"),
        ("80fb0009aabb", "c0fb0009aabb"),
        ("80fc000400000000", "40fc000400000000"),
        // Behind a whole one; and crumbs are given back as they are.
        ("80010001aa800aff00", "00010001aa400aff00"),
        ("80010000800100", "00010000800100"),
        ("", ""),
    ] {
        let mut tlvs = unhex(probe);
        reflect_tlvs(&mut tlvs, &reflecting(None));
        assert_eq!(tlvs, unhex(answer), "{probe}");
    }
}

/// The code was computed by Python's `hmac` over the sequence number 7 and the TLV.
#[test]
fn a_code_covers_the_sequence_number_and_the_tlvs_before_it() {
    let mut room = [0; 64];
    let mut used = encode_class_of_service(ClassOfService::wanting(46), &mut room).unwrap();
    used += encode_hmac(&key(), 7, &mut room, used).unwrap();
    assert_eq!(
        room[..used],
        unhex("80040004b8000000800800104f24971d22ceba225619a7dc5de05a2b")
    );
    used += encode_extra_padding(9, &mut room[used..]).unwrap();
    let key = key();
    let mut answer = room[..used].to_vec();
    assert_eq!(
        reflect_tlvs(&mut answer, &reflecting(Some(&key))),
        Integrity::Good
    );
    assert_eq!(verify_tlvs(&key, 3, &answer), Integrity::Good);
    assert_eq!(verify_tlvs(&key, 4, &answer), Integrity::Failed);
    // Without the key, with another number, or with something behind: flagged on every TLV.
    let flags = |tlvs: &mut [u8]| {
        let mut all = vec![];
        walk(tlvs, |flags, _, _| all.push(*flags));
        all
    };
    let mut answer = room[..used].to_vec();
    assert_eq!(
        reflect_tlvs(&mut answer, &reflecting(None)),
        Integrity::Failed
    );
    assert_eq!(flags(&mut answer), [0x20; 3]);
    assert_eq!(answer[4], 0xb8, "and left alone otherwise");
    let mut answer = room[..used].to_vec();
    let wrong = Reflecting {
        probe_sequence: 8,
        ..reflecting(Some(&key))
    };
    assert_eq!(reflect_tlvs(&mut answer, &wrong), Integrity::Failed);
    let mut answer = room[..used].to_vec();
    answer.extend(unhex("80fb0000"));
    assert_eq!(
        reflect_tlvs(&mut answer, &reflecting(Some(&key))),
        Integrity::Failed
    );
    assert_eq!(flags(&mut answer), [0x20, 0x20, 0x20, 0xa0]);
}

#[test]
fn with_a_key_tlvs_need_a_code() {
    let key = key();
    let mut padding = unhex("80010000");
    assert_eq!(
        reflect_tlvs(&mut padding, &reflecting(Some(&key))),
        Integrity::Good
    );
    let mut class = unhex("80040004b8000000");
    assert_eq!(
        reflect_tlvs(&mut class, &reflecting(Some(&key))),
        Integrity::Failed
    );
    assert_eq!(verify_tlvs(&key, 3, &class), Integrity::Failed);
}

#[test]
fn padding_has_the_length_that_was_asked_for() {
    let mut room = vec![0xff; 9000];
    assert_eq!(encode_extra_padding(8960, &mut room), Ok(8960));
    let read: Vec<_> = Tlvs::new(&room[..8960]).collect();
    assert!(matches!(read[..], [Ok(Tlv::Other { kind: 1, value })] if value.len() == 8956));
    assert_eq!(encode_extra_padding(3, &mut room), Err(Malformed::Length));
    assert_eq!(
        encode_extra_padding(9001, &mut room),
        Err(Malformed::Truncated)
    );
    assert_eq!(
        encode_extra_padding(70_000, &mut [0; 70_000]),
        Err(Malformed::Length)
    );
}

proptest! {
    #[test]
    fn any_tlvs_are_reflected(bytes in prop::collection::vec(any::<u8>(), 0..200), with_key: bool) {
        let key = key();
        let mut tlvs = bytes.clone();
        reflect_tlvs(&mut tlvs, &reflecting(with_key.then_some(&key)));
        prop_assert_eq!(tlvs.len(), bytes.len());
        flag_as_sender(&mut tlvs);
    }

    #[test]
    fn a_class_comes_back(wanted in 0u8..64, arrived in 0u8..64, arrived_ecn in 0u8..4, refused: bool) {
        let class = ClassOfService { wanted, arrived, arrived_ecn, refused };
        prop_assert_eq!(ClassOfService::decode(&class.value()), Ok(class));
    }

    #[test]
    fn a_code_breaks_with_any_bit(byte in 0usize..32, bit in 0u8..8) {
        prop_assume!(byte != 12); // its own flags, which it does not cover
        let key = key();
        let mut room = [0; 64];
        let mut used = encode_generation([7; 8], &mut room).unwrap();
        flag_as_sender(&mut room[..used]);
        used += encode_hmac(&key, 7, &mut room, used).unwrap();
        prop_assert_eq!(used, 32);
        let mut answer = room[..used].to_vec();
        answer[byte] ^= 1 << bit;
        prop_assert_eq!(reflect_tlvs(&mut answer, &reflecting(Some(&key))), Integrity::Failed);
    }
}
