//! The long windows against all samples, and the memory that thousands of paths take.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use common::{Random, at};
use labelway_measure::{Answer, MAX_KEPT, PathMeter, Reflector, Reply, Scratch, Window};
use labelway_wire::stamp::Timestamp;

/// Counts what this thread has allocated.
struct Counting;

thread_local! {
    static LIVE: Cell<i64> = const { Cell::new(0) };
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count(bytes: i64) {
    // Not while the thread ends.
    let _ = LIVE.try_with(|live| live.set(live.get() + bytes));
    if bytes > 0 {
        let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
    }
}

// SAFETY: everything is handed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: as above; `alloc` gave it.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A path whose round trips are given; answers come at once on its simulated clock.
struct Fed {
    meter: PathMeter,
    reflected: u32,
}

impl Fed {
    fn new() -> Self {
        Fed {
            meter: PathMeter::new(Reflector::Counts),
            reflected: 0,
        }
    }

    fn probe(&mut self, now_micros: u64, round_trip_micros: Option<u32>) {
        let sent = Timestamp(now_micros);
        let sequence = self.meter.handle_sent(at(now_micros), sent, 0);
        if let Some(micros) = round_trip_micros {
            let reply = Reply {
                sender_sequence: sequence,
                reflector_sequence: self.reflected,
                sent,
                received: Timestamp(now_micros << 20),
                sent_back: Timestamp(now_micros << 20),
            };
            self.reflected += 1;
            let answer = self
                .meter
                .handle_reply(&reply, at(now_micros + u64::from(micros)));
            let round_trip = Some(Duration::from_micros(micros.into()));
            assert_eq!(answer, Answer::First { round_trip });
        }
        self.meter
            .handle_timeout(at(now_micros), Duration::from_millis(500));
    }
}

/// Log-normal-like around 40 ms with a tail of spikes, as the Internet's.
fn internet(random: &mut Random) -> u32 {
    let bell: f64 = (0..6).map(|_| random.unit()).sum::<f64>() / 3.0 - 1.0;
    let base = 40_000.0 * (bell * 0.25).exp();
    let spike = if random.chance(0.01) {
        random.unit() * 200_000.0
    } else {
        0.0
    };
    (base + spike) as u32
}

/// As many different values as can be: anything from 0.1 ms to 1.6 s.
fn anything(random: &mut Random) -> u32 {
    (100.0 * (random.unit() * 9.7).exp()) as u32
}

fn quantile(sorted: &[u32], quantile: f64) -> u32 {
    sorted[(quantile * sorted.len() as f64).ceil() as usize - 1]
}

/// What the slices of a long window cover of the samples.
fn within(samples: &[(u64, Option<u32>)], now: u64, width: u64, slice: u64) -> Vec<Option<u32>> {
    let begin = now.saturating_sub(width) / slice * slice;
    samples
        .iter()
        .filter(|(sent, _)| *sent >= begin)
        .map(|(_, micros)| *micros)
        .collect()
}

fn long_windows(shape: fn(&mut Random) -> u32, most: f64, interval_micros: u64, hours: u64) {
    let mut random = Random(11);
    let mut path = Fed::new();
    let mut samples = vec![];
    let mut now = 0;
    while now < hours * 3_600_000_000 {
        let micros = (!random.chance(0.02)).then(|| shape(&mut random));
        path.probe(now, micros);
        samples.push((now, micros));
        now += interval_micros;
    }
    now += 1_000_000;
    path.meter
        .handle_timeout(at(now), Duration::from_millis(500));
    let mut scratch = Scratch::new();
    for (window, slice) in [(Window::Quarter, 90_000_000), (Window::Day, 7_200_000_000)] {
        let summary = path.meter.summary(window, at(now), &mut scratch);
        let width = window.width().as_micros() as u64;
        let expected = within(&samples, now, width, slice);
        let mut trips: Vec<u32> = expected.iter().copied().flatten().collect();
        trips.sort_unstable();
        assert_eq!(summary.counts.sent, expected.len() as u64, "{window:?}");
        assert_eq!(summary.counts.answered, trips.len() as u64, "{window:?}");
        assert_eq!(summary.counts.lost_return, 0, "{window:?}");
        let told = summary.round_trips.unwrap();
        assert_eq!(told.min_micros, trips[0]);
        assert_eq!(told.max_micros, trips[trips.len() - 1]);
        let sum: u64 = trips.iter().map(|trip| u64::from(*trip)).sum();
        assert_eq!(u64::from(told.mean_micros), sum / trips.len() as u64);
        for (share, value) in [
            (0.5, told.p50_micros),
            (0.95, told.p95_micros),
            (0.99, told.p99_micros),
        ] {
            let exact = f64::from(quantile(&trips, share));
            let off = (f64::from(value) - exact).abs() / exact;
            assert!(off <= most, "{window:?} {share}: {value} for {exact}");
        }
        let mut differences = vec![];
        for pair in expected.windows(2) {
            if let [Some(a), Some(b)] = pair {
                differences.push(u64::from(a.abs_diff(*b)));
            }
        }
        let jitter = summary.jitter.unwrap();
        assert!(jitter.count.abs_diff(differences.len() as u64) <= 1);
        let one_more = u64::from(jitter.max_micros) / jitter.count;
        let mean = differences.iter().sum::<u64>() / differences.len() as u64;
        assert!(u64::from(jitter.mean_micros).abs_diff(mean) <= 1 + one_more);
    }
}

#[test]
fn quantiles_of_usual_paths_are_within_two_percent() {
    long_windows(internet, 0.02, 1_000_000, 30);
}

#[test]
fn quantiles_of_any_path_are_within_seven_percent() {
    long_windows(anything, 0.067, 1_000_000, 30);
}

#[test]
fn a_day_forgets_the_day_before() {
    let mut path = Fed::new();
    for second in 0..4 * 86_400u64 {
        let old = second < 2 * 86_400;
        path.probe(second * 1_000_000, Some(if old { 900_000 } else { 1_000 }));
    }
    let now = at(4 * 86_400_000_000);
    let mut scratch = Scratch::new();
    for window in [Window::Quarter, Window::Day] {
        let summary = path.meter.summary(window, now, &mut scratch);
        assert_eq!(summary.round_trips.unwrap().max_micros, 1_000, "{window:?}");
    }
    // And a path that is not probed any more has nothing to say.
    let later = now + Duration::from_secs(2 * 86_400);
    path.meter.handle_timeout(later, Duration::from_millis(500));
    for window in Window::ALL {
        assert_eq!(
            path.meter.summary(window, later, &mut scratch).counts.sent,
            0,
            "{window:?}"
        );
    }
}

/// Bytes of heap that one path takes after `hours`.
fn heap_of(interval_micros: u64, hours: u64, shape: fn(&mut Random) -> u32) -> i64 {
    let mut random = Random(5);
    let before = LIVE.get();
    let mut path = Box::new(Fed::new());
    let mut now = 0;
    let mut most = 0;
    while now < hours * 3_600_000_000 {
        path.probe(now, Some(shape(&mut random)));
        most = most.max(LIVE.get() - before);
        now += interval_micros;
    }
    most
}

/// 4,000 paths under the whole budget, 5,000 probes a second: 1.25 a second each. What a path takes
/// beyond its slices grows with its rate alone, so how the rates are spread changes nothing.
#[test]
fn four_thousand_paths_stay_within_their_memory() {
    let usual = heap_of(800_000, 26, internet);
    let worst = heap_of(800_000, 26, anything);
    println!("heap of a path: {usual} bytes usually, {worst} at worst");
    assert!(usual * 4_000 <= 28_000_000, "{usual}");
    assert!(worst * 4_000 <= 40_000_000, "{worst}");
    let fast = heap_of(20_000, 1, anything);
    println!("heap of a path with 50 probes a second: {fast}");
    assert!(fast <= 3_000 * 24 * 5 / 4 + 12_000, "{fast}");
    // As fast as anything is probed: more than are kept in a minute would be at most this.
    let fastest = heap_of(5_000, 1, anything);
    println!("heap of a path with as many probes as are kept: {fastest}");
    assert!(
        fastest <= MAX_KEPT as i64 * 24 * 5 / 4 + 12_000,
        "{fastest}"
    );
}

/// At a steady rate a probe allocates nothing; a closed slice one piece and a bucket now and then.
#[test]
fn a_steady_path_allocates_with_its_slices_only() {
    let mut random = Random(6);
    let mut path = Fed::new();
    let mut now = 0;
    let mut run = |seconds: u64| {
        let before = CALLS.get();
        for _ in 0..seconds * 50 {
            path.probe(now, Some(internet(&mut random)));
            now += 20_000;
        }
        CALLS.get() - before
    };
    run(4 * 3600);
    let calls = run(900);
    println!("{calls} allocations in 45,000 probes");
    assert!(calls <= 40, "{calls}");
}

/// What a poll of all windows costs; a figure, not a limit.
#[test]
fn a_summary_is_quick() {
    let mut random = Random(7);
    let mut path = Fed::new();
    for index in 0..100_000 {
        path.probe(index * 800_000, Some(internet(&mut random)));
    }
    let now = at(80_000_000_000);
    let mut scratch = Scratch::new();
    let before = CALLS.get();
    path.meter.summary(Window::Minute, now, &mut scratch);
    let begin = Instant::now();
    let warm = CALLS.get();
    for _ in 0..100 {
        for window in Window::ALL {
            path.meter.summary(window, now, &mut scratch);
        }
    }
    println!(
        "all five windows of a path: {:?}; {} allocations",
        begin.elapsed() / 100,
        CALLS.get() - warm
    );
    assert!(warm > before);
}
