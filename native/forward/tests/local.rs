//! Probes and answers: what this router sends and receives itself.

mod support;

use labelway_boundary::TtlModel;
use labelway_forward::{DropReason, LocalDatagram, Outcome, encapsulate_local};
use labelway_wire::{Ipv4, Udp};
use support::*;

const THERE: [u8; 4] = [10, 2, 0, 5];

const PROBE: LocalDatagram = LocalDatagram {
    source: std::net::Ipv4Addr::new(10, 255, 0, 3),
    destination: std::net::Ipv4Addr::new(10, 255, 0, 1),
    source_port: 50001,
    destination_port: 862,
    class: 0,
    whole: false,
};

fn probe(router: &Router, adjacency: usize, labels: &[u32], datagram: &LocalDatagram) -> Vec<u8> {
    let stamp = [7; 44];
    let mut buffer = buffer(&stamp);
    let mut packet = packet(&mut buffer, stamp.len());
    encapsulate_local(&router.fib, adjacency, labels, datagram, &mut packet).unwrap();
    packet.bytes().to_vec()
}

#[test]
fn probes_cross_an_adjacency_as_plain_udp() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let mut sent = probe(&router, 0, &[], &PROBE);
    let ip = Ipv4::decode(&sent).unwrap();
    assert_eq!(
        (ip.source(), ip.destination()),
        ([100, 96, 0, 8].into(), [100, 96, 0, 16].into())
    );
    let udp = Udp::decode(&ip).unwrap();
    assert_eq!((udp.source_port(), udp.destination_port()), (50001, 862));
    assert_ne!(sent[26..28], [0, 0], "with a checksum");
    // As the neighbour would send it to us.
    sent.copy_within(12..16, 60);
    let (ours, theirs): ([u8; 4], [u8; 4]) = ([100, 96, 0, 8], [100, 96, 0, 16]);
    sent[12..16].copy_from_slice(&theirs);
    sent[16..20].copy_from_slice(&ours);
    let (_, payload) = sent.split_at(28);
    let mirrored = v4(theirs, ours, 17, 255, &support::udp(50001, 862, payload));
    let (outcome, out) = run(&mut router, 0, &mirrored);
    assert!(
        matches!(outcome, Outcome::Local { labelled: false }),
        "{outcome:?}"
    );
    assert_eq!(out, mirrored);
    let answer = v4(theirs, ours, 17, 255, &support::udp(862, 50001, payload));
    assert!(matches!(
        run(&mut router, 0, &answer).0,
        Outcome::Local { labelled: false }
    ));
}

#[test]
fn a_class_is_in_the_labels_and_in_the_header_below() {
    let router = Router::new(table(TtlModel::Pipe));
    let voice = LocalDatagram { class: 5, ..PROBE };
    let sent = probe(&router, 0, &[16003], &voice);
    assert_eq!(
        read_stack(&sent[28..]),
        [(16003, 5, false, 255), (0, 5, true, 255)]
    );
    let outer = Ipv4::decode(&sent).unwrap();
    let inner = Ipv4::decode(&sent[36..]).unwrap();
    assert_eq!((outer.dscp(), inner.dscp()), (0, 40));
    let bare = probe(&router, 0, &[], &voice);
    assert_eq!(Ipv4::decode(&bare).unwrap().dscp(), 40);
}

#[test]
fn probes_of_a_list_carry_its_labels_and_an_explicit_null() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let sent = probe(&router, 0, &[16003, 16001], &PROBE);
    let expected = [
        (16003, 0, false, 255),
        (16001, 0, false, 255),
        (0, 0, true, 255),
    ];
    assert_eq!(read_stack(&sent[28..]), expected);
    assert_eq!(
        Ipv4::decode(&sent).unwrap().destination(),
        std::net::Ipv4Addr::new(100, 96, 0, 16)
    );
    let below = &sent[40..];
    let ip = Ipv4::decode(below).unwrap();
    assert_eq!(
        (ip.source(), ip.destination(), ip.ttl()),
        (PROBE.source, PROBE.destination, 255)
    );
    // At its end, with the node SID of the end still on it.
    let entries = [(16001, 0, false, 254), (0, 0, true, 255)];
    let (outcome, out) = labelled(&mut router, 0, &entries, below);
    assert!(
        matches!(outcome, Outcome::Local { labelled: true }),
        "{outcome:?}"
    );
    assert_eq!(out, below);
}

