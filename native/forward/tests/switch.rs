//! Inner packets from neighbours: transit, egress and this router itself.

mod support;

use labelway_boundary::{Liveness, TtlModel};
use labelway_forward::{DropReason, Outcome};
use labelway_wire::checksum::Sum;
use labelway_wire::{Ipv4, Udp};
use support::*;

const HERE: [u8; 4] = [10, 1, 0, 5];
const THERE: [u8; 4] = [10, 2, 0, 5];

fn customer() -> Vec<u8> {
    v4(THERE, HERE, 17, 60, &udp(7, 8, b"payload"))
}

#[test]
fn transit_swaps_pops_and_repairs() {
    let cases: &[(u32, usize, &[u32])] = &[
        (16002, 2, &[]),                 // node SID, penultimate hop, sent to adjacency 0
        (16003, 0, &[0]),                // swapped for an explicit null
        (16004, 1, &[16004]),            // node SID, swapped for itself
        (100_001, 1, &[]),               // adjacency SID
        (100_002, 0, &[100_007, 16004]), // repair
    ];
    for (label, from, labels) in cases {
        let mut router = Router::new(table(TtlModel::Pipe));
        let entries = [(*label, 5, false, 200), (28009, 3, true, 255)];
        let (outcome, inner) = labelled(&mut router, *from, &entries, b"anything");
        let Outcome::Send { adjacency } = outcome else {
            panic!("{label}: {outcome:?}")
        };
        let out = &router.table.adjacencies[adjacency];
        let ip = Ipv4::decode(&inner).unwrap();
        assert_eq!(ip.destination(), out.remote_address);
        assert_eq!(
            ip.source(),
            router.table.uplinks[out.uplink as usize].tunnel_address
        );
        let udp = Udp::decode(&ip).unwrap();
        assert_eq!(
            (udp.source_port(), udp.destination_port()),
            (50123, 6635),
            "entropy is kept"
        );
        let mut expected: Vec<_> = labels.iter().map(|label| (*label, 5, false, 199)).collect();
        expected.push((28009, 3, true, 255));
        assert_eq!(read_stack(udp.payload()), expected);
        assert!(udp.payload().ends_with(b"anything"));
        assert_eq!(router.count.labels.len(), 1);
        assert_eq!(router.count.labels[0].1, 16, "stack and payload");
    }
}

#[test]
fn the_first_hop_that_is_up_is_taken_and_never_the_way_back() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let entries = [(16003, 0, false, 9), (28001, 0, true, 9)];
    router.live.set_adjacency(2, Liveness::Down);
    assert_eq!(
        dropped(&mut router, 0, &entries, b""),
        DropReason::WouldReturn
    );
    let (outcome, inner) = labelled(&mut router, 1, &entries, b"");
    assert!(
        matches!(outcome, Outcome::Send { adjacency: 0 }),
        "{outcome:?}"
    );
    assert_eq!(read_stack(&inner[28..])[0], (16003, 0, false, 8));
    router.live.set_adjacency(0, Liveness::Down);
    assert_eq!(
        dropped(&mut router, 1, &entries, b""),
        DropReason::NextHopDown
    );
}

