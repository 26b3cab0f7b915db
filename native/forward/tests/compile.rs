//! Checks and compilation of tables, liveness across them, and names of drops.

mod support;

use labelway_boundary::*;
use labelway_forward::{DropReason, Fib, Live, TokenBucket};
use support::*;

fn errors(change: impl FnOnce(&mut Table)) -> Vec<String> {
    let mut table = table(TtlModel::Pipe);
    change(&mut table);
    Fib::compile(&table)
        .map(|_| ())
        .expect_err("a broken table compiled")
}

fn is_shared<T: Send + Sync>() {}

#[test]
fn a_table_is_shared_between_threads() {
    is_shared::<Fib>();
    is_shared::<Live>();
}

#[test]
fn each_fault_is_told_with_its_place() {
    type Change = fn(&mut Table);
    let cases: &[(Change, &str)] = &[
        (
            |t| t.generation = "0123".into(),
            "generation: \"0123\" is not 16",
        ),
        (|t| t.probe.down_after = 0, "probe.down_after: is 0"),
        (
            |t| t.uplinks[1].key = "fibre".into(),
            "uplinks[1].key: fibre is that of uplinks[0]",
        ),
        (
            |t| t.uplinks[0].interface = "sixteen-bytes-xx".into(),
            "uplinks[0].interface: ",
        ),
        (
            |t| t.uplinks[0].device = "a/b".into(),
            "uplinks[0].device: \"a/b\" is no device name",
        ),
        (
            |t| t.uplinks[0].tunnel_address = [224, 0, 0, 1].into(),
            "uplinks[0].tunnel_address: ",
        ),
        (
            |t| t.adjacencies[1].key = t.adjacencies[0].key.clone(),
            "adjacencies[1].key: ",
        ),
        (
            |t| t.adjacencies[0].uplink = 2,
            "adjacencies[0].uplink: 2 is out of range; accepted is 0–1",
        ),
        (
            |t| t.adjacencies[0].remote_key = "AAAA".into(),
            "adjacencies[0].remote_key: is not 32",
        ),
        (
            |t| t.adjacencies[2].remote_key = key(1),
            "adjacencies[2].remote_key: ",
        ),
        (
            |t| t.adjacencies[2].remote_address = [100, 96, 0, 16].into(),
            "adjacencies[2].remote_address: ",
        ),
        (
            |t| t.adjacencies[0].mtu = 100,
            "adjacencies[0].mtu: 100 is not within 576–65507",
        ),
        (
            |t| t.segments[1].service_label = 28001,
            "segments[1].service_label: 28001 is that of",
        ),
        (
            |t| t.segments[0].tun = String::new(),
            "segments[0].tun: \"\" is no device name",
        ),
        (|t| t.segments[0].mtu = 0, "segments[0].mtu: "),
        (
            |t| t.segments[0].local[0] = "10.1.2.3/16".parse().unwrap(),
            "accepted is 10.1.0.0/16",
        ),
        (
            |t| t.segments[0].routes[1].prefix = t.segments[0].routes[0].prefix,
            "segments[0].routes[1].prefix: ",
        ),
        (
            |t| t.segments[0].routes[0].steering = 1,
            "segments[0].routes[0].steering: 1 is out of range",
        ),
        (
            |t| t.segments[0].steerings[0].rules[0].matches.dscp = Some(64),
            "matches.dscp: 64",
        ),
        (
            |t| t.segments[0].steerings[0].rules[1].matches.source_ports = vec![(2, 1)],
            "source_ports[0]: 2–1 is empty",
        ),
        (
            |t| t.segments[0].steerings[0].fallback = Verdict::in_order(vec![7]),
            "steerings[0].fallback.paths.order[0]: 7",
        ),
        (
            |t| {
                t.segments[0].steerings[0].fallback = Verdict::Paths {
                    order: vec![0],
                    equal: 2,
                    keep: vec![9],
                }
            },
            "steerings[0].fallback.paths.keep[0]: 9",
        ),
        (
            |t| {
                t.segments[0].steerings[0].fallback = Verdict::Paths {
                    order: vec![0],
                    equal: 2,
                    keep: vec![],
                }
            },
            "steerings[0].fallback.paths.equal: 2 is not within 0–1",
        ),
        (
            |t| t.labels[1].label = 16001,
            "labels[1].label: 16001 does not follow 16001",
        ),
        (
            |t| t.labels[0].label = 15,
            "labels[0].label: 15 is not within 16–1048575",
        ),
        (
            |t| t.labels[7].label = 1 << 20,
            "labels[7].label: 1048576 is not within",
        ),
        (
            |t| t.labels[0].accept = vec![3],
            "labels[0].accept[0]: 3 is out of range",
        ),
        (
            |t| t.labels[0].accept = vec![1, 0],
            "labels[0].accept: does not ascend",
        ),
        (
            |t| t.labels[4].action = LabelAction::Deliver(2),
            "labels[4].action.deliver: 2 is out of range",
        ),
        (
            |t| t.labels[4].action = LabelAction::Deliver(1),
            "segment \"guest\" has service label 28002",
        ),
        (
            |t| t.labels[1].action = LabelAction::Forward(vec![]),
            "labels[1].action.forward: has no hop",
        ),
        (
            |t| {
                t.labels[1].action = LabelAction::Forward(vec![Hop {
                    adjacency: 0,
                    labels: vec![3],
                }])
            },
            "forward[0].labels[0]: 3",
        ),
        (|t| t.paths[0].lists.clear(), "paths[0].lists: is empty"),
        (
            |t| t.paths[0].lists = vec![3],
            "paths[0].lists[0]: 3 is out of range; accepted is 0–2",
        ),
        (
            |t| t.paths[1].lists = vec![1, 1],
            "paths[1].lists[1].list: 1 is that of paths[1].lists[0]",
        ),
        (
            |t| t.lists[1].key = t.lists[0].key.clone(),
            "lists[1].key: ",
        ),
        (
            |t| t.lists[0].weight = 256,
            "lists[0].weight: 256 is not within 1–255",
        ),
        (
            |t| t.lists[0].labels = vec![16; 9],
            "lists[0].labels: has 9 labels; accepted are up to 8",
        ),
        (
            |t| t.lists[0].return_labels = vec![1],
            "lists[0].return_labels[0]: 1",
        ),
        (
            |t| t.adjacencies[0].remote_uplink = 8,
            "adjacencies[0].remote_uplink: 8 is not within 0–7",
        ),
        (
            |t| t.lists[0].ends = vec![UplinkEnd { site: 3, uplink: 8 }],
            "lists[0].ends[0].uplink: 8 is not within 0–7",
        ),
        (
            |t| t.lists[2].mtu = 1321,
            "lists[2].mtu: 1321 does not fit adjacency \"lte>hub.fibre\"; accepted is up to 1320",
        ),
    ];
    for (change, expected) in cases {
        let errors = errors(change);
        assert!(
            errors.iter().any(|error| error.contains(expected)),
            "{expected}\n{errors:#?}"
        );
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let errors = errors(|table| {
        table.generation.clear();
        table.uplinks.clear();
        table.lists[0].weight = 0;
    });
    assert_eq!(errors.len(), 1 + 3 + 1, "{errors:#?}");
    assert!(errors.iter().any(|error| error.ends_with("there are none")));
}

#[test]
fn liveness_survives_by_key() {
    let before = table(TtlModel::Pipe);
    let live = Live::next(None, &before);
    live.set_adjacency(2, Liveness::Up);
    live.set_list(1, Liveness::Down);
    live.set_suspect(1, true);
    assert_eq!(live.adjacency(0), Liveness::Unknown);
    let mut after = before.clone();
    after.adjacencies.reverse();
    after.lists.rotate_left(1);
    after.lists[1].key = "another".into();
    let next = Live::next(Some(&live), &after);
    assert_eq!(next.adjacency(0), Liveness::Up);
    assert_eq!((next.list(0), next.is_suspect(0)), (Liveness::Down, true));
    assert_eq!(
        (next.list(1), next.is_suspect(1)),
        (Liveness::Unknown, false)
    );
    next.set_list(0, Liveness::Up);
    assert!(live.is_suspect(1), "whatever its probe says");
    // A verdict that is given to the old generation while it goes reaches the new one.
    live.set_adjacency(2, Liveness::Down);
    assert_eq!(next.adjacency(0), Liveness::Down);
    next.set_adjacency(99, Liveness::Up);
    assert_eq!(
        next.adjacency(99),
        Liveness::Unknown,
        "out of range is no one"
    );
}

#[test]
fn neighbours_are_found_by_their_tunnel_address() {
    let fib = Fib::compile(&table(TtlModel::Pipe)).unwrap();
    assert_eq!(fib.adjacency_of(0, [100, 96, 0, 16].into()), Some(0));
    assert_eq!(fib.adjacency_of(1, [100, 96, 0, 16].into()), Some(1));
    assert_eq!(fib.adjacency_of(1, [100, 96, 0, 25].into()), None);
}

#[test]
fn drop_reasons_have_stable_distinct_names() {
    let mut names: Vec<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
    for (index, reason) in DropReason::ALL.iter().enumerate() {
        assert_eq!(reason.index(), index);
        assert!(
            reason
                .name()
                .bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_lowercase())
        );
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), DropReason::ALL.len());
}

