//! Loss in each direction as measured, against what the simulated path did.

mod common;

use std::time::Duration;

use common::{Simulation, Truth, Way, at};
use labelway_measure::{Counts, Reflector, Scratch, Window};
use labelway_wire::stamp::Timestamp;
use proptest::prelude::*;

const MS: u64 = 1_000;

fn counts(simulation: &Simulation, window: Window) -> Counts {
    let now = at(simulation.now_micros);
    let mut scratch = Scratch::new();
    simulation.meter.summary(window, now, &mut scratch).counts
}

/// (forward, return) as it was, of probes `from` on, up to the last that was answered: what lies
/// behind it is unknown.
fn truth(simulation: &Simulation) -> (u64, u64) {
    let answered = |event: &common::Event| matches!(event.truth, Truth::Answered { .. });
    let events = &simulation.events;
    let first = events.iter().position(answered).unwrap_or(0);
    let last = events.iter().rposition(answered).unwrap_or(0);
    let within = &events[first..=last];
    let count = |truth| within.iter().filter(|event| event.truth == truth).count() as u64;
    (count(Truth::LostForward), count(Truth::LostReturn))
}

fn lossy(loss: f64, burst: f64) -> Way {
    let mut way = Way::new(20 * MS);
    way.loss = loss;
    way.burst = burst;
    way
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// In order and without copies, both totals are exact.
    #[test]
    fn both_directions_are_told_apart(
        seed: u64, there in 0.0..0.6f64, back in 0.0..0.6f64, burst in prop_oneof![Just(0.0), 2.0..20.0],
        first in prop_oneof![Just(0u32), Just(u32::MAX - 300), any::<u32>()],
        counter in prop_oneof![Just(0u32), Just(u32::MAX - 200), any::<u32>()],
    ) {
        let (there, back) = (lossy(there, burst), lossy(back, burst));
        let mut simulation = Simulation::starting_at(seed, there, back, first, Reflector::Counts);
        simulation.counter = counter;
        simulation.run(1000, 50 * MS);
        simulation.advance(6_000 * MS);
        let (forward, back) = truth(&simulation);
        let measured = counts(&simulation, Window::Minute);
        prop_assert_eq!((measured.lost_forward, measured.lost_return), (forward, back));
        prop_assert_eq!(measured.waiting, 0);
        prop_assert_eq!(measured.answered + measured.lost, measured.sent);
    }

    /// With reordering (of up to three intervals) and copies, the lost ones are counted exactly and
    /// the directions nearly.
    #[test]
    fn reordering_and_copies_blur_little(seed: u64, there in 0.0..0.2f64, back in 0.0..0.2f64) {
        let shuffled = |loss| {
            let mut way = lossy(loss, 0.0);
            way.spread_micros = 150 * MS;
            way.copies = 0.02;
            way
        };
        let mut simulation = Simulation::new(seed, shuffled(there), shuffled(back));
        simulation.run(900, 50 * MS);
        // On a path that reorders, stretches have 32 probes: without an end, some stay unknown.
        (simulation.forward, simulation.back) = (Way::new(20 * MS), Way::new(20 * MS));
        simulation.run(100, 50 * MS);
        simulation.advance(6_000 * MS);
        let (forward, back) = truth(&simulation);
        let measured = counts(&simulation, Window::Minute);
        let lost = measured.lost_forward + measured.lost_return;
        prop_assert!(lost.abs_diff(forward + back) <= 3, "{:?}", measured);
        let off = measured.lost_forward.abs_diff(forward);
        prop_assert!(off <= 5 + (forward + back) / 10, "{off} of {forward} + {back}: {measured:?}");
    }

    /// The same against the definition of RFC 4737: reflected after one that was sent later.
    #[test]
    fn reordering_is_counted_in_each_direction(seed: u64, spread in 0u64..200, loss in 0.0..0.1f64) {
        let mut there = lossy(loss, 0.0);
        there.spread_micros = spread * MS;
        let mut simulation = Simulation::new(seed, there, lossy(loss, 0.0));
        simulation.run(1000, 50 * MS);
        simulation.advance(6_000 * MS);
        let answered: Vec<u32> = simulation
            .events
            .iter()
            .filter(|event| matches!(event.truth, Truth::Answered { .. }))
            .filter_map(|event| event.reflected)
            .collect();
        let overtaken = |at: usize| answered[at + 1..].iter().any(|later| *later < answered[at]);
        let expected = (0..answered.len()).filter(|at| overtaken(*at)).count() as u64;
        let measured = counts(&simulation, Window::Minute);
        prop_assert_eq!(measured.forward_reordered, expected);
        prop_assert_eq!(measured.return_reordered, 0);
    }

    /// Every window, by the time of sending, against all events.
    #[test]
    fn windows_hold_what_was_sent_in_them(
        seed: u64, loss in 0.0..0.3f64, gaps in prop::collection::vec(1u64..400, 50..400),
    ) {
        let mut simulation = Simulation::new(seed, lossy(loss, 0.0), lossy(loss, 0.0));
        for gap in gaps {
            simulation.send(0);
            simulation.advance(gap * MS);
        }
        simulation.advance(600 * MS);
        let begun = simulation.events.iter().find(|event| matches!(event.truth, Truth::Answered { .. }));
        let begun = begun.map_or(0, |event| event.sent_micros);
        for window in [Window::Second, Window::TenSeconds, Window::Minute] {
            let from = simulation.now_micros.saturating_sub(window.width().as_micros() as u64);
            let within: Vec<_> = simulation
                .events
                .iter()
                .filter(|event| event.sent_micros >= from.max(begun))
                .collect();
            let mut trips: Vec<u64> = within
                .iter()
                .filter_map(|event| match event.truth {
                    Truth::Answered { round_trip_micros } => Some(round_trip_micros),
                    _ => None,
                })
                .collect();
            trips.sort_unstable();
            let mut scratch = Scratch::new();
            let summary = simulation.meter.summary(window, at(simulation.now_micros), &mut scratch);
            prop_assert_eq!(summary.counts.sent, within.len() as u64);
            prop_assert_eq!(summary.counts.answered, trips.len() as u64);
            prop_assert_eq!(summary.counts.lost, (within.len() - trips.len()) as u64);
            if let Some(round_trips) = summary.round_trips {
                let near = |quantile: f64, value: u32| {
                    let rank = (quantile * trips.len() as f64).ceil() as usize;
                    trips[rank.max(1) - 1].abs_diff(value.into()) <= 2
                };
                prop_assert!(near(0.5, round_trips.p50_micros), "{round_trips:?}");
                prop_assert!(near(0.95, round_trips.p95_micros) && near(0.99, round_trips.p99_micros));
                prop_assert!(near(0.0, round_trips.min_micros) && near(1.0, round_trips.max_micros));
            }
        }
    }
}

