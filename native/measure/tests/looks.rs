//! Looks of any rhythm against bookkeeping by hand.

use std::time::Duration;

use labelway_measure::{PathMeter, Reflector, Reply, Scratch};
use labelway_wire::stamp::Timestamp;
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Answered,
    LostForward,
    LostReturn,
}

fn ways() -> impl Strategy<Value = (Way, bool)> {
    let way = prop_oneof![
        6 => Just(Way::Answered),
        1 => Just(Way::LostForward),
        1 => Just(Way::LostReturn),
    ];
    (way, prop::bool::weighted(0.2))
}

proptest! {
    /// Together they have each probe from the first answered one on exactly once.
    #[test]
    fn each_probe_is_in_one_look(
        probes in prop::collection::vec(ways(), 1..400), interval in 10u32..3_000,
    ) {
        let mut meter = PathMeter::new(Reflector::Counts);
        let scratch = &mut Scratch::new();
        let (mut sent, mut answered, mut lost) = (0, 0, 0);
        let (mut forward, mut unknown, mut reflected) = (0, 0, 0);
        let mut take = |meter: &mut PathMeter, now| {
            if let Some(look) = meter.look(now, scratch) {
                let counts = look.counts;
                assert_eq!(counts.waiting, 0, "its fate is settled");
                sent += counts.sent;
                answered += counts.answered;
                lost += counts.lost;
                forward += counts.lost_forward;
                unknown += counts.lost_unknown();
            }
        };
        let mut now = Duration::ZERO;
        for (way, looks) in &probes {
            let stamp = Timestamp::from_unix(now);
            let sequence = meter.handle_sent(now, stamp, 0);
            if *way != Way::LostForward {
                reflected += 1;
            }
            if *way == Way::Answered {
                let reply = Reply {
                    sender_sequence: sequence,
                    reflector_sequence: reflected - 1,
                    sent: stamp,
                    received: stamp,
                    sent_back: stamp,
                };
                meter.handle_reply(&reply, now + MS * 5);
            }
            now += MS * interval;
            meter.handle_timeout(now, MS * 100);
            if *looks {
                take(&mut meter, now);
            }
        }
        // Not so long that single probes are forgotten.
        now += MS * 4_000;
        meter.handle_timeout(now, MS * 100);
        take(&mut meter, now);
        let begun = probes.iter().position(|(way, _)| *way == Way::Answered);
        let from = &probes[begun.unwrap_or(probes.len())..];
        let count = |wanted: Way| from.iter().filter(|(way, _)| *way == wanted).count() as u64;
        // Without a look for a minute the oldest are forgotten.
        let looked_in_time = interval as usize * probes.len() < 50_000
            || interval < 500 && probes.chunks(100).all(|part| part.iter().any(|(_, looks)| *looks));
        if looked_in_time && begun.is_some() {
            prop_assert_eq!(sent, from.len() as u64);
            prop_assert_eq!(answered, count(Way::Answered));
        }
        prop_assert_eq!(sent, answered + lost);
        if looked_in_time && begun.is_some() {
            let wanted = count(Way::LostForward);
            prop_assert!(forward <= wanted && wanted <= forward + unknown, "{forward} + {unknown}, {wanted}");
        }
    }
}
