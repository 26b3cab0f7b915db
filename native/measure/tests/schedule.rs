//! Rates, fairness and bounds of the schedule on a simulated clock.

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::Random;
use labelway_measure::{Budget, Due, Intervals, Path, PathId, Rank, Schedule};
use proptest::prelude::*;

fn path(rank: Rank) -> Path {
    Path {
        rank,
        bytes: 2 * 62,
        classes: 1,
    }
}

struct Run {
    schedule: Schedule,
    random: Random,
    now: Duration,
    sent: Vec<(Duration, Due)>,
}

impl Run {
    fn new(intervals: Intervals, budget: Budget) -> Self {
        let now = Duration::from_secs(1);
        Run {
            schedule: Schedule::new(intervals, budget, now),
            random: Random(3),
            now,
            sent: vec![],
        }
    }

    fn insert(&mut self, path: Path) -> PathId {
        let random = &mut self.random;
        self.schedule
            .insert(path, self.now, &mut || random.next() as u32)
    }

    /// Wakes only when the schedule says so.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        let random = &mut self.random;
        let mut idle = 0;
        while let Some(next) = self.schedule.next_timeout() {
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            let before = self.sent.len();
            while let Some(due) = self.schedule.poll(self.now, &mut || random.next() as u32) {
                self.sent.push((self.now, due));
            }
            idle = if self.sent.len() == before {
                idle + 1
            } else {
                0
            };
            assert!(idle < 2, "woken for nothing at {:?}", self.now);
        }
        self.now = end;
    }

    fn counts(&self) -> BTreeMap<PathId, usize> {
        let mut counts = BTreeMap::new();
        for (_, due) in &self.sent {
            *counts.entry(due.path).or_default() += 1;
        }
        counts
    }

    /// Most probes within any stretch of so long.
    fn most_within(&self, time: Duration) -> usize {
        let mut first = 0;
        (0..self.sent.len())
            .map(|last| {
                while self.sent[first].0 + time < self.sent[last].0 {
                    first += 1;
                }
                last + 1 - first
            })
            .max()
            .unwrap_or(0)
    }
}

#[test]
fn within_the_budget_everybody_has_the_interval_of_its_rank() {
    let mut run = Run::new(Intervals::default(), Budget::default());
    let ids = Rank::ALL.map(|rank| run.insert(path(rank)));
    run.run(Duration::from_secs(100));
    let counts = run.counts();
    let near = |id: PathId, wanted: usize| counts[&id].abs_diff(wanted) <= wanted / 50 + 1;
    assert!(
        ids.iter()
            .zip([50_000, 10_000, 2000, 100, 10])
            .all(|(id, wanted)| near(*id, wanted)),
        "{counts:?}"
    );
}

/// The case that the budget is made for: 1,000 sites with 4 paths, one of each in use.
#[test]
fn four_thousand_paths_keep_to_the_budget() {
    let budget = Budget::default();
    let mut run = Run::new(Intervals::default(), budget);
    let mut ids = vec![];
    for index in 0..4000 {
        let rank = [Rank::InUse, Rank::Candidate, Rank::Rest, Rank::Rest][index % 4];
        ids.push((
            run.insert(Path {
                bytes: 2 * 150,
                ..path(rank)
            }),
            rank,
        ));
    }
    run.run(Duration::from_secs(60));
    let seconds = 1.0;
    let most = run.most_within(Duration::from_secs(1)) as f64;
    assert!(
        most * 2.0 <= 10_000.0 * (seconds + 0.1),
        "{most} probes within a second"
    );
    assert!(
        most * 300.0 * 8.0 <= 5_000_000.0 * (seconds + 0.1) + 300.0 * 8.0,
        "{most}"
    );
    let bits = run.sent.len() as f64 * 300.0 * 8.0 / 60.0;
    assert!(
        bits > 0.85 * 5_000_000.0,
        "most of it is used: {bits} bit/s"
    );
    // Fair: paths of one rank have nearly as many each; the better rank has more.
    let counts = run.counts();
    let of = |rank| {
        let all: Vec<usize> = ids
            .iter()
            .filter(|(_, r)| *r == rank)
            .map(|(id, _)| counts.get(id).copied().unwrap_or(0))
            .collect();
        (*all.iter().min().unwrap(), *all.iter().max().unwrap())
    };
    let (in_use, candidate, rest) = (of(Rank::InUse), of(Rank::Candidate), of(Rank::Rest));
    println!("probes in a minute: in use {in_use:?}, candidates {candidate:?}, rest {rest:?}");
    for (least, most) in [in_use, candidate, rest] {
        assert!(least + 2 + most / 10 >= most, "{least} to {most}");
        assert!(least > 0, "nobody is forgotten");
    }
    assert!(in_use.0 > candidate.1 && candidate.0 > rest.1);
    // No bursts, although all were added at once: over 10 ms little more than twice the mean.
    run.sent.retain(|(at, _)| *at > Duration::from_secs(31));
    let burst = run.most_within(Duration::from_millis(10));
    let mean = run.sent.len() as f64 / 3000.0;
    println!("within 10 ms {mean} in the mean, {burst} at most");
    assert!(burst as f64 <= 2.5 * mean, "{burst}");
}

