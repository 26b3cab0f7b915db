//! What probes find to cross in one piece: who asks for it is sent on only there, and customers'
//! packets are measured by it.

mod support;

use labelway_boundary::{Liveness, TtlModel};
use labelway_forward::{DropReason, FlowCache, LocalDatagram, Outcome, encapsulate_local, ingress};
use labelway_wire::{Ipv4, Udp};
use support::*;

const A: [u8; 4] = [10, 1, 0, 5];
const B: [u8; 4] = [10, 2, 0, 5];

/// Source port of what must not come apart.
const WHOLE: u16 = 6635;
const ENTROPY: u16 = 50123;

const PROBE: LocalDatagram = LocalDatagram {
    source: std::net::Ipv4Addr::new(10, 255, 0, 3),
    destination: std::net::Ipv4Addr::new(10, 255, 0, 9),
    source_port: 49863,
    destination_port: 862,
    class: 0,
    whole: true,
};

fn source_port(inner: &[u8]) -> u16 {
    let ip = Ipv4::decode(inner).unwrap();
    Udp::decode(&ip).unwrap().source_port()
}

/// A neighbour's probe, so large that `labelled` bytes would leave over adjacency 2.
fn pass(router: &mut Router, port: u16, labelled: usize) -> (Outcome, Vec<u8>) {
    let below = v4(A, B, 17, 64, &vec![0; labelled - 8 - 20]);
    let entries = [(16003, 0, false, 9), (0, 0, true, 9)];
    let payload = [&stack(&entries)[..], &below].concat();
    let adjacency = &router.table.adjacencies[0];
    let (from, to) = (adjacency.remote_address.octets(), [100, 96, 0, 8]);
    let inner = v4(from, to, 17, 255, &udp(port, 6635, &payload));
    run(router, 0, &inner)
}

#[test]
fn what_must_not_come_apart_goes_on_where_it_is_known_to_cross() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let is_sent = |outcome: &Outcome| matches!(outcome, Outcome::Send { adjacency: 2 });
    let (outcome, _) = pass(&mut router, WHOLE, 600);
    assert!(
        matches!(outcome, Outcome::Drop(DropReason::SizedTooBig)),
        "nothing is known: {outcome:?}"
    );
    assert_eq!(
        router.count.drops,
        [DropReason::SizedTooBig],
        "counted once"
    );
    router.fib.set_adjacency_mtu(1, Some(1392));
    router.fib.set_adjacency_mtu(2, Some(1300));
    let (outcome, inner) = pass(&mut router, WHOLE, 1300);
    assert!(is_sent(&outcome), "{outcome:?}");
    assert_eq!(source_port(&inner), WHOLE, "as those behind are to do");
    assert_eq!(inner.len(), 28 + 1300);
    let (outcome, _) = pass(&mut router, WHOLE, 1301);
    assert!(matches!(outcome, Outcome::Drop(DropReason::SizedTooBig)));
    let (outcome, inner) = pass(&mut router, ENTROPY, 1301);
    assert!(is_sent(&outcome), "others may: {outcome:?}");
    assert_eq!(source_port(&inner), ENTROPY);
    router.fib.set_adjacency_mtu(2, None);
    let (outcome, _) = pass(&mut router, WHOLE, 600);
    assert!(matches!(outcome, Outcome::Drop(DropReason::SizedTooBig)));
}

#[test]
fn a_probe_that_must_not_come_apart_says_so() {
    let router = Router::new(table(TtlModel::Pipe));
    for (whole, expected) in [(true, WHOLE..=WHOLE), (false, 49152..=u16::MAX)] {
        let datagram = LocalDatagram { whole, ..PROBE };
        let mut buffer = buffer(&[7; 44]);
        let mut packet = packet(&mut buffer, 44);
        encapsulate_local(&router.fib, 0, &[16003], &datagram, &mut packet).unwrap();
        let port = source_port(packet.bytes());
        assert!(expected.contains(&port), "{port}");
    }
}

