//! Times of the single steps of forwarding, and of whole packets:
//!
//!     cargo bench -p labelway-forward --bench forward [FILTER]
//!
//! Whole packets (`switch`, `ingress`) are written to, so that their first bytes are made anew for
//! each run; `restore` is what that costs, and is in their figures.

mod scenes;

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use labelway_forward::{FlowCache, Outcome, ingress, steps, switch};
use labelway_wire::Customer;
use scenes::{FROM, Router, Scene, Slot, customer, shuffled, table, to_deliver, to_transit};

/// Where the top entry is in an inner packet.
const TOP: usize = 28;
const TABLES: [(&str, u32); 4] = [
    ("1k", 1_000),
    ("16k", 16_384),
    ("100k", 100_000),
    ("1M", 1_032_000),
];

fn restore(criterion: &mut Criterion) {
    let mut slot = Slot::new(&customer(0, 1));
    criterion.bench_function("restore", |bencher| {
        bencher.iter(|| black_box(slot.packet()).len());
    });
}

/// Top entries for all labels of a table, shuffled, and for a few of them, again and again.
fn entries(labels: u32) -> [(&'static str, Vec<[u8; 4]>); 2] {
    let first = scenes::first_label(labels);
    let entry = |number: u32| ((first + number) << 12 | 200).to_be_bytes();
    let all: Vec<_> = shuffled(labels).into_iter().map(entry).collect();
    let few = all.iter().take(64).copied().cycle().take(1024).collect();
    [("few", few), ("all", all)]
}

/// The next of many, again and again; without a division, which would cost more than what is
/// measured.
struct Round<'a, T>(&'a [T], usize);

impl<T: Copy> Round<'_, T> {
    #[inline]
    fn next(&mut self) -> T {
        self.1 = if self.1 + 1 < self.0.len() {
            self.1 + 1
        } else {
            0
        };
        self.0[self.1]
    }
}

fn labels(criterion: &mut Criterion) {
    for (name, labels) in TABLES {
        let mut router = Router::new(table(Scene {
            labels,
            ..Scene::default()
        }));
        let first = scenes::first_label(labels);
        let mut slot = Slot::new(&to_transit(&router.table, first));
        let mut context = router.context();
        for (which, entries) in entries(labels) {
            let mut entries = Round(&entries, 0);
            criterion.bench_function(&format!("label/find/{name}/{which}"), |bencher| {
                bencher.iter(|| steps::find(context.fib, entries.next()));
            });
            criterion.bench_function(&format!("label/swap/{name}/{which}"), |bencher| {
                bencher.iter(|| {
                    let mut top = entries.next();
                    let adjacency = steps::swap(&context, FROM, &mut top);
                    (top, adjacency)
                });
            });
            criterion.bench_function(&format!("switch/swap/{name}/{which}"), |bencher| {
                bencher.iter(|| {
                    slot.patch(TOP, entries.next());
                    let outcome = switch(&mut context, FROM, &mut slot.packet());
                    assert!(matches!(outcome, Outcome::Send { .. }));
                });
            });
        }
    }
}

fn deliver(criterion: &mut Criterion) {
    for (name, prefixes) in [("1", 1), ("1k", 1_000), ("100k", 100_000)] {
        let mut router = Router::new(table(Scene {
            prefixes,
            ..Scene::default()
        }));
        let mut slot = Slot::new(&to_deliver(&router.table));
        let mut context = router.context();
        criterion.bench_function(&format!("switch/deliver/{name}"), |bencher| {
            bencher.iter(|| {
                let outcome = switch(&mut context, FROM, &mut slot.packet());
                assert!(matches!(outcome, Outcome::Deliver { .. }));
            });
        });
    }
}

/// Labels above the service label, which is the first.
fn push(criterion: &mut Criterion) {
    for pushed in 0..=5 {
        let mut router = Router::new(table(Scene {
            pushed,
            ..Scene::default()
        }));
        let mut flows = FlowCache::default();
        let mut slot = Slot::new(&customer(0, 1));
        let mut context = router.context();
        criterion.bench_function(&format!("ingress/push/{}", pushed + 1), |bencher| {
            bencher.iter(|| {
                let outcome = ingress(&mut context, &mut flows, 0, &mut slot.packet());
                assert!(matches!(outcome, Outcome::Send { .. }));
            });
        });
    }
}

fn classify(criterion: &mut Criterion) {
    for policies in [1, 10, 100, 1_000] {
        let mut router = Router::new(table(Scene {
            policies,
            ..Scene::default()
        }));
        // More flows than there is room for, in turn: none is known when it comes again.
        let packets: Vec<Customer> = (0..40_000)
            .map(|port| Customer::decode(&customer(0, port)).expect("a packet"))
            .collect();
        let context = router.context();
        for (name, count) in [
            ("known", 1),
            ("known-of-4096", 4_096),
            ("new", packets.len()),
        ] {
            let mut flows = FlowCache::default();
            let mut at = 0;
            criterion.bench_function(&format!("classify/{policies}/{name}"), |bencher| {
                bencher.iter(|| {
                    at = if at + 1 < count { at + 1 } else { 0 };
                    steps::classify(&context, &mut flows, 0, &packets[at])
                });
            });
        }
    }
}

fn prefixes(criterion: &mut Criterion) {
    for (name, prefixes) in [
        ("10", 10),
        ("1k", 1_000),
        ("10k", 10_000),
        ("100k", 100_000),
    ] {
        let router = Router::new(table(Scene {
            prefixes,
            ..Scene::default()
        }));
        let addresses: Vec<IpAddr> = shuffled(prefixes)
            .into_iter()
            .map(|number| scenes::remote(number).into())
            .collect();
        let mut addresses = Round(&addresses, 0);
        criterion.bench_function(&format!("prefix/{name}"), |bencher| {
            bencher.iter(|| steps::is_remote(&router.fib, 0, addresses.next()));
        });
    }
}

criterion_group! {
    name = forward;
    // Short: what is measured takes nanoseconds, and the whole is to be over in a few minutes.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30);
    targets = restore, labels, deliver, push, classify, prefixes
}
criterion_main!(forward);
