use super::*;

const MILLI: Nanos = 1_000_000;
const FRAMES: usize = 100_000;

fn shaper(change: impl FnOnce(&mut Impairment)) -> Shaper {
    let mut impairment = Impairment::default();
    change(&mut impairment);
    Shaper::new(impairment, 7)
}

/// Sends frames 10 µs apart and says what became of each.
fn fates(shaper: &mut Shaper, frames: usize) -> Vec<Fate> {
    (0..frames)
        .map(|i| shaper.admit(i as Nanos * 10_000, 1450))
        .collect()
}

#[test]
fn nothing_set_changes_nothing() {
    let mut shaper = shaper(|_| {});
    for (i, fate) in fates(&mut shaper, 1000).iter().enumerate() {
        assert_eq!(*fate, Fate::Due(i as Nanos * 10_000));
    }
}

#[test]
fn delay_is_exact() {
    let mut shaper = shaper(|i| i.delay_millis = 12.5);
    assert_eq!(
        shaper.admit(5 * MILLI, 100),
        Fate::Due(17 * MILLI + MILLI / 2)
    );
}

#[test]
fn loss_is_binomial() {
    for percent in [0.1, 2.0, 30.0] {
        let mut shaper = shaper(|i| i.loss_percent = percent);
        fates(&mut shaper, FRAMES);
        let p = percent / 100.0;
        let expected = p * FRAMES as f64;
        // Five standard deviations: wrong once in 1.7 million seeds, and the seed is fixed.
        let allowed = 5.0 * (FRAMES as f64 * p * (1.0 - p)).sqrt();
        let lost = shaper.counters.lost as f64;
        assert!(
            (lost - expected).abs() < allowed,
            "{percent} %: lost {lost}, expected {expected}"
        );
    }
}

#[test]
fn independent_losses_do_not_cluster() {
    let mut shaper = shaper(|i| i.loss_percent = 10.0);
    let mean = mean_burst(&fates(&mut shaper, FRAMES));
    // Geometric: 1 / (1 − p).
    assert!((mean - 1.0 / 0.9).abs() < 0.05, "mean burst {mean}");
}

#[test]
fn bursts_have_their_length_and_their_share() {
    let mut shaper = shaper(|i| {
        i.loss_percent = 5.0;
        i.loss_burst = 8.0;
    });
    let fates = fates(&mut shaper, 1_000_000);
    let mean = mean_burst(&fates);
    assert!((mean - 8.0).abs() < 0.5, "mean burst {mean}");
    let share = shaper.counters.lost as f64 / 1e6;
    assert!((share - 0.05).abs() < 0.005, "share {share}");
}

#[test]
fn everything_and_nothing_are_lost_exactly() {
    let mut all = shaper(|i| i.loss_percent = 100.0);
    assert!(fates(&mut all, 1000).iter().all(|f| *f == Fate::Dropped));
    let mut cut = shaper(|i| i.cut = true);
    fates(&mut cut, 1000);
    assert_eq!((cut.counters.cut_drops, cut.counters.lost), (1000, 0));
}

#[test]
fn rate_spaces_frames_out() {
    let mut shaper = shaper(|i| i.rate_mbit = Some(10.0));
    // 1,250 bytes are 10,000 bits: 1 ms at 10 Mbit/s.
    assert_eq!(shaper.admit(0, 1250), Fate::Due(MILLI));
    assert_eq!(shaper.admit(0, 1250), Fate::Due(2 * MILLI));
    assert_eq!(
        shaper.admit(10 * MILLI, 1250),
        Fate::Due(11 * MILLI),
        "an idle line saves nothing up"
    );
}

#[test]
fn full_queue_drops_at_the_tail_and_recovers() {
    let mut shaper = shaper(|i| {
        i.rate_mbit = Some(10.0);
        i.queue_millis = 5.0;
    });
    let sent = (0..20)
        .filter(|_| shaper.admit(0, 1250) != Fate::Dropped)
        .count();
    // One on the line and five milliseconds' worth behind it.
    assert_eq!(sent, 6);
    assert_eq!(shaper.counters.queue_drops, 14);
    assert_eq!(shaper.admit(2 * MILLI, 1250), Fate::Due(7 * MILLI));
}