#[test]
fn copies_are_counted_by_direction() {
    let mut there = Way::new(10 * MS);
    there.copies = 1.0;
    let mut simulation = Simulation::new(1, there, Way::new(10 * MS));
    simulation.run(100, 20 * MS);
    let measured = counts(&simulation, Window::Minute);
    assert_eq!(
        (measured.forward_copies, measured.return_copies),
        (99, 0),
        "one is under way"
    );
    let mut back = Way::new(10 * MS);
    back.copies = 1.0;
    let mut simulation = Simulation::new(1, Way::new(10 * MS), back);
    simulation.run(100, 20 * MS);
    let measured = counts(&simulation, Window::Minute);
    assert_eq!((measured.forward_copies, measured.return_copies), (0, 99));
    assert_eq!(measured.lost, 0);
}

#[test]
fn a_cut_path_loses_in_an_unknown_direction_until_an_answer_comes() {
    let mut simulation = Simulation::new(3, Way::new(10 * MS), Way::new(10 * MS));
    simulation.run(50, 100 * MS);
    simulation.back.loss = 1.0;
    simulation.run(50, 100 * MS);
    simulation.advance(1_000 * MS);
    let measured = counts(&simulation, Window::Minute);
    assert_eq!(measured.lost, 50);
    assert_eq!(measured.lost_unknown(), 50);
    let forward = measured.forward_loss().unwrap();
    assert_eq!((forward.least, forward.most), (0.0, 0.5));
    let back = measured.return_loss().unwrap();
    assert_eq!((back.least, back.most), (0.0, 0.5));
    simulation.back.loss = 0.0;
    simulation.run(4, 100 * MS);
    let measured = counts(&simulation, Window::Minute);
    assert_eq!((measured.lost_forward, measured.lost_return), (0, 50));
    let back = measured.return_loss().unwrap();
    assert_eq!((back.least, back.most), (50.0 / 104.0, 50.0 / 104.0));
}