#[test]
fn a_path_that_comes_into_use_is_probed_at_once() {
    let mut run = Run::new(Intervals::default(), Budget::default());
    let id = run.insert(path(Rank::Rest));
    run.run(Duration::from_secs(20));
    run.sent.clear();
    let random = &mut run.random;
    run.schedule
        .update(id, path(Rank::InUse), run.now, &mut || random.next() as u32);
    run.run(Duration::from_secs(1));
    assert!(run.sent.len() >= 18, "{}", run.sent.len());
}

#[test]
fn every_class_in_use_has_its_turn() {
    let mut run = Run::new(Intervals::default(), Budget::default());
    run.insert(Path {
        classes: 0b1010_0001,
        ..path(Rank::InUse)
    });
    run.insert(Path {
        classes: 0,
        ..path(Rank::Rest)
    });
    run.run(Duration::from_secs(3));
    let classes: Vec<u8> = run
        .sent
        .iter()
        .filter(|(_, due)| due.path == run.sent[0].1.path)
        .map(|(_, due)| due.class)
        .take(6)
        .collect();
    assert_eq!(classes, [0, 5, 7, 0, 5, 7]);
}

#[test]
fn a_thread_that_was_held_up_does_not_make_up_for_it() {
    let mut run = Run::new(Intervals::default(), Budget::default());
    for _ in 0..20 {
        run.insert(path(Rank::InUse));
    }
    run.run(Duration::from_secs(1));
    run.sent.clear();
    run.now += Duration::from_secs(10);
    run.run(Duration::from_millis(20));
    assert!(run.sent.len() <= 40, "{}", run.sent.len());
}

#[test]
fn other_probes_pay_from_the_same_budget() {
    let budget = Budget {
        packets_per_second: 1_000,
        bits_per_second: 1_000_000,
    };
    let mut run = Run::new(Intervals::default(), budget);
    let mut taken = 0;
    for _ in 0..1_000 {
        run.now += Duration::from_millis(10);
        taken += u32::from(run.schedule.take(2 * 1_500, run.now));
    }
    // 24,000 bits each, 10 s.
    assert!((410..=424).contains(&taken), "{taken}");
}

#[test]
fn same_randomness_same_times() {
    let times = || {
        let mut run = Run::new(Intervals::default(), Budget::default());
        for index in 0..50 {
            run.insert(path(Rank::ALL[index % Rank::ALL.len()]));
        }
        run.run(Duration::from_secs(5));
        run.sent
    };
    assert_eq!(times(), times());
}

/// Random lives of paths against bookkeeping by hand: what is gone is never probed, what is there
/// is, at most twice its interval apart, and the bounds hold over any second.
#[derive(Debug, Clone)]
enum Step {
    Insert(Path),
    Remove(usize),
    Update(usize, Path),
    Pass(u64),
}

fn paths() -> impl Strategy<Value = Path> {
    (0..Rank::ALL.len(), 60u32..4000, any::<u8>()).prop_map(|(rank, bytes, classes)| Path {
        rank: Rank::ALL[rank],
        bytes,
        classes,
    })
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => paths().prop_map(Step::Insert),
        1 => any::<usize>().prop_map(Step::Remove),
        2 => (any::<usize>(), paths()).prop_map(|(which, path)| Step::Update(which, path)),
        4 => (1u64..3_000).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_keeps_the_bounds(
        steps in prop::collection::vec(steps(), 1..60), packets in 10u32..2_000, bits in 50_000u64..2_000_000,
    ) {
        let budget = Budget { packets_per_second: packets, bits_per_second: bits };
        let mut run = Run::new(Intervals::default(), budget);
        let mut alive: BTreeMap<PathId, Path> = BTreeMap::new();
        let mut costs: Vec<(Duration, u32)> = vec![];
        for step in steps {
            let pick = |which: usize| alive.keys().nth(which % alive.len().max(1)).copied();
            match step {
                Step::Insert(path) => {
                    let id = run.insert(path);
                    prop_assert!(alive.insert(id, path).is_none(), "a place that is taken");
                }
                Step::Remove(which) => if let Some(id) = pick(which) {
                    alive.remove(&id);
                    run.schedule.remove(id);
                },
                Step::Update(which, path) => if let Some(id) = pick(which) {
                    alive.insert(id, path);
                    let random = &mut run.random;
                    run.schedule.update(id, path, run.now, &mut || random.next() as u32);
                },
                Step::Pass(millis) => {
                    let from = run.sent.len();
                    run.run(Duration::from_millis(millis));
                    for (at, due) in &run.sent[from..] {
                        let path = alive.get(&due.path);
                        prop_assert!(path.is_some(), "probed after it was removed");
                        let path = path.unwrap();
                        prop_assert!(path.classes == 0 && due.class == 0 || path.classes & 1 << due.class != 0);
                        costs.push((*at, path.bytes));
                    }
                }
            }
        }
        for (index, (from, _)) in costs.iter().enumerate() {
            let second: Vec<u32> = costs[index..]
                .iter()
                .take_while(|(at, _)| *at <= *from + Duration::from_secs(1))
                .map(|(_, bytes)| *bytes)
                .collect();
            let most = f64::from(packets) + (f64::from(packets) * 0.1).max(2.0);
            prop_assert!(second.len() as f64 * 2.0 <= most + 1e-6);
            let most = bits as f64 + (bits as f64 * 0.1).max(144_000.0);
            prop_assert!(second.iter().map(|bytes| f64::from(*bytes) * 8.0).sum::<f64>() <= most + 1e-3);
        }
    }
}