#[test]
fn the_uniform_model_carries_the_ttl_through_pops() {
    let mut router = Router::new(table(TtlModel::Uniform));
    // Penultimate-hop pop: 40 − 1 goes on below.
    let (_, inner) = labelled(
        &mut router,
        0,
        &[(100_001, 0, false, 40), (28001, 2, true, 63)],
        b"",
    );
    assert_eq!(read_stack(&inner[28..]), [(28001, 2, true, 39)]);
    // Own node SID, explicit null, adjacency SID: one router, one hop.
    let entries = [
        (16001, 0, false, 30),
        (0, 0, false, 60),
        (16004, 1, false, 60),
        (28001, 0, true, 63),
    ];
    let (outcome, inner) = labelled(&mut router, 2, &entries, b"");
    assert!(
        matches!(outcome, Outcome::Send { adjacency: 0 }),
        "{outcome:?}"
    );
    assert_eq!(
        read_stack(&inner[28..]),
        [(16004, 1, false, 29), (28001, 0, true, 63)]
    );
    // At the egress into the customer's packet, and never upwards.
    for (label, customer_ttl, expected) in [(30, 60, 29), (255, 60, 59)] {
        let packet = v4(THERE, HERE, 17, customer_ttl, b"");
        let (outcome, out) = labelled(&mut router, 0, &[(28001, 0, true, label)], &packet);
        assert!(
            matches!(outcome, Outcome::Deliver { segment: 0 }),
            "{outcome:?}"
        );
        assert_eq!(Ipv4::decode(&out).unwrap().ttl(), expected);
    }
}

#[test]
fn the_pipe_model_hides_it() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let entries = [(16001, 0, false, 2), (28001, 0, true, 9)];
    let (outcome, out) = labelled(&mut router, 2, &entries, &customer());
    assert!(
        matches!(outcome, Outcome::Deliver { segment: 0 }),
        "{outcome:?}"
    );
    assert_eq!(out, patched(customer(), &[(8, 59)]));
    assert_eq!(
        router.count.labels,
        [(0, 8 + out.len()), (4, 4 + out.len())]
    );
    let (_, inner) = labelled(
        &mut router,
        0,
        &[(100_001, 0, false, 40), (28001, 2, true, 63)],
        b"",
    );
    assert_eq!(read_stack(&inner[28..]), [(28001, 2, true, 63)]);
}

#[test]
fn explicit_nulls_are_passed_over_wherever_they_are() {
    let mut router = Router::new(table(TtlModel::Pipe));
    for null in [0, 2] {
        let entries = [(null, 0, false, 9), (28001, 0, true, 9)];
        let (outcome, _) = labelled(&mut router, 1, &entries, &customer());
        assert!(
            matches!(outcome, Outcome::Deliver { segment: 0 }),
            "{outcome:?}"
        );
    }
}

#[test]
fn bad_stacks_are_dropped_for_their_reason() {
    use DropReason::*;
    let mut router = Router::new(table(TtlModel::Pipe));
    let deep = [(16001, 0, false, 9); 17];
    type Case<'a> = (usize, &'a [(u32, u8, bool, u8)], DropReason);
    let cases: &[Case<'_>] = &[
        (0, &[], StackWithoutBottom),
        (0, &[(16001, 0, false, 9)], StackWithoutBottom),
        (0, &deep, StackTooDeep),
        (0, &[(16999, 0, true, 9)], UnknownLabel),
        (0, &[(1_048_575, 0, true, 9)], UnknownLabel),
        (2, &[(28002, 0, true, 9)], LabelNotAccepted),
        (
            2,
            &[(100_001, 0, false, 9), (28001, 0, true, 9)],
            LabelNotAccepted,
        ),
        (
            0,
            &[(28001, 0, false, 9), (28001, 0, true, 9)],
            ServiceLabelNotBottom,
        ),
        (0, &[(16001, 0, true, 9)], BottomLabelNotService),
        (0, &[(16003, 0, true, 9)], BottomLabelNotService),
        (0, &[(3, 0, true, 9)], ImplicitNullOnWire),
        (
            0,
            &[
                (100_001, 0, false, 9),
                (3, 0, false, 9),
                (28001, 0, true, 9),
            ],
            ImplicitNullOnWire,
        ),
        (0, &[(1, 0, true, 9)], SpecialPurposeLabel),
        (
            0,
            &[(7, 0, false, 9), (28001, 0, true, 9)],
            SpecialPurposeLabel,
        ),
        (
            0,
            &[(16003, 0, false, 1), (28001, 0, true, 9)],
            LabelTtlExpired,
        ),
        (
            0,
            &[(16003, 0, false, 0), (28001, 0, true, 9)],
            LabelTtlExpired,
        ),
        (
            0,
            &[(16001, 0, false, 1), (28001, 0, true, 9)],
            LabelTtlExpired,
        ),
        (0, &[(0, 0, true, 1)], LabelTtlExpired),
        (0, &[(28001, 0, true, 1)], LabelTtlExpired),
    ];
    for (from, entries, reason) in cases {
        // An error about a customer packet would be sent: tests/transit.rs.
        let below: &[u8] = match reason {
            StackWithoutBottom => b"abc",
            LabelTtlExpired if entries.len() > 1 => b"abc",
            _ => &customer(),
        };
        assert_eq!(
            dropped(&mut router, *from, entries, below),
            *reason,
            "{entries:?}"
        );
    }
    let big = vec![0; 1392 - 4];
    let entries = [(16003, 0, false, 9), (28001, 0, true, 9)];
    assert_eq!(dropped(&mut router, 0, &entries, &big), LabelledTooBig);
}

