//! ICMP errors about packets in transit, and their turn at the egress (RFC 3032 §2.3.2).

mod support;

use labelway_boundary::TtlModel;
use labelway_forward::{DropReason, Outcome, switch};
use labelway_wire::Ipv4;
use labelway_wire::checksum::Sum;
use support::*;

const HERE: [u8; 4] = [10, 1, 0, 5];
const THERE: [u8; 4] = [10, 2, 0, 5];
/// Customers of a segment that this router has not got.
const FAR: [[u8; 4]; 2] = [[172, 16, 1, 1], [172, 16, 2, 2]];
const HUB_LOOPBACK: [u8; 4] = [10, 255, 0, 2];

fn run(router: &mut Router, entries: &[(u32, u8, bool, u8)], below: &[u8]) -> (Outcome, Vec<u8>) {
    let inner = from_neighbour(&router.table, 0, &[&stack(entries)[..], below].concat());
    let mut buffer = buffer(&inner);
    let mut packet = packet(&mut buffer, inner.len());
    let outcome = switch(&mut router.context(), 0, &mut packet);
    (outcome, packet.bytes().to_vec())
}

fn is_sent(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Send { adjacency: 2 })
}

#[test]
fn an_expired_label_is_told_along_the_packets_own_stack() {
    for model in [TtlModel::Pipe, TtlModel::Uniform] {
        let mut router = Router::new(table(model));
        let packet = v4(FAR[0], FAR[1], 17, 60, &udp(7, 8, &[1; 900]));
        let entries = [
            (16003, 5, false, 1),
            (16009, 5, false, 3),
            (28009, 5, true, 1),
        ];
        let (outcome, inner) = run(&mut router, &entries, &packet);
        assert!(is_sent(&outcome), "{outcome:?}");
        assert_eq!(router.count.drops, [DropReason::LabelTtlExpired]);
        let expected = [
            (0, 5, false, 254),
            (16009, 5, false, 255),
            (28009, 5, true, 255),
        ];
        assert_eq!(read_stack(&inner[28..]), expected);
        let error = &inner[40..];
        let ip = Ipv4::decode(error).unwrap();
        let addresses = (ip.source().octets(), ip.destination().octets());
        assert_eq!(addresses, ([10, 255, 0, 1], FAR[0]));
        assert_eq!(ip.payload()[..2], [11, 0]);
        assert!(Sum::default().bytes(ip.payload()).is_valid());
        assert_eq!(&error[28..], &packet[..548]);
    }
}

#[test]
fn a_packet_too_big_for_the_next_hop_is_told_how_large_it_may_be() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let entries = [(16003, 0, false, 9), (28009, 0, true, 9)];
    // Adjacency 2 takes 1,392 bytes, two labels among them.
    let fits = v4(FAR[0], FAR[1], 17, 60, &[0; 1384 - 20]);
    assert!(is_sent(&run(&mut router, &entries, &fits).0));
    assert_eq!(router.count.drops, []);
    let packet = v4(FAR[0], FAR[1], 17, 60, &[0; 1385 - 20]);
    let (outcome, inner) = run(&mut router, &entries, &packet);
    assert!(is_sent(&outcome), "{outcome:?}");
    assert_eq!(router.count.drops, [DropReason::LabelledTooBig]);
    assert_eq!(inner[36 + 20..36 + 22], [3, 4]);
    assert_eq!(inner[36 + 26..36 + 28], 1384u16.to_be_bytes());
    let packet = v6("2001:db8:a::1", "2001:db8:b::1", 17, 60, &[0; 1400]);
    let (outcome, inner) = run(&mut router, &entries, &packet);
    assert!(is_sent(&outcome), "{outcome:?}");
    assert_eq!(inner[36 + 40..36 + 42], [2, 0]);
    assert_eq!(inner[36 + 44..36 + 48], 1384u32.to_be_bytes());
}

#[test]
fn nobody_is_told_where_nobody_may_be() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let quoted = v4(FAR[1], FAR[0], 17, 1, b"");
    let error = [&[11, 0, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
    let packet = v4(FAR[0], FAR[1], 17, 60, &udp(1, 2, b""));
    let service = (28009, 0, true, 9);
    let cases = [
        (service, v4(FAR[0], FAR[1], 1, 60, &error)), // about an error
        (service, v4([0, 0, 0, 0], FAR[1], 17, 60, b"")),
        (service, packet[..19].to_vec()),
        ((0, 0, true, 9), packet.clone()), // a probe
    ];
    for (bottom, below) in cases {
        let (outcome, _) = run(&mut router, &[(16003, 0, false, 1), bottom], &below);
        assert!(
            matches!(outcome, Outcome::Drop(DropReason::LabelTtlExpired)),
            "{outcome:?}"
        );
        assert_eq!(router.count.drops.len(), 1, "counted once");
        router.count.drops.clear();
    }
    let free = patched(v4(FAR[0], FAR[1], 17, 60, &[0; 1400]), &[(6, 0)]);
    let (outcome, _) = run(&mut router, &[(16003, 0, false, 9), service], &free);
    assert!(
        matches!(outcome, Outcome::Drop(DropReason::LabelledTooBig)),
        "{outcome:?}"
    );
    let expired = [(16003, 0, false, 1), service];
    let told = (0..200).filter(|_| is_sent(&run(&mut router, &expired, &packet).0));
    assert_eq!(told.count(), 50, "limited as all errors are");
}

#[test]
fn the_egress_turns_an_error_round() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let error = |to, quoted_source, quoted_destination, ttl| {
        let quoted = v4(quoted_source, quoted_destination, 17, 1, &udp(1, 2, b""));
        let icmp = [&[11, 0, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
        v4(HUB_LOOPBACK, to, 1, ttl, &icmp)
    };
    let service = [(28001, 0, true, 255)];
    // THERE sent it here, and the hub between dropped it.
    let good = error(THERE, THERE, HERE, 64);
    let (outcome, inner) = run(&mut router, &service, &good);
    assert!(is_sent(&outcome), "{outcome:?}");
    assert_eq!(router.count.drops, []);
    assert_eq!(read_stack(&inner[28..]), [(28001, 0, true, 255)]);
    assert_eq!(&inner[32..], patched(good, &[(8, 63)]));
    for bad in [
        error(THERE, THERE, HERE, 1),                     // played to and fro
        error(THERE, THERE, [10, 2, 9, 9], 64),           // about what was not for here
        error(THERE, [10, 2, 9, 9], HERE, 64),            // about another's packet
        error([10, 9, 0, 1], [10, 9, 0, 1], HERE, 64),    // to nobody of this segment
        v4(HUB_LOOPBACK, THERE, 17, 64, &udp(1, 2, b"")), // no error at all
    ] {
        let (outcome, _) = run(&mut router, &service, &bad);
        assert!(
            matches!(outcome, Outcome::Drop(DropReason::EgressNotLocal)),
            "{outcome:?}"
        );
    }
    let good = error(THERE, THERE, HERE, 64);
    let turned = (0..200).filter(|_| is_sent(&run(&mut router, &service, &good).0));
    assert_eq!(turned.count(), 49, "limited as all errors are");
}