#[test]
fn jitter_stays_in_its_range_and_never_reorders() {
    let mut shaper = shaper(|i| {
        i.delay_millis = 20.0;
        i.jitter_millis = 4.0;
    });
    let mut last = 0;
    let mut seen = (Nanos::MAX, 0);
    for i in 0..FRAMES as Nanos {
        let now = i * 20 * MILLI;
        let Fate::Due(due) = shaper.admit(now, 100) else {
            panic!("no loss was asked for")
        };
        assert!(due >= last);
        last = due;
        seen = (seen.0.min(due - now), seen.1.max(due - now));
    }
    assert!(
        seen.0 >= 16 * MILLI && seen.0 < 16 * MILLI + MILLI / 10,
        "{seen:?}"
    );
    assert!(
        seen.1 <= 24 * MILLI && seen.1 > 24 * MILLI - MILLI / 10,
        "{seen:?}"
    );
}

#[test]
fn a_share_skips_the_delay_and_the_rest_keeps_its_order() {
    let mut shaper = shaper(|i| {
        i.delay_millis = 5.0;
        i.jitter_millis = 1.0;
        i.reorder_percent = 30.0;
    });
    let mut overtakers = 0;
    let mut last = 0;
    for (i, fate) in fates(&mut shaper, FRAMES).iter().enumerate() {
        let sent = i as Nanos * 10_000;
        let Fate::Due(due) = *fate else {
            panic!("no loss was asked for")
        };
        if due == sent {
            overtakers += 1;
        } else {
            assert!(due >= sent + 4 * MILLI && due >= last);
            last = due;
        }
    }
    let expected = 0.3 * FRAMES as f64;
    let allowed = 5.0 * (FRAMES as f64 * 0.3 * 0.7).sqrt();
    assert!(
        (overtakers as f64 - expected).abs() < allowed,
        "{overtakers} overtook, expected {expected}"
    );
    assert_eq!(shaper.counters.reordered, overtakers);
}

#[test]
fn an_overtaker_waits_for_the_rate() {
    let mut shaper = shaper(|i| {
        i.delay_millis = 5.0;
        i.reorder_percent = 100.0;
        i.rate_mbit = Some(10.0);
    });
    assert_eq!(shaper.admit(0, 1250), Fate::Due(MILLI));
    assert_eq!(shaper.admit(0, 1250), Fate::Due(2 * MILLI));
}

#[test]
fn reordering_without_a_delay_is_refused() {
    let mut impairment = Impairment {
        reorder_percent: 30.0,
        ..Impairment::default()
    };
    assert!(impairment.problems()[0].contains("reorderPercent needs a delayMillis"));
    impairment.delay_millis = 1.0;
    assert_eq!(impairment.problems(), Vec::<String>::new());
}

#[test]
fn shorter_delay_does_not_overtake_what_is_under_way() {
    let mut shaper = shaper(|i| i.delay_millis = 50.0);
    assert_eq!(shaper.admit(0, 100), Fate::Due(50 * MILLI));
    shaper.impairment.delay_millis = 1.0;
    assert_eq!(shaper.admit(MILLI, 100), Fate::Due(50 * MILLI));
    assert_eq!(shaper.admit(60 * MILLI, 100), Fate::Due(61 * MILLI));
}

#[test]
fn same_seed_same_fates() {
    let run = |seed| {
        let impairment = Impairment {
            loss_percent: 20.0,
            jitter_millis: 3.0,
            ..Impairment::default()
        };
        fates(&mut Shaper::new(impairment, seed), 1000)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn absurd_numbers_are_named() {
    let impairment = Impairment {
        loss_percent: 101.0,
        delay_millis: f64::NAN,
        reorder_percent: -1.0,
        rate_mbit: Some(0.0),
        ..Impairment::default()
    };
    let problems = impairment.problems().join("\n");
    for word in ["lossPercent", "delayMillis", "reorderPercent", "rateMbit"] {
        assert!(problems.contains(word), "{problems}");
    }
}

fn mean_burst(fates: &[Fate]) -> f64 {
    let mut bursts = 0;
    let mut lost = 0;
    let mut before = false;
    for fate in fates {
        let dropped = *fate == Fate::Dropped;
        lost += usize::from(dropped);
        bursts += usize::from(dropped && !before);
        before = dropped;
    }
    lost as f64 / bursts as f64
}
