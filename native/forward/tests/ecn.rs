//! ECN from the customer's packet to the inner headers and back (RFC 6040).

mod support;

use labelway_boundary::TtlModel;
use labelway_forward::{DropReason, FlowCache, Outcome, ingress};
use labelway_wire::Customer;
use support::*;

const HERE: [u8; 4] = [10, 1, 0, 5];
const THERE: [u8; 4] = [10, 2, 0, 5];
const NOT_ECT: u8 = 0;
const ECT_1: u8 = 1;
const ECT_0: u8 = 2;
const CE: u8 = 3;

fn router() -> Router {
    Router::new(table(TtlModel::Pipe))
}

/// A customer packet with this traffic class.
fn customer(source: [u8; 4], destination: [u8; 4], class: u8) -> Vec<u8> {
    patched(
        v4(source, destination, 17, 60, &udp(1, 2, b"hello")),
        &[(1, class)],
    )
}

/// What a neighbour sends, in an inner header with these ECN bits.
fn arrives(
    router: &mut Router,
    ecn: u8,
    entries: &[(u32, u8, bool, u8)],
    below: &[u8],
) -> (Outcome, Vec<u8>) {
    let inner = from_neighbour(&router.table, 0, &[&stack(entries)[..], below].concat());
    run(router, 0, &patched(inner, &[(1, ecn)]))
}

/// RFC 6040 §4.1: copied. The DSCP is not, as the underlay has no business with it.
#[test]
fn the_ingress_copies_ecn_alone() {
    for ecn in [NOT_ECT, ECT_1, ECT_0, CE] {
        let bytes = customer(HERE, THERE, 46 << 2 | ecn);
        let v6 = {
            let mut v6 = v6("2001:db8:1::5", "2001:db8:2::5", 59, 9, b"");
            v6[..2].copy_from_slice(&[0x6b, 0x80 | ecn << 4]);
            v6
        };
        for bytes in [bytes, v6] {
            let mut router = router();
            let mut buffer = buffer(&bytes);
            let mut packet = packet(&mut buffer, bytes.len());
            let mut flows = FlowCache::with_capacity(4);
            let outcome = ingress(&mut router.context(), &mut flows, 0, &mut packet);
            assert!(matches!(outcome, Outcome::Send { .. }), "{outcome:?}");
            assert_eq!(packet.bytes()[1], ecn);
            assert!(labelway_wire::Ipv4::decode(packet.bytes()).is_ok());
        }
    }
}

#[test]
fn every_fragment_has_it() {
    let big = v4(HERE, THERE, 17, 60, &udp(1, 2, &[0; 2000]));
    let big = patched(big, &[(1, ECT_0), (6, 0)]);
    let mut router = router();
    let mut buffer = buffer(&big);
    let mut packet = packet(&mut buffer, big.len());
    let mut flows = FlowCache::with_capacity(4);
    let outcome = ingress(&mut router.context(), &mut flows, 0, &mut packet);
    let Outcome::Fragments(mut fragments) = outcome else {
        panic!("{outcome:?}")
    };
    let mut pieces = 0;
    while fragments.next(&mut packet) {
        let customer = Customer::decode(&packet.bytes()[32..]).unwrap();
        assert_eq!((packet.bytes()[1], customer.ecn.bits()), (ECT_0, ECT_0));
        pieces += 1;
    }
    assert_eq!(pieces, 2);
}

#[test]
fn a_transit_site_keeps_what_the_header_came_with() {
    for class in [NOT_ECT, ECT_1, ECT_0, CE, 46 << 2 | ECT_0] {
        let below = customer(THERE, HERE, ECT_0);
        let entries = [(16003, 5, false, 9), (28001, 5, true, 255)];
        let (outcome, bytes) = arrives(&mut router(), class, &entries, &below);
        assert!(matches!(outcome, Outcome::Send { adjacency: 2 }));
        assert_eq!(bytes[1], class & 3);
        assert!(
            bytes.ends_with(&below),
            "the customer's packet is left alone"
        );
    }
}

/// RFC 6040 §4.2, figure 4.
#[test]
fn the_egress_combines_both() {
    let columns = [NOT_ECT, ECT_0, ECT_1, CE];
    let rows = [
        (NOT_ECT, [Some(NOT_ECT), Some(NOT_ECT), Some(NOT_ECT), None]),
        (ECT_0, [Some(ECT_0), Some(ECT_0), Some(ECT_1), Some(CE)]),
        (ECT_1, [Some(ECT_1), Some(ECT_1), Some(ECT_1), Some(CE)]),
        (CE, [Some(CE), Some(CE), Some(CE), Some(CE)]),
    ];
    for (inner, row) in rows {
        for (outer, expected) in columns.into_iter().zip(row) {
            let mut router = router();
            let below = customer(THERE, HERE, 46 << 2 | inner);
            let (outcome, bytes) = arrives(&mut router, outer, &[(28001, 5, true, 255)], &below);
            match expected {
                Some(ecn) => {
                    assert!(matches!(outcome, Outcome::Deliver { segment: 0 }));
                    let expected = patched(below, &[(1, 46 << 2 | ecn), (8, 59)]);
                    assert_eq!(bytes, expected, "{inner} {outer}");
                }
                None => {
                    assert!(matches!(
                        outcome,
                        Outcome::Drop(DropReason::EgressCongested)
                    ));
                    assert_eq!(router.count.drops, [DropReason::EgressCongested]);
                }
            }
        }
    }
}

/// A packet that must not be here is dropped for that, whatever its ECN.
#[test]
fn what_is_not_to_be_delivered_is_not_called_congested() {
    let mut router = router();
    for (below, reason) in [
        (
            customer(THERE, [10, 9, 0, 1], NOT_ECT),
            DropReason::EgressNotLocal,
        ),
        (customer(HERE, HERE, NOT_ECT), DropReason::EgressSpoofed),
    ] {
        let (outcome, _) = arrives(&mut router, CE, &[(28001, 0, true, 255)], &below);
        assert!(
            matches!(outcome, Outcome::Drop(found) if found == reason),
            "{outcome:?}"
        );
    }
}

/// The error is a new packet, which met no congestion: it would be dropped at the egress if it
/// seemed to have, for ICMP is not ECN-capable.
#[test]
fn errors_begin_without_a_mark() {
    let entries = [(16003, 0, false, 1), (28001, 0, true, 255)];
    let mut transit = router();
    let (outcome, bytes) = arrives(&mut transit, CE, &entries, &customer(THERE, HERE, ECT_0));
    assert!(matches!(outcome, Outcome::Send { .. }), "{outcome:?}");
    assert_eq!(transit.count.drops, [DropReason::LabelTtlExpired]);
    assert_eq!(bytes[1], NOT_ECT);

    let expired = patched(customer(THERE, HERE, ECT_0), &[(8, 1)]);
    let (outcome, bytes) = arrives(&mut router(), CE, &[(28001, 0, true, 255)], &expired);
    assert!(matches!(outcome, Outcome::Send { .. }), "{outcome:?}");
    assert_eq!(bytes[1], NOT_ECT);
}