#[test]
fn a_probe_is_lost_after_its_wait_and_not_before() {
    let mut simulation = Simulation::new(4, Way::new(10 * MS), Way::new(10 * MS));
    simulation.run(10, 100 * MS);
    simulation.forward.loss = 1.0;
    simulation.send(0);
    simulation.advance(490 * MS);
    let measured = counts(&simulation, Window::TenSeconds);
    assert_eq!((measured.waiting, measured.lost), (1, 0));
    assert_eq!(measured.loss(), Some(0.0));
    simulation.advance(20 * MS);
    let measured = counts(&simulation, Window::TenSeconds);
    assert_eq!((measured.waiting, measured.lost), (0, 1));
}

/// The path takes 700 ms for a while, the wait is 500 ms: everything is given up and taken back.
#[test]
fn late_answers_take_losses_back() {
    let mut simulation = Simulation::new(5, Way::new(10 * MS), Way::new(10 * MS));
    simulation.run(20, 100 * MS);
    simulation.forward.delay_micros = 690 * MS;
    simulation.run(20, 100 * MS);
    simulation.advance(1_000 * MS);
    let measured = counts(&simulation, Window::Minute);
    assert_eq!(
        (measured.late, measured.lost, measured.answered),
        (20, 0, 40)
    );
}

/// Late answers among others that are lost for good: the numbers come out right all the same.
#[test]
fn late_answers_among_losses() {
    for seed in 0..50 {
        let mut back = lossy(0.2, 0.0);
        back.spread_micros = 800 * MS;
        let mut simulation = Simulation::new(seed, Way::new(20 * MS), Way::new(20 * MS));
        simulation.run(5, 100 * MS);
        (simulation.forward, simulation.back) = (lossy(0.2, 0.0), back);
        simulation.run(300, 100 * MS);
        simulation.back.spread_micros = 0;
        simulation.run(100, 100 * MS);
        simulation.advance(6_000 * MS);
        let (forward, back) = truth(&simulation);
        let measured = counts(&simulation, Window::Minute);
        assert!(measured.late > 20, "{measured:?}");
        let lost = measured.lost_forward + measured.lost_return;
        assert_eq!(lost, forward + back, "seed {seed}: {measured:?}");
        let off = measured.lost_forward.abs_diff(forward);
        assert!(off <= 4, "seed {seed}: {forward}, {back}: {measured:?}");
    }
}

#[test]
fn a_reflector_that_starts_anew_is_no_loss() {
    let mut simulation = Simulation::new(6, Way::new(30 * MS), Way::new(30 * MS));
    simulation.run(100, 20 * MS);
    simulation.counter = 0;
    simulation.run(100, 20 * MS);
    simulation.advance(1_000 * MS);
    let measured = counts(&simulation, Window::Minute);
    assert_eq!((measured.lost, measured.answered), (0, 200));
    assert_eq!(
        (measured.forward_reordered, measured.return_reordered),
        (0, 0)
    );
    // Losses after it are told apart as before.
    simulation.forward.loss = 0.3;
    simulation.run(200, 20 * MS);
    simulation.forward.loss = 0.0;
    simulation.run(5, 20 * MS);
    simulation.advance(1_000 * MS);
    let measured = counts(&simulation, Window::Minute);
    assert_eq!(
        (measured.lost_forward, measured.lost_return),
        truth(&simulation)
    );
    assert!(measured.lost_forward > 30);
}

/// Away for a while and begun anew: what was lost meanwhile has no direction.
#[test]
fn what_a_reflector_missed_while_it_was_away_stays_unknown() {
    let mut simulation = Simulation::new(7, Way::new(30 * MS), Way::new(30 * MS));
    simulation.run(100, 20 * MS);
    simulation.forward.loss = 1.0;
    simulation.run(50, 20 * MS);
    simulation.forward.loss = 0.0;
    simulation.counter = 0;
    simulation.run(100, 20 * MS);
    simulation.advance(1_000 * MS);
    let measured = counts(&simulation, Window::Minute);
    assert_eq!((measured.lost, measured.lost_unknown()), (50, 50));
}

