//! Customer packets onto label stacks.

mod support;

use labelway_boundary::{Liveness, TtlModel};
use labelway_forward::{DropReason, FlowCache, Outcome, ingress};
use labelway_wire::checksum::Sum;
use labelway_wire::{Ipv4, Udp};
use support::*;

const A: [u8; 4] = [10, 1, 0, 5];
const B: [u8; 4] = [10, 2, 0, 5];

/// The outcome, and the packet as it was left.
fn run(router: &mut Router, segment: usize, bytes: &[u8]) -> (Outcome, Vec<u8>) {
    let mut buffer = buffer(bytes);
    let mut packet = packet(&mut buffer, bytes.len());
    let outcome = ingress(
        &mut router.context(),
        &mut FlowCache::with_capacity(4),
        segment,
        &mut packet,
    );
    (outcome, packet.bytes().to_vec())
}

fn dropped(router: &mut Router, segment: usize, bytes: &[u8]) -> DropReason {
    match run(router, segment, bytes).0 {
        Outcome::Drop(reason) => {
            assert_eq!(router.count.drops.pop(), Some(reason));
            reason
        }
        other => panic!("{other:?}"),
    }
}

fn sent(router: &mut Router, segment: usize, bytes: &[u8]) -> (usize, Vec<u8>) {
    match run(router, segment, bytes) {
        (Outcome::Send { adjacency }, packet) => (adjacency, packet),
        (other, _) => panic!("{other:?}"),
    }
}

fn below(inner: &[u8]) -> &[u8] {
    let depth = read_stack(&inner[28..]).len();
    &inner[28 + 4 * depth..]
}

#[test]
fn a_packet_leaves_in_mpls_in_udp_with_its_service_label() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let customer = v4(A, B, 17, 64, &udp(4000, 5000, b"hello"));
    let (adjacency, inner) = sent(&mut router, 0, &customer);
    assert_eq!(adjacency, 2);
    let ip = Ipv4::decode(&inner).unwrap();
    assert_eq!(
        (ip.source(), ip.destination()),
        ([100, 96, 0, 8].into(), [100, 96, 0, 25].into())
    );
    assert!(ip.dont_fragment() && ip.total_len() == inner.len() && ip.protocol() == 17);
    let udp = Udp::decode(&ip).unwrap();
    assert!(udp.destination_port() == 6635 && udp.source_port() >= 49152);
    assert_eq!(&inner[26..28], [0, 0], "no UDP checksum");
    assert_eq!(read_stack(udp.payload()), [(28001, 0, true, 255)]);
    assert_eq!(below(&inner), patched(customer.clone(), &[(8, 63)]));
    assert_eq!(router.count.lists, [(0, customer.len())]);
}

#[test]
fn labels_carry_the_class_and_in_the_uniform_model_the_ttl() {
    for (model, ttl) in [(TtlModel::Pipe, 255), (TtlModel::Uniform, 63)] {
        let mut router = Router::new(table(model));
        router.live.set_list(1, Liveness::Down);
        let voice = patched(v4(A, B, 17, 64, &udp(1, 2, b"")), &[(1, 46 << 2)]);
        let (adjacency, inner) = sent(&mut router, 0, &voice);
        assert_eq!(adjacency, 1);
        let expected = [
            (16003, 5, false, ttl),
            (16005, 5, false, ttl),
            (28001, 5, true, ttl),
        ];
        assert_eq!(read_stack(&inner[28..]), expected);
    }
}

#[test]
fn the_first_path_that_is_up_is_taken() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let customer = v4(A, B, 17, 64, &udp(4000, 5000, b""));
    assert_eq!(sent(&mut router, 0, &customer).0, 2);
    router.live.set_adjacency(2, Liveness::Down);
    assert!(sent(&mut router, 0, &customer).0 < 2, "over the hub");
    router.live.set_adjacency(0, Liveness::Unknown);
    assert_eq!(sent(&mut router, 0, &customer).0, 1);
    router.live.set_list(2, Liveness::Down);
    let (outcome, _) = run(&mut router, 0, &customer);
    assert!(matches!(outcome, Outcome::ToTun { .. }), "{outcome:?}");
    assert_eq!(router.count.drops.pop(), Some(DropReason::NoPath));
    router.live.set_adjacency(2, Liveness::Up);
    assert_eq!(sent(&mut router, 0, &customer).0, 2, "and back");
}

