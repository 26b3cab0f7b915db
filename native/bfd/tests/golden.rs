//! Packets as they leave, byte for byte: `test/packets/bfd.json`, which tshark reads as well.

#[path = "../../../test/packets/recorded.rs"]
mod recorded;
mod support;

use std::net::Ipv4Addr;

use labelway_bfd::{
    CONTROL_BYTES, ControlPacket, Diagnostic, PORT, SOURCE_PORTS, Sequence, Session, Settings,
    State, TTL,
};
use labelway_wire::checksum::Sum;
use labelway_wire::{Ipv4Header, UDP_HEADER, UdpHeader, protocol};
use support::{OURS, Peer, drain, hear, in_state, millis, now};

const HERE: Ipv4Addr = Ipv4Addr::new(100, 96, 0, 8);
const THERE: Ipv4Addr = Ipv4Addr::new(100, 96, 0, 16);

/// As between two tunnel addresses.
fn datagram(packet: &ControlPacket) -> Vec<u8> {
    let ip = Ipv4Header {
        traffic_class: 0xc0, // CS6
        identification: 0,
        dont_fragment: true,
        ttl: TTL,
        protocol: protocol::UDP,
        source: HERE,
        destination: THERE,
    };
    let udp = UdpHeader {
        source_port: *SOURCE_PORTS.start(),
        destination_port: PORT,
    };
    let payload = packet.encode();
    let length = (UDP_HEADER + CONTROL_BYTES) as u16;
    let mut header = udp.encode(CONTROL_BYTES as u16).unwrap();
    let sum = Sum::pseudo_v4(HERE, THERE, protocol::UDP, length);
    let checksum = UdpHeader::checksum(sum.bytes(&header).bytes(&payload));
    header[6..].copy_from_slice(&checksum.to_be_bytes());
    [&ip.encode(length).unwrap()[..], &header, &payload].concat()
}

fn packets() -> Vec<(&'static str, ControlPacket)> {
    let mut fresh = Session::new(OURS, Settings::default(), now());
    let first = drain(&mut fresh, now()).remove(0);

    let mut session = in_state(State::Down);
    let down = Peer::in_state(State::Down);
    session.receive(&down.encode(), TTL, now()).unwrap();
    let init = drain(&mut session, now()).remove(0);

    let begun = Peer::in_state(State::Init);
    session.receive(&begun.encode(), TTL, now()).unwrap();
    let poll = drain(&mut session, now()).remove(0);

    let up = Peer::in_state(State::Up);
    let confirming = Peer {
        sequence: Sequence::Final,
        ..up
    };
    hear(&mut session, confirming, now());
    let plain = drain(&mut session, now() + millis(40)).remove(0);

    let asking = Peer {
        sequence: Sequence::Poll,
        ..up
    };
    hear(&mut session, asking, now() + millis(41));
    let answer = drain(&mut session, now() + millis(41)).remove(0);

    let silent = drain(&mut session, now() + millis(191)).remove(0);
    session.disable(Diagnostic::ADMINISTRATIVELY_DOWN, now() + millis(200));
    let disabled = drain(&mut session, now() + millis(200)).remove(0);
    vec![
        ("bfd-first", first),
        ("bfd-init", init),
        ("bfd-up-poll", poll),
        ("bfd-up", plain),
        ("bfd-final", answer),
        ("bfd-detection-time-expired", silent),
        ("bfd-admin-down", disabled),
    ]
}

#[test]
fn packets_are_as_they_were_recorded() {
    let packets = packets();
    let datagrams = packets
        .iter()
        .map(|(name, packet)| (*name, datagram(packet)));
    let datagrams: Vec<_> = datagrams.collect();
    recorded::hold("bfd", &datagrams);
}
