//! The flow cache changes nothing but the time that it takes, and that flows may stay where they are.

mod support;

use std::collections::HashMap;

use labelway_boundary::*;
use labelway_forward::{DropReason, Fib, FlowCache, Live, ingress};
use proptest::prelude::*;
use support::*;

#[derive(Debug, Clone)]
enum Step {
    Packet {
        segment: usize,
        bytes: Vec<u8>,
    },
    Adjacency(usize, Liveness),
    List(usize, Liveness),
    Suspect(usize, bool),
    /// Another table takes over, with what is known of liveness.
    Table(usize),
}

/// Tables whose rules, lists and TTL models differ, and whose indices mean different things.
fn tables() -> Vec<Table> {
    let mut other = table(TtlModel::Uniform);
    other.lists.reverse();
    for path in &mut other.paths {
        path.lists.iter_mut().for_each(|list| *list = 2 - *list);
    }
    let steering = &mut other.segments[0].steerings[0];
    steering.rules.reverse();
    steering.rules[0].matches.destination_ports = vec![(9, 9), (50, 60)];
    steering.rules.push(Rule {
        policy: "from the web".into(),
        matches: Match {
            source: Some("10.1.0.0/17".parse().unwrap()),
            source_ports: vec![(80, 80)],
            ..Match::default()
        },
        verdict: Verdict::in_order(vec![1]),
    });
    let mut swapped = table(TtlModel::Pipe);
    swapped.segments.swap(0, 1);
    for entry in &mut swapped.labels {
        if let LabelAction::Deliver(segment) = &mut entry.action {
            *segment = 1 - *segment;
        }
    }
    vec![table(TtlModel::Pipe), other, swapped]
}

/// Few of everything, so that packets come that differ in one thing alone.
fn customer() -> impl Strategy<Value = Vec<u8>> {
    let address = |usual: [u8; 4], others: Vec<[u8; 4]>| prop_oneof![9 => Just(usual), 1 => prop::sample::select(others)];
    let source = address([10, 1, 0, 5], vec![[10, 1, 200, 5], [127, 0, 0, 1]]);
    let destination = address(
        [10, 2, 0, 5],
        vec![[10, 2, 0, 6], [9, 9, 9, 9], [224, 0, 0, 1]],
    );
    let ports = prop::sample::select(vec![(80u16, 53u16), (81, 53), (80, 9)]);
    let header = (
        prop::sample::select(vec![17u8, 17, 6, 1]),
        // DSCP 0 and 46, with and without ECN.
        prop::sample::select(vec![0u8, 1, 46 << 2, 46 << 2 | 2]),
        // DF, the first fragment, a later one.
        prop::sample::select(vec![[0x40, 0], [0x20, 0], [0, 9]]),
        prop_oneof![1 => 0u8..3, 9 => Just(64u8)],
    );
    let size = prop_oneof![9 => Just(8usize), 1 => Just(1400usize)];
    let v4 = (source, destination, ports, header, size).prop_map(
        |(source, destination, (from, to), (protocol, class, fragment, ttl), size)| {
            let upper = udp(from, to, &vec![0; size]);
            let packet = v4(source, destination, protocol, ttl, &upper);
            patched(packet, &[(1, class), (6, fragment[0]), (7, fragment[1])])
        },
    );
    let v6 = (0u16..2, 0u16..2, 52u16..54).prop_map(|(source, destination, to)| {
        let source = format!("2001:db8:1::{source}");
        let destination = format!("2001:db8:2::{destination}");
        v6(&source, &destination, 17, 9, &udp(80, to, b""))
    });
    prop_oneof![5 => v4, 1 => v6]
}