#[test]
fn flows_stay_on_their_list_and_only_those_of_a_lost_list_move() {
    let mut router = Router::new(table(TtlModel::Pipe));
    router.live.set_adjacency(2, Liveness::Down);
    let place = |router: &mut Router| -> Vec<usize> {
        (0..400)
            .map(|port| sent(router, 0, &v4(A, B, 17, 64, &udp(port, 1, b""))).0)
            .collect()
    };
    let before = place(&mut router);
    let on_first = before.iter().filter(|adjacency| **adjacency == 0).count();
    assert!(
        (60..140).contains(&on_first),
        "weight 1 of 4, 100 expected: {on_first}"
    );
    assert_eq!(place(&mut router), before, "sticky");
    router.live.set_list(1, Liveness::Down);
    assert!(place(&mut router).iter().all(|adjacency| *adjacency == 1));
    router.live.set_list(1, Liveness::Up);
    assert_eq!(place(&mut router), before, "as it was");
}

#[test]
fn fragments_of_a_datagram_stay_together() {
    let mut router = Router::new(table(TtlModel::Pipe));
    router.live.set_adjacency(2, Liveness::Down);
    for host in 0..40 {
        let first = v4(
            [10, 1, 0, host],
            B,
            17,
            64,
            &udp(4000 + u16::from(host), 5000, &[0; 8]),
        );
        let first = patched(first, &[(6, 0x20)]);
        let later = patched(
            v4([10, 1, 0, host], B, 17, 64, &[host; 16]),
            &[(6, 0), (7, 2)],
        );
        let ((a, x), (b, y)) = (sent(&mut router, 0, &first), sent(&mut router, 0, &later));
        assert_eq!((a, &x[20..22]), (b, &y[20..22]), "list and entropy port");
    }
}

#[test]
fn policies_match_what_they_name() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let discard = v4(A, B, 17, 64, &udp(4000, 9, b""));
    assert_eq!(dropped(&mut router, 0, &discard), DropReason::PolicyDrop);
    let tcp = v4(A, B, 6, 64, &syn(500));
    assert_eq!(sent(&mut router, 0, &tcp).0, 2, "TCP is not UDP");
    let later = patched(v4(A, B, 17, 64, &udp(4000, 9, b"")), &[(6, 0), (7, 9)]);
    assert_eq!(
        sent(&mut router, 0, &later).0,
        2,
        "a later fragment has no ports"
    );
    let voice6 = {
        let mut packet = v6("2001:db8:1::5", "2001:db8:2::5", 17, 64, &udp(1, 2, b""));
        (packet[0], packet[1]) = (0x6b, 0x80);
        packet
    };
    assert!(
        sent(&mut router, 0, &voice6).0 < 2,
        "voice goes over the hub"
    );
}

#[test]
fn what_cannot_be_forwarded_is_dropped_for_its_reason() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let good = v4(A, B, 17, 64, &udp(1, 2, b"x"));
    let mut cases = vec![
        (0, vec![], DropReason::CustomerMalformed),
        (0, good[..19].to_vec(), DropReason::CustomerMalformed),
        (0, good[..27].to_vec(), DropReason::CustomerMalformed),
        (0, v4(A, B, 17, 64, &udp(1, 9, b"")), DropReason::PolicyDrop),
        (
            0,
            v4(A, [224, 0, 0, 5], 17, 64, b""),
            DropReason::CustomerNotUnicast,
        ),
        (
            0,
            v6("fe80::1", "2001:db8:2::1", 17, 64, b""),
            DropReason::CustomerNotUnicast,
        ),
        (
            0,
            v6("2001:db8:1::1", "ff02::16", 58, 1, b""),
            DropReason::CustomerNotUnicast,
        ),
        (9, good.clone(), DropReason::UnknownSegment),
    ];
    let mut wrong = good.clone();
    wrong[10] ^= 1;
    cases.push((0, wrong, DropReason::CustomerMalformed));
    for (segment, bytes, reason) in cases {
        assert_eq!(dropped(&mut router, segment, &bytes), reason);
    }
    let mut buffer = good.clone();
    let mut tight = labelway_forward::Packet::at(&mut buffer, 0, good.len());
    let outcome = ingress(
        &mut router.context(),
        &mut FlowCache::with_capacity(4),
        0,
        &mut tight,
    );
    assert!(
        matches!(outcome, Outcome::Drop(DropReason::NoHeadroom)),
        "{outcome:?}"
    );
}