#[test]
fn nothing_crosses_into_another_segment_or_under_a_false_name() {
    use DropReason::*;
    let mut router = Router::new(table(TtlModel::Pipe));
    let label = [(28001, 0, true, 9)];
    let cases = [
        (v4(THERE, [192, 168, 1, 5], 17, 60, b""), EgressNotLocal),
        (v4(THERE, [10, 1, 99, 5], 17, 60, b""), EgressNotLocal), // a longer prefix elsewhere
        (v4([10, 9, 0, 1], HERE, 17, 60, b""), EgressSpoofed),
        (v4([10, 1, 0, 9], HERE, 17, 60, b""), EgressSpoofed), // ours
        (
            v6("2001:db8:9::1", "2001:db8:1::1", 17, 60, b""),
            EgressSpoofed,
        ),
        (vec![], CustomerMalformed),
        (vec![0x45; 10], CustomerMalformed),
    ];
    for (packet, reason) in cases {
        assert_eq!(dropped(&mut router, 0, &label, &packet), reason);
    }
    // In segment 1 everything but its own prefix is remote.
    let guest = v4([10, 1, 0, 9], [192, 168, 1, 5], 17, 60, b"");
    let (outcome, _) = labelled(&mut router, 0, &[(28002, 0, true, 9)], &guest);
    assert!(
        matches!(outcome, Outcome::Deliver { segment: 1 }),
        "{outcome:?}"
    );
    let own = v4([192, 168, 1, 9], [192, 168, 1, 5], 17, 60, b"");
    assert_eq!(
        dropped(&mut router, 0, &[(28002, 0, true, 9)], &own),
        EgressSpoofed
    );
}

