//! What is coalesced comes apart into the packets that went in, and is what a slow reference that
//! tries every merge puts together.

mod support;

use labelway_offload::fuzzing::round_trip;
use labelway_offload::{Coalescer, VnetHeader};
use proptest::prelude::*;
use support::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn groups_are_those_of_the_reference(
        flows in flows(),
        events in prop::collection::vec((0usize..6, change()), 1..60),
        limit in 2usize..12,
    ) {
        let (packets, names) = traffic(&flows, &events);
        prop_assert_eq!(round_trip(&packets, limit), slow_groups(&packets, &names, limit));
    }
}

/// `count` packets of one flow, one after the other.
fn run(spec: &Spec, size: usize, count: usize) -> Vec<Vec<u8>> {
    traffic(&[(spec.clone(), size)], &vec![(0, Change::None); count]).0
}

fn sizes(packets: &[Vec<u8>]) -> Vec<usize> {
    round_trip(packets, 1000).iter().map(Vec::len).collect()
}

#[test]
fn limits() {
    let tcp = Spec::new(false, TCP, vec![]);
    let udp = Spec::new(false, UDP, vec![]);
    // 40 + 46 × 1,400 = 64,440; one more would be over 65,535.
    assert_eq!(sizes(&run(&tcp, 1400, 100)), [46, 46, 8]);
    assert_eq!(
        sizes(&run(
            &Spec {
                v6: true,
                ..tcp.clone()
            },
            1400,
            100
        )),
        [46, 46, 8]
    );
    assert_eq!(sizes(&run(&tcp, 100, 300)), [300]);
    assert_eq!(sizes(&run(&udp, 100, 150)), [64, 64, 22]);
    // 28 + 65,507 = 65,535 to the byte.
    assert_eq!(sizes(&run(&udp, 5039, 14)), [13, 1]);
    assert_eq!(sizes(&run(&tcp, 13_099, 6)), [5, 1]);
    let limited = round_trip(&run(&tcp, 100, 10), 4);
    assert_eq!(limited, [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]]);
    assert_eq!(round_trip(&run(&tcp, 100, 3), 1).len(), 3);
    assert_eq!(round_trip(&run(&tcp, 100, 3), 0).len(), 3);
}

#[test]
fn flows_side_by_side() {
    let flows: Vec<_> = (0..64)
        .map(|port| {
            let protocol = if port % 3 == 0 { UDP } else { TCP };
            let spec = Spec::new(port % 2 == 0, protocol, vec![]);
            (Spec { port, ..spec }, 300)
        })
        .collect();
    let events: Vec<_> = (0..256).map(|number| (number % 64, Change::None)).collect();
    let (packets, names) = traffic(&flows, &events);
    let groups = round_trip(&packets, 1000);
    assert_eq!(groups, slow_groups(&packets, &names, 1000));
    assert!(groups.len() == 64 && groups.iter().all(|group| group.len() == 4));
}

/// More flows than are kept open at once: fewer merges, the same packets in the same order.
#[test]
fn more_flows_than_there_is_room_for() {
    let flows: Vec<_> = (0..100)
        .map(|port| {
            (
                Spec {
                    port,
                    ..Spec::new(false, TCP, vec![])
                },
                300,
            )
        })
        .collect();
    let one_by_one: Vec<_> = (0..400)
        .map(|number| (number % 100, Change::None))
        .collect();
    assert_eq!(round_trip(&traffic(&flows, &one_by_one).0, 99).len(), 400);
    let in_pairs: Vec<_> = (0..400)
        .map(|number| (number / 2 % 100, Change::None))
        .collect();
    assert_eq!(round_trip(&traffic(&flows, &in_pairs).0, 99).len(), 200);
}

#[test]
fn flags_that_stand_alone() {
    for v6 in [false, true] {
        let with = |flags| {
            let spec = Spec::new(v6, TCP, vec![]);
            sizes(&run(&Spec { flags, ..spec }, 100, 3))
        };
        assert_eq!(with(ACK), [3]);
        assert_eq!(with(ACK | ECE), [3], "the same on all");
        for flag in [FIN, SYN, RST, URG, CWR, PSH] {
            assert_eq!(with(ACK | flag), [1, 1, 1], "{flag:#x}");
        }
        assert_eq!(with(0), [1, 1, 1], "no ACK");
    }
}

/// All ones and zero are both right, but only one of them is what we would write.
#[test]
fn an_ip_checksum_of_all_ones_stays_as_it_is() {
    let identification = (0..=u16::MAX)
        .find(|identification| {
            let spec = Spec::new(false, TCP, vec![0; 100]);
            let packet = Spec {
                identification: *identification,
                ..spec
            }
            .encode();
            be16(&packet, 10) == 0
        })
        .unwrap();
    let spec = Spec::new(false, TCP, vec![]);
    let identification = identification.wrapping_sub(1);
    let mut packets = run(
        &Spec {
            identification,
            ..spec
        },
        100,
        3,
    );
    assert_eq!(sizes(&packets), [3]);
    packets[1][10..12].fill(0xff);
    assert!(is_right(&packets[1]));
    assert_eq!(sizes(&packets), [1; 3]);
}

/// Identifications that are all the same, as Linux sends them with DF from an unconnected socket: the
/// kernel would count them up.
#[test]
fn a_constant_identification_is_not_merged() {
    let packets: Vec<_> = run(&Spec::new(false, UDP, vec![]), 200, 5)
        .into_iter()
        .map(|mut packet| {
            packet[4..6].fill(0);
            complete(&mut packet);
            packet
        })
        .collect();
    assert_eq!(sizes(&packets), [1; 5]);
}

#[test]
fn the_first_packet_gets_the_headers_of_the_whole() {
    let events = [(0, Change::None), (0, Change::Flags(PSH))];
    let (packets, _) = traffic(&[(Spec::new(true, TCP, vec![]), 60)], &events);
    let mut coalescer = Coalescer::with_capacity(8);
    for (id, packet) in packets.iter().enumerate() {
        coalescer.offer(id as u32 + 70, packet);
    }
    let group = coalescer.groups().next().unwrap();
    assert_eq!(group.ids().collect::<Vec<_>>(), [70, 71]);
    let mut first = packets[0].clone();
    let expected = VnetHeader {
        flags: 1,
        gso_type: 4,
        hdr_len: 60,
        gso_size: 60,
        csum_start: 40,
        csum_offset: 16,
    };
    // Again is the same.
    for _ in 0..2 {
        assert_eq!(group.finish(&mut first), expected);
        assert_eq!(be16(&first, 4), 20 + 120);
        assert_eq!(first[53], ACK | PSH);
        let pseudo = [&first[8..40], &[0, 6, 0, 140]].concat();
        assert_eq!(be16(&first, 56), usize::from(slow_sum(&pseudo)));
    }
    assert_eq!(first[60..], packets[0][60..]);
}