#[test]
fn an_expired_ttl_is_told_to_the_sender() {
    let mut router = Router::new(table(TtlModel::Pipe));
    for ttl in [0, 1] {
        let customer = v4(A, B, 17, ttl, &udp(1, 2, &[7; 900]));
        let (outcome, error) = run(&mut router, 0, &customer);
        assert!(
            matches!(outcome, Outcome::ToTun { segment: 0 }),
            "{outcome:?}"
        );
        assert_eq!(
            router.count.drops.pop(),
            Some(DropReason::CustomerTtlExpired)
        );
        let ip = Ipv4::decode(&error).unwrap();
        assert_eq!(
            (ip.source(), ip.destination()),
            ([10, 255, 0, 1].into(), A.into())
        );
        assert_eq!(ip.payload()[..2], [11, 0]);
        assert!(Sum::default().bytes(ip.payload()).is_valid());
        assert_eq!(error.len(), 576);
        assert_eq!(&error[28..], &customer[..548]);
    }
    let customer = v6("2001:db8:1::5", "2001:db8:2::5", 17, 1, &[9; 64]);
    let (outcome, error) = run(&mut router, 0, &customer);
    assert!(
        matches!(outcome, Outcome::ToTun { segment: 0 }),
        "{outcome:?}"
    );
    assert_eq!(error[40..42], [3, 0]);
    assert_eq!(&error[48..], &customer[..]);
}

#[test]
fn too_big_packets_are_answered_with_the_mtu() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let fits = v4(A, B, 17, 64, &udp(1, 2, &[0; 1380 - 28]));
    assert_eq!(sent(&mut router, 0, &fits).1.len(), 1392 - 8 + 28);
    let customer = v4(A, B, 17, 64, &udp(1, 2, &[0; 1381 - 28]));
    let (outcome, error) = run(&mut router, 0, &customer);
    assert!(
        matches!(outcome, Outcome::ToTun { segment: 0 }),
        "{outcome:?}"
    );
    assert_eq!(router.count.drops.pop(), Some(DropReason::TooBig));
    assert_eq!(error[20..22], [3, 4]);
    assert_eq!(
        error[26..28],
        1380u16.to_be_bytes(),
        "RFC 1191 next-hop MTU"
    );
    let (source, destination) = ("2001:db8:1::5", "2001:db8:2::5");
    let customer = v6(source, destination, 17, 64, &[0; 1400]);
    let (outcome, error) = run(&mut router, 0, &customer);
    assert!(
        matches!(outcome, Outcome::ToTun { segment: 0 }),
        "{outcome:?}"
    );
    assert_eq!(error.len(), 1280);
    assert_eq!(error[40..42], [2, 0]);
    assert_eq!(error[44..48], 1380u32.to_be_bytes());
    let pseudo = Sum::pseudo_v6(
        "2001:db8:ff::1".parse().unwrap(),
        source.parse().unwrap(),
        58,
        1240,
    );
    assert!(pseudo.bytes(&error[40..]).is_valid());
}