fn step() -> impl Strategy<Value = Step> {
    let state = || prop::sample::select(vec![Liveness::Up, Liveness::Down, Liveness::Unknown]);
    prop_oneof![
        40 => (prop::sample::select(vec![0usize, 0, 1, 2]), customer()).prop_map(|(segment, bytes)| Step::Packet { segment, bytes }),
        2 => (0usize..3, state()).prop_map(|(index, state)| Step::Adjacency(index, state)),
        2 => (0usize..3, state()).prop_map(|(index, state)| Step::List(index, state)),
        2 => (0usize..3, any::<bool>()).prop_map(|(index, suspect)| Step::Suspect(index, suspect)),
        1 => (0usize..3).prop_map(Step::Table),
    ]
}

/// Outcome, packet and counts.
fn forward(
    fib: &Fib,
    live: &Live,
    flows: &mut FlowCache,
    segment: usize,
    bytes: &[u8],
) -> (String, Vec<u8>, Counted) {
    let mut count = Counted::default();
    let mut context = labelway_forward::Context {
        fib,
        live,
        icmp: &mut labelway_forward::TokenBucket::default(),
        now: Default::default(),
        count: &mut count,
    };
    let mut buffer = buffer(bytes);
    let mut packet = packet(&mut buffer, bytes.len());
    let outcome = ingress(&mut context, flows, segment, &mut packet);
    let outcome = format!("{outcome:?}");
    (outcome, packet.bytes().to_vec(), count)
}

/// What a packet's flow is: everything but its length, TTL, ECN and payload.
fn flow(segment: usize, bytes: &[u8]) -> (usize, Vec<u8>) {
    let mut key = bytes.to_vec();
    if bytes[0] >> 4 == 4 {
        let fragment = u8::from(bytes[6] & 0x20 != 0 || bytes[7] != 0);
        let has_ports = [6, 17].contains(&bytes[9]) && bytes[7] == 0;
        key = vec![bytes[1] >> 2, fragment, bytes[9]];
        key.extend(&bytes[12..if has_ports { 24 } else { 20 }]);
    }
    (segment, key)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Or the flow stays on the list that it had, which is up.
    #[test]
    fn what_is_cached_is_what_would_be_decided(
        capacity in prop::sample::select(vec![1usize, 8, 1024]),
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let tables = tables();
        let mut at = 0;
        // None: its last packet did not leave, so that nobody knows.
        let mut had: HashMap<(usize, Vec<u8>), Option<String>> = HashMap::new();
        let mut fib = Fib::compile(&tables[0]).unwrap();
        let mut live = Live::next(None, &tables[0]);
        (0..3).for_each(|index| live.set_adjacency(index, Liveness::Up));
        (0..3).for_each(|index| live.set_list(index, Liveness::Up));
        let mut flows = FlowCache::with_capacity(capacity);
        for step in steps {
            match step {
                Step::Packet { segment, bytes } => {
                    let cached = forward(&fib, &live, &mut flows, segment, &bytes);
                    let mut none = FlowCache::with_capacity(1);
                    let decided = forward(&fib, &live, &mut none, segment, &bytes);
                    let list = cached.2.lists.first().map(|(list, _)| &tables[at].lists[*list]);
                    let flow = flow(segment, &bytes);
                    if cached != decided {
                        let Some(list) = list else {
                            // For the list that it has, the other's may be larger.
                            prop_assert_eq!(&cached.2.drops, &[DropReason::TooBig]);
                            prop_assert!(had.contains_key(&flow));
                            had.insert(flow, None);
                            continue;
                        };
                        let before = had.get(&flow).expect("it has been seen").as_ref();
                        prop_assert!(before.is_none_or(|before| *before == list.key));
                        let index = tables[at].lists.iter().position(|one| one == list).unwrap();
                        prop_assert_eq!(live.adjacency(list.adjacency as usize), Liveness::Up);
                        let up = list.labels.is_empty() || live.list(index) == Liveness::Up;
                        prop_assert!(up, "it stays where nothing arrives");
                    }
                    had.insert(flow, list.map(|list| list.key.clone()));
                }
                Step::Adjacency(index, state) => live.set_adjacency(index, state),
                Step::List(index, state) => live.set_list(index, state),
                Step::Suspect(index, suspect) => live.set_suspect(index, suspect),
                Step::Table(index) => {
                    live = Live::next(Some(&live), &tables[index]);
                    fib = Fib::compile(&tables[index]).unwrap();
                    at = index;
                }
            }
        }
    }
}