#[test]
fn errors_from_routers_on_the_way_reach_the_customer() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let label = [(28001, 0, true, 9)];
    let error = |source, destination| {
        let quoted = v4(source, destination, 17, 1, &udp(1, 2, b""));
        let icmp = [&[11, 0, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
        v4([10, 255, 0, 3], HERE, 1, 60, &icmp)
    };
    let (outcome, _) = labelled(&mut router, 0, &label, &error(HERE, THERE));
    assert!(
        matches!(outcome, Outcome::Deliver { segment: 0 }),
        "{outcome:?}"
    );
    for false_quote in [
        error([10, 1, 0, 6], THERE),
        error(HERE, [10, 9, 0, 1]),
        error(HERE, HERE),
    ] {
        assert_eq!(
            dropped(&mut router, 0, &label, &false_quote),
            DropReason::EgressSpoofed
        );
    }
    let quoted = v6("2001:db8:1::5", "2001:db8:2::5", 17, 1, b"");
    let icmp = [&[3, 0, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
    let error6 = v6("2001:db8:ff::3", "2001:db8:1::5", 58, 60, &icmp);
    let (outcome, _) = labelled(&mut router, 0, &label, &error6);
    assert!(
        matches!(outcome, Outcome::Deliver { segment: 0 }),
        "{outcome:?}"
    );
}

#[test]
fn a_ttl_that_ends_at_the_egress_is_told_to_the_other_site() {
    for (model, label_ttl, customer_ttl) in [
        (TtlModel::Pipe, 255, 1),
        (TtlModel::Uniform, 1, 60),
        (TtlModel::Uniform, 9, 1),
    ] {
        let mut router = Router::new(table(model));
        let packet = v4(THERE, HERE, 17, customer_ttl, &udp(7, 8, b"payload"));
        let (outcome, inner) = labelled(&mut router, 0, &[(28001, 0, true, label_ttl)], &packet);
        assert!(
            matches!(outcome, Outcome::Send { adjacency: 2 }),
            "{outcome:?}"
        );
        assert_eq!(router.count.drops, [DropReason::CustomerTtlExpired]);
        assert_eq!(read_stack(&inner[28..])[0].0, 28001);
        let error = &inner[32..];
        let ip = Ipv4::decode(error).unwrap();
        assert_eq!(
            (ip.source(), ip.destination()),
            ([10, 255, 0, 1].into(), THERE.into())
        );
        assert_eq!(ip.payload()[..2], [11, 0]);
        assert_eq!(&error[28..], &packet[..]);
    }
}

#[test]
fn syns_are_clamped_to_the_segment() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let packet = v4(THERE, HERE, 6, 60, &syn(1460));
    let (_, out) = labelled(&mut router, 0, &[(28001, 0, true, 9)], &packet);
    assert_eq!(out[42..44], 1320u16.to_be_bytes());
}

#[test]
fn inner_headers_are_checked() {
    use DropReason::*;
    let mut router = Router::new(table(TtlModel::Pipe));
    let payload = [&stack(&[(28001, 0, true, 9)])[..], &customer()].concat();
    let good = from_neighbour(&router.table, 0, &payload);
    let checksummed = |value: u16| {
        let mut bytes = good.clone();
        bytes[26..28].copy_from_slice(&value.to_be_bytes());
        bytes
    };
    let right = {
        let length = (good.len() - 20) as u16;
        let pseudo = Sum::pseudo_v4([100, 96, 0, 16].into(), [100, 96, 0, 8].into(), 17, length);
        pseudo.bytes(&good[20..]).finish()
    };
    let padded = [&good[..], &[0; 15]].concat();
    for accepted in [good.clone(), padded, checksummed(right)] {
        let (outcome, out) = run(&mut router, 0, &accepted);
        assert!(
            matches!(outcome, Outcome::Deliver { segment: 0 }),
            "{outcome:?}"
        );
        assert_eq!(out.len(), customer().len(), "padding is cut");
    }
    let mut other_port = good.clone();
    other_port[22..24].copy_from_slice(&6636u16.to_be_bytes());
    let mut long_udp = good.clone();
    long_udp[25] += 1;
    let cases = [
        (0, vec![], InnerMalformed),
        (0, vec![0x60; 60], InnerMalformed),
        (0, good[..good.len() - 1].to_vec(), InnerMalformed),
        (0, long_udp, InnerMalformed),
        (0, patched(good.clone(), &[(15, 99)]), InnerWrongSource),
        (2, good.clone(), InnerWrongSource),
        (1, good.clone(), InnerWrongDestination),
        (0, patched(good.clone(), &[(6, 0x20)]), InnerFragment),
        (0, patched(good.clone(), &[(9, 6)]), InnerUnknownProtocol),
        (0, other_port, InnerUnknownProtocol),
        (0, checksummed(right ^ 1), InnerBadChecksum),
        (3, good.clone(), UnknownAdjacency),
    ];
    for (from, bytes, reason) in cases {
        let (outcome, _) = run(&mut router, from, &bytes);
        assert!(
            matches!(outcome, Outcome::Drop(found) if found == reason),
            "{reason} {outcome:?}"
        );
    }
}
