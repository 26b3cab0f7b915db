//! Times of the single steps of forwarding: `cargo bench -p labelway-forward [FILTER]`.
//!
//! The packet's first bytes are made anew for each run; "restore" is what that costs, and is in the
//! figures of `switch`, `push` and `classify`.

mod scenes;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use labelway_forward::{FlowCache, Outcome, ingress, switch};
use scenes::{FROM, Router, Scene, Slot, customer, shuffled, table, to_deliver, to_transit};

/// Where the top label is in an inner packet.
const TOP: usize = 28;
/// Where the source port is in a customer packet.
const SOURCE_PORT: usize = 20;

fn restore(criterion: &mut Criterion) {
    let mut slot = Slot::new(&customer(0, 1));
    criterion.bench_function("restore", |bencher| {
        bencher.iter(|| black_box(slot.packet()).len());
    });
}

/// A labelled packet of a transit site, in and out.
fn swap(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("switch");
    for (name, labels) in [
        ("1k", 1_000),
        ("16k", 16_384),
        ("100k", 100_000),
        ("1M", 1_032_000),
    ] {
        let mut router = Router::new(table(Scene {
            labels,
            ..Scene::default()
        }));
        let first = scenes::first_label(labels);
        for (how, order) in [("one", vec![0; 1024]), ("random", shuffled(labels))] {
            let entries: Vec<[u8; 4]> = order
                .iter()
                .map(|number| ((first + number) << 12 | 200).to_be_bytes())
                .collect();
            let mut entries = entries.iter().cycle();
            let mut slot = Slot::new(&to_transit(&router.table, first));
            let mut context = router.context();
            group.bench_function(format!("swap/{name}/{how}"), |bencher| {
                bencher.iter(|| {
                    if let Some(entry) = entries.next() {
                        slot.patch(TOP, *entry);
                    }
                    let outcome = switch(&mut context, FROM, &mut slot.packet());
                    assert!(matches!(outcome, Outcome::Send { .. }));
                });
            });
        }
    }
    group.finish();
}

fn deliver(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("switch");
    for prefixes in [1, 1_000, 100_000] {
        let mut router = Router::new(table(Scene {
            prefixes,
            ..Scene::default()
        }));
        let mut slot = Slot::new(&to_deliver(&router.table));
        let mut context = router.context();
        group.bench_function(format!("deliver/{prefixes}"), |bencher| {
            bencher.iter(|| {
                let outcome = switch(&mut context, FROM, &mut slot.packet());
                assert!(matches!(outcome, Outcome::Deliver { .. }));
            });
        });
    }
    group.finish();
}

fn push(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ingress");
    let mut flows = FlowCache::default();
    for pushed in 0..=5 {
        let mut router = Router::new(table(Scene {
            pushed,
            ..Scene::default()
        }));
        let mut slot = Slot::new(&customer(0, 1));
        let mut context = router.context();
        group.bench_function(format!("push/{}", pushed + 1), |bencher| {
            bencher.iter(|| {
                let outcome = ingress(&mut context, &mut flows, 0, &mut slot.packet());
                assert!(matches!(outcome, Outcome::Send { .. }));
            });
        });
    }
    for policies in [1, 10, 100, 1_000] {
        let mut router = Router::new(table(Scene {
            policies,
            ..Scene::default()
        }));
        let mut slot = Slot::new(&customer(0, 1));
        let mut context = router.context();
        group.bench_function(format!("policies/{policies}"), |bencher| {
            bencher.iter(|| {
                let outcome = ingress(&mut context, &mut flows, 0, &mut slot.packet());
                assert!(matches!(outcome, Outcome::Send { .. }));
            });
        });
    }
    for prefixes in [1_000, 10_000, 100_000] {
        let mut router = Router::new(table(Scene {
            prefixes,
            ..Scene::default()
        }));
        let mut slot = Slot::new(&customer(0, 1));
        let order: Vec<[u8; 4]> = shuffled(prefixes).into_iter().map(scenes::remote).collect();
        let mut order = order.iter().cycle();
        let mut context = router.context();
        group.bench_function(format!("prefixes/{prefixes}"), |bencher| {
            bencher.iter(|| {
                if let Some(address) = order.next() {
                    slot.patch(16, *address);
                    slot.patch(10, [0; 2]);
                }
                let outcome = ingress(&mut context, &mut flows, 0, &mut slot.packet());
                black_box(&outcome);
            });
        });
    }
    let _ = SOURCE_PORT;
    group.finish();
}

criterion_group! {
    name = forward;
    // Short: what is measured takes nanoseconds, and the whole is to be over in a minute or two.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30);
    targets = restore, swap, deliver, push
}
criterion_main!(forward);
