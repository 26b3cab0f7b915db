//! Authenticated STAMP as `test/packets/stamp.json` has it: UDP payloads, byte for byte. Another
//! program derives the keys and computes the codes in `test/packets/stamp.test.ts`.
//!
//! `UPDATE=1 cargo test -p labelway-wire --test golden` writes the file anew.

#[path = "../../../test/packets/recorded.rs"]
mod recorded;

use std::net::Ipv4Addr;

use labelway_wire::Malformed;
use labelway_wire::stamp::{
    AuthenticationKey, ClassOfService, DirectMeasurement, NetworkKey, ReflectorPacket, ReportEntry,
    Role, SenderPacket, SessionName, Timestamp, UNSYNCHRONIZED, encode_class_of_service,
    encode_direct_measurement, encode_extra_padding, encode_generation, encode_hmac, encode_report,
    encode_report_request, encode_return_path,
};

const NETWORK_KEY: &[u8; 32] = b"a key as long as the hash itself";
const NAME: SessionName = SessionName {
    sender: Ipv4Addr::new(10, 255, 0, 1),
    reflector: Ipv4Addr::new(10, 255, 0, 3),
    sender_port: 49862,
    session: 42,
};
const SIZED: SessionName = SessionName {
    sender_port: 49863,
    ..NAME
};

const PROBE: SenderPacket = SenderPacket {
    sequence: 7,
    timestamp: Timestamp(0xe000_0000_8000_0000),
    error_estimate: UNSYNCHRONIZED,
    session: NAME.session,
};
const ANSWER: ReflectorPacket = ReflectorPacket {
    sequence: 3,
    timestamp: Timestamp(0xe000_0000_8000_2000),
    error_estimate: UNSYNCHRONIZED,
    session: NAME.session,
    received: Timestamp(0xe000_0000_8000_1000),
    sender_sequence: 7,
    sender_timestamp: PROBE.timestamp,
    sender_error_estimate: UNSYNCHRONIZED,
    sender_ttl: 254,
};

type Write<'a> = &'a dyn Fn(&mut [u8]) -> Result<usize, Malformed>;

/// The packet, these TLVs, their code, and so much padding.
fn packet(
    head: &[u8],
    sequence: u32,
    key: &AuthenticationKey,
    tlvs: &[Write<'_>],
    padding: usize,
) -> Vec<u8> {
    let mut room = [0; 512];
    let mut used = 0;
    for write in tlvs {
        used += write(&mut room[used..]).unwrap();
    }
    used += encode_hmac(key, sequence, &mut room, used).unwrap();
    if padding > 0 {
        used += encode_extra_padding(padding, &mut room[used..]).unwrap();
    }
    [head, &room[..used]].concat()
}

fn packets() -> Vec<(&'static str, Vec<u8>)> {
    let network = NetworkKey::new(NETWORK_KEY);
    let probes = network.session(&NAME, Role::Probe);
    let answers = network.session(&NAME, Role::Answer);
    let sized = network.session(&SIZED, Role::Probe);
    let generation: Write<'_> = &|out| encode_generation([1, 2, 3, 4, 5, 6, 7, 8], out);
    let class = |out: &mut [u8]| encode_class_of_service(ClassOfService::wanting(40), out);
    let counters = |out: &mut [u8]| {
        let counters = DirectMeasurement {
            sender_sent: 1000,
            ..DirectMeasurement::default()
        };
        encode_direct_measurement(counters, out)
    };
    let entry = ReportEntry {
        local: Ipv4Addr::new(100, 96, 0, 24),
        remote: Ipv4Addr::new(100, 96, 0, 8),
        is_up: true,
        round_trip_micros: Some(5000),
        jitter_micros: Some(20),
        lost_forward: Some(0.0),
        lost_return: None,
        mtu: Some(1392),
    };
    let page = |out: &mut [u8]| encode_report(0, 1, 2, &[entry], out);
    let probe = PROBE.encode_authenticated(&probes);
    let answer = ANSWER.encode_authenticated(&answers);
    vec![
        (
            "probe-of-an-adjacency",
            packet(
                &probe,
                7,
                &probes,
                &[generation, &class, &counters, &|out| {
                    encode_report_request(0, 2, out)
                }],
                0,
            ),
        ),
        (
            "probe-of-a-list",
            packet(
                &probe,
                7,
                &probes,
                &[generation, &|out| encode_return_path(&[16002, 16001], out)],
                0,
            ),
        ),
        (
            "sized-probe",
            packet(
                &PROBE.encode_authenticated(&sized),
                7,
                &sized,
                &[generation],
                64,
            ),
        ),
        (
            "answer",
            packet(
                &answer,
                3,
                &answers,
                &[generation, &class, &counters, &page],
                0,
            ),
        ),
    ]
}

#[test]
fn packets_are_as_they_were_recorded() {
    recorded::hold("stamp", &packets());
}
