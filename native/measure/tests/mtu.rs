//! The search for a path's MTU over simulated paths whose MTU changes.

mod common;

use std::time::Duration;

use common::Random;
use labelway_measure::{PathMtu, Phase, SizedProbe};
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);
const BASE_SIZE: u16 = 1280;

struct Simulated {
    search: PathMtu,
    now: Duration,
    mtu: u16,
    /// Nothing passes at all.
    dead: bool,
    loss: f64,
    round_trip: Duration,
    random: Random,
    under_way: Vec<(Duration, SizedProbe)>,
    alive: Option<Duration>,
    sent: Vec<(Duration, u16)>,
}

impl Simulated {
    fn new(max: u16, mtu: u16) -> Self {
        Simulated {
            search: PathMtu::new(BASE_SIZE, max, Duration::ZERO),
            now: Duration::ZERO,
            mtu,
            dead: false,
            loss: 0.0,
            round_trip: MS * 80,
            random: Random(1),
            under_way: vec![],
            alive: None,
            sent: vec![],
        }
    }

    /// In steps of 20 ms; an ordinary probe every 100 ms.
    fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            self.now += MS * 20;
            let now = self.now;
            if now.as_millis().is_multiple_of(100) && !self.dead && !self.random.chance(self.loss) {
                self.alive = Some(now - self.round_trip.min(now));
            }
            let (due, later) = self.under_way.drain(..).partition(|(at, _)| *at <= now);
            self.under_way = later;
            let due: Vec<(Duration, SizedProbe)> = due;
            for (_, probe) in due {
                self.search.handle_answer(probe, now);
            }
            if self.search.next_timeout() <= now {
                self.search.handle_timeout(self.alive, now);
            }
            if let Some(probe) = self.search.poll(now) {
                self.sent.push((now, probe.size));
                if probe.size <= self.mtu && !self.dead && !self.random.chance(self.loss) {
                    self.under_way.push((now + self.round_trip, probe));
                }
            }
        }
    }

    fn is_found(&self) -> bool {
        let size = self.search.size().unwrap_or(0);
        size <= self.mtu && self.mtu - size < 8 && self.search.phase() == Phase::Complete
    }
}

#[test]
fn a_path_that_carries_everything_is_found_in_two_probes() {
    let mut path = Simulated::new(1420, 1500);
    path.run(1);
    assert_eq!(path.search.size(), Some(1420));
    assert_eq!(path.search.phase(), Phase::Complete);
    assert_eq!(path.sent.len(), 2);
    path.run(3600);
    // One confirmation every 10 s and nothing else.
    assert!(path.sent.len() <= 2 + 361, "{}", path.sent.len());
}

#[test]
fn a_black_hole_is_found_within_fourteen_seconds() {
    let mut path = Simulated::new(8960, 8960);
    path.run(25);
    assert_eq!(path.search.size(), Some(8960));
    path.mtu = 1400;
    path.run(14);
    assert!(path.search.size() <= Some(1400), "{:?}", path.search);
    path.run(45);
    assert!(path.is_found(), "{:?}", path.search);
    // A hint makes it quicker.
    path.mtu = 1300;
    path.search.handle_hint(path.now);
    path.run(4);
    assert!(path.search.size() <= Some(1300), "{:?}", path.search);
}

#[test]
fn a_larger_mtu_is_found_when_it_is_time_to_try_again() {
    let mut path = Simulated::new(8960, 1400);
    path.run(60);
    assert!(path.is_found());
    path.mtu = 8960;
    path.run(500);
    assert!(!path.is_found());
    path.run(160);
    assert_eq!(path.search.size(), Some(8960));
}

#[test]
fn the_last_bytes_are_tried_too() {
    let mut path = Simulated::new(1420, 1418);
    path.run(60);
    assert!(path.is_found() && path.search.size() > Some(1410));
    path.mtu = 1420;
    path.run(650);
    assert_eq!(path.search.size(), Some(1420));
}

#[test]
fn a_dead_path_keeps_its_mtu() {
    let mut path = Simulated::new(1500, 1500);
    path.run(5);
    path.dead = true;
    path.run(300);
    assert_eq!(path.search.size(), Some(1500));
    let sent = path.sent.len();
    path.run(100);
    assert!(
        path.sent.len() - sent <= 51,
        "slowly: {}",
        path.sent.len() - sent
    );
    path.dead = false;
    path.run(3);
    assert_eq!(
        (path.search.size(), path.search.phase()),
        (Some(1500), Phase::Complete)
    );
}

#[test]
fn a_path_below_the_base_size_is_an_error_until_it_is_not() {
    let mut path = Simulated::new(1500, 1200);
    path.run(5);
    assert_eq!(
        (path.search.size(), path.search.phase()),
        (None, Phase::Error)
    );
    path.mtu = 1500;
    path.run(12);
    assert_eq!(path.search.size(), Some(1500));
}

#[test]
fn the_configuration_may_change() {
    let mut path = Simulated::new(1500, 9000);
    path.run(5);
    path.search.handle_max(8960, path.now);
    path.run(5);
    assert_eq!(path.search.size(), Some(8960));
    path.search.handle_max(1420, path.now);
    assert_eq!(path.search.size(), Some(1420));
    path.run(30);
    assert_eq!(
        (path.search.size(), path.search.phase()),
        (Some(1420), Phase::Complete)
    );
    path.search.handle_max(100, path.now);
    assert_eq!(path.search.size(), Some(BASE_SIZE));
}