#[test]
fn one_that_copies_our_number_gives_no_direction() {
    let (there, back) = (lossy(0.1, 0.0), lossy(0.1, 0.0));
    let mut simulation = Simulation::starting_at(8, there, back, 0, Reflector::Unknown);
    simulation.stateless = true;
    simulation.run(500, 50 * MS);
    simulation.advance(1_000 * MS);
    let measured = counts(&simulation, Window::Minute);
    assert!(measured.lost > 60);
    assert_eq!(measured.lost_unknown(), measured.lost);
    // One that counts is found out by the first loss on the way there.
    let mut simulation = Simulation::starting_at(8, there, back, 0, Reflector::Unknown);
    simulation.run(500, 50 * MS);
    simulation.advance(1_000 * MS);
    let measured = counts(&simulation, Window::Minute);
    assert!(measured.lost_unknown() < 10, "{measured:?}");
}

#[test]
fn probes_before_the_first_answer_are_no_loss() {
    let mut there = Way::new(10 * MS);
    there.loss = 1.0;
    let mut simulation = Simulation::new(9, there, Way::new(10 * MS));
    simulation.run(1000, 100 * MS);
    for window in Window::ALL {
        assert_eq!(
            counts(&simulation, window).loss(),
            Some(1.0),
            "nobody answers"
        );
    }
    simulation.forward.loss = 0.0;
    simulation.run(20, 100 * MS);
    for window in Window::ALL {
        assert_eq!(counts(&simulation, window).lost, 0, "{window:?}");
    }
}

#[test]
fn strangers_and_former_lives_are_stale() {
    use labelway_measure::{Answer, PathMeter, Reply};
    let mut meter = PathMeter::new(Reflector::Counts);
    let sent = Timestamp(0x1234_5678_9abc_def0);
    let sequence = meter.handle_sent(Duration::ZERO, sent, 0);
    let reply = |sequence, sent| Reply {
        sender_sequence: sequence,
        reflector_sequence: 0,
        sent,
        received: Timestamp(1 << 32),
        sent_back: Timestamp(2 << 32),
    };
    let now = Duration::from_millis(1500);
    let stranger = Timestamp(0x1234_5678_9abc_def1);
    assert_eq!(
        meter.handle_reply(&reply(sequence, stranger), now),
        Answer::Stale
    );
    assert_eq!(
        meter.handle_reply(&reply(sequence + 1, sent), now),
        Answer::Stale
    );
    assert_eq!(
        meter.handle_reply(&reply(sequence.wrapping_sub(1), sent), now),
        Answer::Stale
    );
    let beyond = Duration::from_micros(2_000_001);
    assert_eq!(
        meter.handle_reply(&reply(sequence, sent), beyond),
        Answer::Stale
    );
    // A second in the reflector is taken off; more than the whole is no round trip.
    let round_trip = Some(Duration::from_millis(500));
    assert_eq!(
        meter.handle_reply(&reply(sequence, sent), now),
        Answer::First { round_trip }
    );
    assert_eq!(
        meter.handle_reply(&reply(sequence, sent), now),
        Answer::ReturnCopy
    );
    let sequence = meter.handle_sent(now, sent, 0);
    let soon = now + Duration::from_millis(10);
    assert_eq!(
        meter.handle_reply(&reply(sequence, sent), soon),
        Answer::First { round_trip: None }
    );
}

#[test]
fn a_starved_class_is_seen() {
    let mut simulation = Simulation::new(10, Way::new(10 * MS), Way::new(10 * MS));
    for index in 0..400 {
        let class = [0, 5][index % 2];
        simulation.forward.loss = if class == 0 { 0.5 } else { 0.0 };
        simulation.forward.delay_micros = if class == 0 { 100 * MS } else { 10 * MS };
        simulation.send(class);
        simulation.advance(50 * MS);
    }
    simulation.advance(1_000 * MS);
    let now = at(simulation.now_micros);
    let mut scratch = Scratch::new();
    let of = |class, scratch: &mut Scratch| {
        simulation
            .meter
            .summary_of_class(class, Window::Minute, now, scratch)
    };
    let (best_effort, voice) = (of(0, &mut scratch), of(5, &mut scratch));
    assert!(best_effort.counts.loss().unwrap() > 0.4);
    assert_eq!(voice.counts.loss(), Some(0.0));
    assert_eq!(
        voice.jitter.unwrap().max_micros / 1000,
        0,
        "within the class alone"
    );
    assert_eq!(best_effort.round_trips.unwrap().p50_micros / 1000, 110);
}