/// The old table's liveness goes on being flipped by whoever still holds it.
#[test]
fn a_flip_by_another_generation_counts() {
    let table = table(TtlModel::Pipe);
    let fib = Fib::compile(&table).unwrap();
    let before = Live::next(None, &table);
    (0..3).for_each(|index| before.set_adjacency(index, Liveness::Up));
    (0..3).for_each(|index| before.set_list(index, Liveness::Up));
    let live = Live::next(Some(&before), &table);
    let mut flows = FlowCache::default();
    let bytes = v4([10, 1, 0, 5], [10, 2, 0, 5], 17, 64, &udp(1, 2, b"hi"));
    let (_, _, count) = forward(&fib, &live, &mut flows, 0, &bytes);
    assert_eq!(count.lists, [(0, bytes.len())]);
    before.set_adjacency(2, Liveness::Down);
    let (_, _, count) = forward(&fib, &live, &mut flows, 0, &bytes);
    assert_ne!(count.lists[0].0, 0, "list 0 leads over adjacency 2");
}

/// Which list each of 200 flows takes, by its key.
fn places(table: &Table, fib: &Fib, live: &Live, flows: &mut FlowCache) -> Vec<String> {
    let list = |port| {
        let bytes = v4([10, 1, 0, 5], [10, 2, 0, 5], 17, 64, &udp(port, 2, b"hi"));
        let (_, _, count) = forward(fib, live, flows, 0, &bytes);
        table.lists[count.lists[0].0].key.clone()
    };
    (0..200).map(list).collect()
}

#[test]
fn flows_stay_on_kept_paths_when_a_table_ranks_another_first() {
    let verdict = |order: &[u32], keep: &[u32]| Verdict::Paths {
        order: order.into(),
        equal: 1,
        keep: keep.into(),
    };
    let with = |verdict: Verdict| {
        let mut table = table(TtlModel::Pipe);
        table.segments[0].steerings[0].fallback = verdict;
        table
    };
    let before = with(verdict(&[0, 1], &[]));
    let direct = before.lists[0].key.clone();
    let live = Live::next(None, &before);
    (0..3).for_each(|index| live.set_adjacency(index, Liveness::Up));
    (0..3).for_each(|index| live.set_list(index, Liveness::Up));
    let mut flows = FlowCache::default();
    let fib = Fib::compile(&before).unwrap();
    let all = |places: Vec<String>| places.iter().all(|place| *place == direct);
    assert!(all(places(&before, &fib, &live, &mut flows)));

    // Another number for the same list, too.
    let mut kept = with(verdict(&[1, 0], &[0]));
    kept.lists.rotate_left(1);
    for path in &mut kept.paths {
        path.lists
            .iter_mut()
            .for_each(|list| *list = (*list + 2) % 3);
    }
    let live = Live::next(Some(&live), &kept);
    let fib = Fib::compile(&kept).unwrap();
    assert!(all(places(&kept, &fib, &live, &mut flows)), "they stay");
    let fresh = places(&kept, &fib, &live, &mut FlowCache::default());
    assert!(
        fresh.iter().all(|place| *place != direct),
        "new ones do not"
    );

    live.set_adjacency(2, Liveness::Down);
    let moved = places(&kept, &fib, &live, &mut flows);
    assert_eq!(moved, fresh, "until it dies");
    live.set_adjacency(2, Liveness::Up);
    assert_eq!(places(&kept, &fib, &live, &mut flows), fresh, "for good");

    let back = with(verdict(&[0, 1], &[]));
    let live = Live::next(Some(&live), &back);
    let fib = Fib::compile(&back).unwrap();
    assert!(
        all(places(&back, &fib, &live, &mut flows)),
        "kept no longer"
    );
}