#[test]
fn answers_from_before_a_black_hole_are_stale() {
    let mut path = Simulated::new(1500, 1500);
    path.run(15);
    let old = SizedProbe {
        size: 1500,
        token: 2,
    };
    path.mtu = 1400;
    path.run(14);
    assert!(path.search.size() < Some(1500));
    path.search.handle_answer(old, path.now);
    assert!(path.search.size() < Some(1500));
    let future = SizedProbe {
        size: 1500,
        token: 1 << 20,
    };
    path.search.handle_answer(future, path.now);
    assert!(path.search.size() < Some(1500));
}

#[test]
fn what_is_settled_is_told_until_something_says_otherwise() {
    let mut path = Simulated::new(1500, 1400);
    assert_eq!(path.search.settled(), None);
    path.run(4);
    assert_eq!(path.search.phase(), Phase::Search);
    assert_eq!(path.search.settled(), None, "1280 passes, but not for long");
    path.run(26);
    let found = path.search.settled();
    assert!(found > Some(1392) && found <= Some(1400), "{found:?}");
    // Larger ones are tried after ten minutes.
    for _ in 0..650 {
        path.run(1);
        assert_eq!(path.search.settled(), found);
    }
    path.mtu = 1300;
    path.run(14);
    assert_eq!(path.search.settled(), None, "a black hole");
    path.run(30);
    let found = path.search.settled();
    assert!(found > Some(1292) && found <= Some(1300), "{found:?}");
    path.mtu = 1200;
    path.run(30);
    assert_eq!((path.search.settled(), path.search.size()), (None, None));
}

/// Where little is sent, an answer to something that was sent later is long in coming.
#[test]
fn a_path_that_is_seldom_probed_has_an_mtu_that_may_fall() {
    let mut search = PathMtu::new(BASE_SIZE, 1500, Duration::ZERO);
    let (mut now, mut alive, mut under_way) = (Duration::ZERO, None, None);
    let mut run = |seconds: u64, mtu: u16| {
        for _ in 0..seconds * 10 {
            now += MS * 100;
            if now.as_millis().is_multiple_of(5000) {
                alive = Some(now - MS * 50);
            }
            if let Some(probe) = under_way.take() {
                search.handle_answer(probe, now);
            }
            search.handle_timeout(alive, now);
            under_way = search.poll(now).filter(|probe| probe.size <= mtu);
        }
        search.settled()
    };
    assert_eq!(run(10, 1500), Some(1500));
    assert_eq!(run(30, 1400), None);
    let found = run(90, 1400);
    assert!(found > Some(1392) && found <= Some(1400), "{found:?}");
}

/// A lost confirmation in the middle of the search is repeated, and counts against its own size.
#[test]
fn losses_of_one_size_do_not_condemn_another() {
    let mut search = PathMtu::new(BASE_SIZE, 8960, Duration::ZERO);
    let mut now = Duration::ZERO;
    let mut sizes = vec![];
    let mut lost = false;
    while now < MS * 60_000 {
        if let Some(probe) = search.poll(now) {
            sizes.push(probe.size);
            // Carries 1280 and no more; the second probe of that size is lost.
            let passes = probe.size == BASE_SIZE && (lost || sizes.len() == 1);
            lost |= probe.size == BASE_SIZE && sizes.len() > 1;
            if passes {
                search.handle_answer(probe, now + MS);
            }
        }
        now = search.next_timeout().max(now + MS);
        search.handle_timeout(Some(now), now);
    }
    assert!(lost);
    for run in sizes
        .chunk_by(|a, b| a == b)
        .filter(|run| run[0] > BASE_SIZE)
    {
        assert_eq!(run.len(), 3, "{sizes:?}");
    }
    assert_eq!(search.size(), Some(BASE_SIZE));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the MTU becomes: never relied on for longer than the confirmation takes, and found
    /// again at the latest when it is time to try a larger one.
    #[test]
    fn any_mtu_is_found(max in BASE_SIZE..9000, mtus in prop::collection::vec(BASE_SIZE..9001, 1..5), trip in 1u32..800) {
        let mut path = Simulated::new(max, mtus[0]);
        path.round_trip = MS * trip;
        for mtu in mtus {
            path.mtu = mtu;
            path.run(15);
            prop_assert!(path.search.size() <= Some(mtu), "{:?}", path.search);
            path.run(50);
            prop_assert!(path.search.phase() == Phase::Complete);
            path.run(650);
            let size = path.search.size().unwrap();
            prop_assert!(size == max && mtu >= max || path.is_found(), "{mtu} {:?}", path.search);
        }
    }

    /// With losses it may take a while, but a size that does not pass is not kept.
    #[test]
    fn losses_do_not_mislead_for_long(seed: u64, mtu in BASE_SIZE..1500, loss in 0.0..0.3f64) {
        let mut path = Simulated::new(1500, 1500);
        path.random = Random(seed);
        path.loss = loss;
        path.run(60);
        path.mtu = mtu;
        path.run(60);
        prop_assert!(path.search.size() <= Some(mtu), "{:?}", path.search);
        path.loss = 0.0;
        path.run(720);
        prop_assert!(path.is_found() || mtu == 1500, "{mtu} {:?}", path.search);
        let rate = path.sent.len() as f64 / path.now.as_secs_f64();
        prop_assert!(rate < 2.0, "{rate} a second");
    }
}