#[test]
fn what_has_no_way_is_told_at_once() {
    let cases = [
        (false, DropReason::NoRoute, [3, 0], [1, 0]),
        (true, DropReason::NoPath, [3, 1], [1, 3]),
    ];
    for (known, reason, kind4, kind6) in cases {
        let mut router = Router::new(table(TtlModel::Pipe));
        (0..3).for_each(|index| router.live.set_adjacency(index, Liveness::Down));
        let (to4, to6) = match known {
            true => (B, "2001:db8:2::5"),
            false => ([10, 3, 0, 1], "2001:db8:3::5"),
        };
        let customer = v4(A, to4, 6, 64, &syn(1460));
        let (outcome, error) = run(&mut router, 0, &customer);
        assert!(
            matches!(outcome, Outcome::ToTun { segment: 0 }),
            "{outcome:?}"
        );
        assert_eq!(router.count.drops.pop(), Some(reason));
        let ip = Ipv4::decode(&error).unwrap();
        assert_eq!(ip.destination(), std::net::Ipv4Addr::from(A));
        assert_eq!(ip.payload()[..2], kind4);
        assert!(Sum::default().bytes(ip.payload()).is_valid());
        assert_eq!(&error[28..], &customer[..], "as it came, its TTL too");
        let customer = v6("2001:db8:1::5", to6, 6, 64, &syn(1460));
        let (outcome, error) = run(&mut router, 0, &customer);
        assert!(
            matches!(outcome, Outcome::ToTun { segment: 0 }),
            "{outcome:?}"
        );
        assert_eq!(router.count.drops.pop(), Some(reason));
        assert_eq!(error[40..42], kind6);
        assert_eq!(&error[48..], &customer[..]);
        let answered = (0..200)
            .filter(|_| matches!(run(&mut router, 0, &customer).0, Outcome::ToTun { .. }))
            .count();
        assert_eq!(answered, 48, "what is left of a burst of 50");
    }
}

#[test]
fn no_error_about_errors_later_fragments_or_beyond_the_limit() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let silent = [
        v4(A, B, 1, 1, &[11, 0, 0, 0, 0, 0, 0, 0]),
        v4(A, B, 1, 1, &[]),
        v6(
            "2001:db8:1::5",
            "2001:db8:2::5",
            58,
            1,
            &[1, 0, 0, 0, 0, 0, 0, 0],
        ),
        patched(v4(A, B, 17, 1, &[0; 16]), &[(6, 0), (7, 1)]),
    ];
    for bytes in silent {
        assert_eq!(
            dropped(&mut router, 0, &bytes),
            DropReason::CustomerTtlExpired
        );
    }
    let ping = v4(A, B, 1, 1, &[8, 0, 0, 0, 0, 0, 0, 0]);
    let answered = |router: &mut Router| {
        (0..200)
            .filter(|_| matches!(run(router, 0, &ping).0, Outcome::ToTun { .. }))
            .count()
    };
    assert_eq!(answered(&mut router), 50, "a burst");
    router.now += std::time::Duration::from_millis(10);
    assert_eq!(answered(&mut router), 10, "1,000 a second");
}

#[test]
fn syns_are_clamped_to_the_list() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let mss = |packet: &[u8], at: usize| u16::from_be_bytes([packet[at + 22], packet[at + 23]]);
    for (offered, expected) in [(1460, 1340), (1340, 1340), (536, 536), (0, 0)] {
        let mut segment = syn(offered);
        let pseudo = Sum::pseudo_v4(A.into(), B.into(), 6, 24);
        let checksum = pseudo.bytes(&segment).finish();
        segment[16..18].copy_from_slice(&checksum.to_be_bytes());
        let (_, inner) = sent(&mut router, 0, &v4(A, B, 6, 64, &segment));
        assert_eq!(mss(below(&inner), 20), expected);
        assert!(pseudo.bytes(&below(&inner)[20..]).is_valid());
    }
    let syn6 = v6("2001:db8:1::5", "2001:db8:2::5", 6, 64, &syn(1460));
    let (_, inner) = sent(&mut router, 0, &syn6);
    assert_eq!(mss(below(&inner), 40), 1320);
    let mut ack = syn(1460);
    ack[13] = 0x10;
    let (_, inner) = sent(&mut router, 0, &v4(A, B, 6, 64, &ack));
    assert_eq!(mss(below(&inner), 20), 1460, "only SYNs");
}
