//! Whatever arrives, in any order and with any numbers in it: sums stay sums.

use std::time::Duration;

use labelway_measure::{PathMeter, Reflector, Reply, Scratch, Window};
use labelway_wire::stamp::Timestamp;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Send {
        class: u8,
    },
    /// To a probe so far back; the reflector's number is its own counter, that plus something, or
    /// anything.
    Reply {
        back: u32,
        number: Number,
        t2: u64,
        t3: u64,
    },
    TimeOut {
        wait: u64,
    },
    Pass {
        millis: u64,
    },
}

#[derive(Debug, Clone)]
enum Number {
    Next,
    Off(i32),
    Any(u32),
}

fn steps() -> impl Strategy<Value = Step> {
    let number = prop_oneof![
        6 => Just(Number::Next),
        2 => (-5i32..5).prop_map(Number::Off),
        1 => any::<u32>().prop_map(Number::Any),
    ];
    let time = prop_oneof![3 => 0u64..1 << 40, 1 => any::<u64>()];
    prop_oneof![
        6 => (0u8..=255).prop_map(|class| Step::Send { class }),
        6 => (prop_oneof![0u32..6, 0u32..100], number, time.clone(), time)
            .prop_map(|(back, number, t2, t3)| Step::Reply { back, number, t2, t3 }),
        2 => (0u64..3_000).prop_map(|wait| Step::TimeOut { wait }),
        3 => prop_oneof![10 => 0u64..100, 2 => 0u64..5_000, 1 => 0u64..20_000_000]
            .prop_map(|millis| Step::Pass { millis }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_stay_sums(
        first: u32, counts: bool, counter: u32, steps in prop::collection::vec(steps(), 1..300),
    ) {
        let reflector = if counts { Reflector::Counts } else { Reflector::Unknown };
        let mut meter = PathMeter::starting_at(first, reflector);
        let (mut now, mut next, mut counter) = (Duration::ZERO, first, counter);
        let mut stamps = vec![];
        let mut scratch = Scratch::new();
        for step in steps {
            match step {
                Step::Send { class } => {
                    let stamp = Timestamp((stamps.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                    stamps.push(stamp);
                    prop_assert_eq!(meter.handle_sent(now, stamp, class), next);
                    next = next.wrapping_add(1);
                }
                Step::Reply { back, number, t2, t3 } => {
                    let at = stamps.len().checked_sub(1 + back as usize);
                    let reflector_sequence = match number {
                        Number::Next => counter,
                        Number::Off(by) => counter.wrapping_add_signed(by),
                        Number::Any(any) => any,
                    };
                    counter = counter.wrapping_add(1);
                    let reply = Reply {
                        sender_sequence: next.wrapping_sub(1 + back),
                        reflector_sequence,
                        sent: at.map_or(Timestamp(1), |at| stamps[at]),
                        received: Timestamp(t2),
                        sent_back: Timestamp(t3),
                    };
                    meter.handle_reply(&reply, now);
                }
                Step::TimeOut { wait } => {
                    meter.handle_timeout(now, Duration::from_millis(wait));
                }
                Step::Pass { millis } => now += Duration::from_millis(millis),
            }
        }
        for window in Window::ALL {
            let summary = meter.summary(window, now, &mut scratch);
            let c = summary.counts;
            prop_assert_eq!(c.waiting + c.answered + c.lost, c.sent);
            prop_assert!(c.lost_forward + c.lost_return <= c.lost);
            prop_assert!(c.late <= c.answered);
            if let Some(trips) = summary.round_trips {
                prop_assert!(trips.count <= c.answered);
                let order = [
                    trips.min_micros, trips.p50_micros, trips.p95_micros, trips.p99_micros,
                    trips.max_micros,
                ];
                prop_assert!(order.is_sorted(), "{:?}", trips);
            }
            for bounds in [c.forward_loss(), c.return_loss()].into_iter().flatten() {
                prop_assert!(0.0 <= bounds.least && bounds.least <= bounds.most && bounds.most <= 1.0);
            }
            let by_class: u64 = (0..8)
                .map(|class| meter.summary_of_class(class, window, now, &mut scratch).counts.sent)
                .sum();
            prop_assert_eq!(by_class, meter.summary(window.min(Window::Minute), now, &mut scratch).counts.sent);
        }
    }
}