#[test]
fn only_stamp_for_this_router_is_local() {
    use DropReason::*;
    let mut router = Router::new(table(TtlModel::Pipe));
    let here = [10, 255, 0, 1];
    let stamp = udp(50001, 862, &[0; 44]);
    let cases = [
        (
            0,
            v4(THERE, [10, 255, 0, 9], 17, 9, &stamp),
            LocalWrongDestination,
        ),
        (
            0,
            v4(THERE, here, 17, 9, &udp(1, 2, b"")),
            LocalUnknownProtocol,
        ),
        (0, v4(THERE, here, 6, 9, &stamp), LocalUnknownProtocol),
        (
            0,
            patched(v4(THERE, here, 17, 9, &stamp), &[(6, 0x20)]),
            LocalUnknownProtocol,
        ),
        (2, v4(THERE, here, 17, 9, &stamp), LocalUnknownProtocol),
        (
            2,
            v6("2001:db8:2::1", "2001:db8:ff::1", 17, 9, &stamp),
            LocalUnknownProtocol,
        ),
        (
            2,
            v6("2001:db8:2::1", "2001:db8:ff::2", 17, 9, &stamp),
            LocalWrongDestination,
        ),
        (0, vec![], LocalUnknownProtocol),
    ];
    for (null, below, reason) in cases {
        assert_eq!(
            dropped(&mut router, 0, &[(null, 0, true, 9)], &below),
            reason
        );
    }
    for own in [[10, 255, 0, 1], [100, 96, 0, 8], [100, 96, 0, 9]] {
        let below = v4(THERE, own, 17, 9, &stamp);
        let (outcome, _) = labelled(&mut router, 0, &[(0, 0, true, 9)], &below);
        assert!(
            matches!(outcome, Outcome::Local { labelled: true }),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_probe_is_not_answered_to_another_service() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let neighbour = router.table.adjacencies[0].remote_address.octets();
    for port in [0, 1, 862, 1023, 6635] {
        let probe = udp(port, 862, &[0; 44]);
        let below = v4(THERE, [10, 255, 0, 1], 17, 9, &probe);
        assert_eq!(
            dropped(&mut router, 0, &[(0, 0, true, 9)], &below),
            DropReason::LocalUnknownProtocol,
            "{port}"
        );
        let (outcome, _) = run(
            &mut router,
            0,
            &v4(neighbour, [100, 96, 0, 8], 17, 9, &probe),
        );
        assert!(
            matches!(outcome, Outcome::Drop(DropReason::InnerUnknownProtocol)),
            "{port}: {outcome:?}"
        );
        router.count.drops.clear();
    }
}

#[test]
fn stacks_asked_for_by_a_neighbour_are_checked() {
    let router = Router::new(table(TtlModel::Pipe));
    let refused = |adjacency, labels: &[u32]| {
        let mut buffer = buffer(&[0; 44]);
        let mut packet = packet(&mut buffer, 44);
        encapsulate_local(&router.fib, adjacency, labels, &PROBE, &mut packet).err()
    };
    assert_eq!(refused(0, &[16; 8]), None);
    assert_eq!(refused(0, &[16; 9]), Some(DropReason::StackTooDeep));
    assert_eq!(refused(0, &[3]), Some(DropReason::SpecialPurposeLabel));
    assert_eq!(refused(0, &[1 << 20]), Some(DropReason::UnknownLabel));
    assert_eq!(refused(9, &[]), Some(DropReason::UnknownAdjacency));
}