/// One that comes to its end is taken as any other.
#[test]
fn the_egress_takes_what_did_not_come_apart() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let probe = v4(
        [10, 255, 0, 3],
        [10, 255, 0, 1],
        17,
        9,
        &udp(49863, 862, &[0; 44]),
    );
    let payload = [&stack(&[(0, 0, true, 9)])[..], &probe].concat();
    let adjacency = &router.table.adjacencies[0];
    let from = adjacency.remote_address.octets();
    let inner = v4(from, [100, 96, 0, 8], 17, 255, &udp(WHOLE, 6635, &payload));
    let (outcome, bytes) = run(&mut router, 0, &inner);
    assert!(
        matches!(outcome, Outcome::Local { labelled: true }),
        "{outcome:?}"
    );
    assert_eq!(bytes, probe);
}

fn offer(router: &mut Router, packet_: &[u8]) -> (Outcome, Vec<u8>) {
    let mut buffer = buffer(packet_);
    let mut packet = packet(&mut buffer, packet_.len());
    let flows = &mut FlowCache::with_capacity(4);
    let outcome = ingress(&mut router.context(), flows, 0, &mut packet);
    (outcome, packet.bytes().to_vec())
}

/// The largest packet that is sent, and what the sender of one more byte is told.
fn largest(router: &mut Router) -> usize {
    let sized = |size: usize| v4(A, B, 17, 64, &udp(1, 2, &vec![0; size - 28]));
    let fits = (576..1500)
        .take_while(|size| matches!(offer(router, &sized(*size)).0, Outcome::Send { .. }))
        .last()
        .unwrap();
    router.icmp = Default::default();
    let (outcome, error) = offer(router, &sized(fits + 1));
    assert!(
        matches!(outcome, Outcome::ToTun { segment: 0 }),
        "{outcome:?}"
    );
    assert_eq!(error[20..22], [3, 4]);
    assert_eq!(error[26..28], (fits as u16).to_be_bytes());
    fits
}

#[test]
fn customers_packets_are_as_large_as_was_found_to_cross() {
    let mut router = Router::new(table(TtlModel::Pipe));
    assert_eq!(largest(&mut router), 1380, "as configured");
    // One label, the service label, besides.
    router.fib.set_adjacency_mtu(2, Some(1334));
    assert_eq!(largest(&mut router), 1330);
    let (_, inner) = offer(&mut router, &v4(A, B, 6, 64, &syn(1460)));
    assert_eq!(inner[32 + 20 + 22..][..2], 1290u16.to_be_bytes(), "the MSS");
    let free = patched(v4(A, B, 17, 64, &[0; 1380 - 20]), &[(6, 0)]);
    let (outcome, _) = offer(&mut router, &free);
    assert!(matches!(outcome, Outcome::Fragments(_)), "{outcome:?}");
    router.fib.set_adjacency_mtu(2, Some(9000));
    assert_eq!(largest(&mut router), 1380, "never more than configured");
    router.fib.set_adjacency_mtu(2, Some(1200));
    assert_eq!(largest(&mut router), 1280, "what IPv6 sends anyway");
    router.fib.set_adjacency_mtu(0, Some(1300));
    router.fib.set_adjacency_mtu(2, None);
    assert_eq!(largest(&mut router), 1380, "nothing known of its way");
}

#[test]
fn a_list_takes_what_its_narrowest_hop_carries() {
    let mut router = Router::new(table(TtlModel::Pipe));
    router.live.set_list(0, Liveness::Down);
    router.live.set_adjacency(2, Liveness::Down);
    router.live.set_list(2, Liveness::Down);
    assert_eq!(largest(&mut router), 1360, "as configured");
    router.fib.set_list_mtu(1, Some(1310));
    assert_eq!(largest(&mut router), 1310);
    router.fib.set_adjacency_mtu(0, Some(1348));
    assert_eq!(largest(&mut router), 1310);
    router.fib.set_list_mtu(1, Some(1350));
    assert_eq!(largest(&mut router), 1340, "the first hop is known sooner");
    router.fib.set_list_mtu(1, None);
    assert_eq!(largest(&mut router), 1340);
}
