//! The paths whose instructions continuous integration counts (`deploy/dev/instructions.ts`).
//!
//!     forward-instructions            names the paths
//!     forward-instructions PATH       runs one of them 1,000 times
//!
//! Under valgrind, what [`counted`] executes is what a path costs; `instructions.json` has what it
//! may cost. A new path is a new line of [`PATHS`].

mod scenes;

use std::hint::black_box;

use labelway_forward::{FlowCache, Outcome, ingress, steps, switch};
use labelway_wire::Customer;
use scenes::{FIRST_LABEL, FROM, Router, Scene, Slot, customer, table, to_deliver, to_transit};

/// The script divides by it.
const RUNS: u16 = 1_000;
const TOP: usize = 28;
const LABELS: u32 = 16_384;

const PATHS: &[(&str, fn())] = &[
    ("swap-step", swap_step),
    ("swap", swap),
    ("deliver", deliver),
    ("push-1", || push(0)),
    ("push-4", || push(3)),
    ("classify-known", || classify(|_| 1)),
    ("classify-new", || classify(|run| run)),
];

fn main() {
    let wanted = std::env::args().nth(1);
    for (name, path) in PATHS {
        match &wanted {
            None => println!("{name}"),
            Some(wanted) if wanted == name => path(),
            Some(_) => {}
        }
    }
}

/// Where valgrind begins and ends to count.
#[inline(never)]
fn counted<T>(path: impl FnOnce() -> T) -> T {
    black_box(path())
}

/// A top entry for one of the labels.
fn entry(run: u16) -> [u8; 4] {
    let label = FIRST_LABEL + u32::from(run) * 7 % LABELS;
    (label << 12 | 200).to_be_bytes()
}

fn transit() -> Router {
    Router::new(table(Scene {
        labels: LABELS,
        ..Scene::default()
    }))
}

fn swap_step() {
    let mut router = transit();
    let context = router.context();
    for run in 0..RUNS {
        let mut top = entry(run);
        let adjacency = counted(|| steps::swap(&context, FROM, &mut top));
        assert!(adjacency.is_some());
    }
}

fn swap() {
    let mut router = transit();
    let mut slot = Slot::new(&to_transit(&router.table, FIRST_LABEL));
    let mut context = router.context();
    for run in 0..RUNS {
        slot.patch(TOP, entry(run));
        let mut packet = slot.packet();
        let outcome = counted(|| switch(&mut context, FROM, &mut packet));
        assert!(matches!(outcome, Outcome::Send { .. }));
    }
}

fn deliver() {
    let mut router = Router::new(table(Scene {
        prefixes: 1_000,
        ..Scene::default()
    }));
    let mut slot = Slot::new(&to_deliver(&router.table));
    let mut context = router.context();
    for _ in 0..RUNS {
        let mut packet = slot.packet();
        let outcome = counted(|| switch(&mut context, FROM, &mut packet));
        assert!(matches!(outcome, Outcome::Deliver { .. }));
    }
}

/// Packets of a known flow, under so many labels and the service label.
fn push(pushed: u32) {
    let mut router = Router::new(table(Scene {
        pushed,
        ..Scene::default()
    }));
    let mut flows = FlowCache::default();
    let mut slot = Slot::new(&customer(0, 1));
    let mut context = router.context();
    for _ in 0..RUNS {
        let mut packet = slot.packet();
        let outcome = counted(|| ingress(&mut context, &mut flows, 0, &mut packet));
        assert!(matches!(outcome, Outcome::Send { .. }));
    }
}

/// Among a thousand policies, of which the last is the flow's.
fn classify(source_port: impl Fn(u16) -> u16) {
    let mut router = Router::new(table(Scene {
        policies: 1_000,
        ..Scene::default()
    }));
    let mut flows = FlowCache::default();
    let context = router.context();
    for run in 0..RUNS {
        let customer = Customer::decode(&customer(0, source_port(run))).expect("a packet");
        let list = counted(|| steps::classify(&context, &mut flows, 0, &customer));
        assert_eq!(list, Some(0));
    }
}