#[test]
fn a_token_bucket_refills_with_time_alone() {
    let mut bucket = TokenBucket::new(10, 2);
    let mut at = |millis| bucket.take(std::time::Duration::from_millis(millis));
    assert!(at(1000) && at(1000) && !at(1000));
    assert!(!at(500), "time that runs backwards gives nothing");
    assert!(!at(1099) && at(1100) && !at(1100));
    assert!(
        at(9000) && at(9000) && !at(9000),
        "never more than the burst"
    );
}

#[test]
fn large_tables_compile() {
    let mut table = table(TtlModel::Pipe);
    let hop = |label| Hop {
        adjacency: label % 3,
        labels: vec![label],
    };
    table.labels = (0..10_000u32)
        .map(|index| 200_000 + 7 * index)
        .map(|label| LabelEntry {
            label,
            accept: vec![0, 1],
            action: LabelAction::Forward(vec![hop(label), hop(label + 1)]),
        })
        .collect();
    table.segments[0].routes = (0..10_000u32)
        .map(|index| ipnet::Ipv4Net::new((0x0b00_0000 + (index << 8)).into(), 24).unwrap())
        .map(|prefix| Route {
            prefix: prefix.into(),
            steering: 0,
        })
        .collect();
    let started = std::time::Instant::now();
    let fib = Fib::compile(&table).unwrap();
    println!(
        "10,000 labels and 10,000 prefixes compile in {:?}",
        started.elapsed()
    );
    let mut router = Router::new(table);
    router.fib = fib;
    for index in [0u32, 4_999, 9_999] {
        let [a, b, c, _] = (0x0b00_0000 + (index << 8)).to_be_bytes();
        let customer = v4([10, 1, 0, 1], [a, b, c, 9], 17, 64, b"");
        let mut bytes = buffer(&customer);
        let mut packet = packet(&mut bytes, customer.len());
        let outcome = labelway_forward::ingress(
            &mut router.context(),
            &mut labelway_forward::FlowCache::with_capacity(4),
            0,
            &mut packet,
        );
        assert!(
            matches!(outcome, labelway_forward::Outcome::Send { adjacency: 2 }),
            "{outcome:?}"
        );
        let labels = stack(&[(200_000 + 7 * index, 0, false, 9), (28001, 0, true, 9)]);
        let inner = from_neighbour(&router.table, 1, &labels);
        let mut bytes = buffer(&inner);
        let mut packet = support::packet(&mut bytes, inner.len());
        let outcome = labelway_forward::switch(&mut router.context(), 1, &mut packet);
        assert!(
            matches!(outcome, labelway_forward::Outcome::Send { .. }),
            "{outcome:?}"
        );
        assert_eq!(router.count.labels.pop(), Some((index as usize, 8)));
    }
}
