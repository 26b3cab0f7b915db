//! What became of real packets on an adjacency: both ends' counters, compared.
//!
//! The ends are not read at one instant: a packet may be counted here and not yet there, or the
//! other way round. That passes with the next answer, while a loss stays. So what is told follows
//! the median of the last three differences, and never takes back what it has told.

use std::time::Duration;

use labelway_boundary::Carried;
use labelway_wire::stamp::DirectMeasurement;

/// Counters of both ends, as one answer has brought them together.
#[derive(Debug, Clone, Copy)]
pub struct Counters {
    /// As the answer says.
    pub exchanged: DirectMeasurement,
    /// Received here when the answer came.
    pub received: u32,
}

#[derive(Debug, Default)]
pub struct Direct {
    last: Option<Last>,
    forward: Way,
    back: Way,
    /// When the last answer came that was told of; none before the first.
    told_at: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    sequence: u32,
    at: Duration,
    counters: Counters,
}

/// Sums since the session began, without what lies across a restart of the neighbour.
#[derive(Debug, Default)]
struct Way {
    sent: i64,
    lost: i64,
    /// `lost` at the last answers.
    recent: [i64; 3],
    told_sent: i64,
    told_lost: i64,
}

impl Direct {
    /// The answer to probe `sequence` came at `now`.
    pub fn handle_answer(&mut self, sequence: u32, counters: Counters, now: Duration) {
        let next = Last {
            sequence,
            at: now,
            counters,
        };
        let Some(last) = self.last else {
            self.last = Some(next);
            self.told_at = Some(now);
            return;
        };
        if (sequence.wrapping_sub(last.sequence) as i32) <= 0 {
            return; // overtaken
        }
        self.last = Some(next);
        let grown = |of: fn(&Counters) -> u32| {
            i64::from(of(&counters).wrapping_sub(of(&last.counters)) as i32)
        };
        let forward = (
            grown(|counters| counters.exchanged.sender_sent),
            grown(|counters| counters.exchanged.reflector_received),
        );
        let back = (
            grown(|counters| counters.exchanged.reflector_sent),
            grown(|counters| counters.received),
        );
        // Counters that fall are those of a neighbour that began anew.
        if [forward.0, forward.1, back.0, back.1]
            .iter()
            .any(|n| *n < 0)
        {
            return;
        }
        self.forward.add(forward);
        self.back.add(back);
    }

    /// What happened between the last answer that was told of and the newest; none if that is the
    /// same.
    pub fn take(&mut self) -> Option<Carried> {
        let (newest, told) = (self.last?.at, self.told_at?);
        if newest == told {
            return None;
        }
        self.told_at = Some(newest);
        let (forward_sent, forward_lost) = self.forward.take();
        let (return_sent, return_lost) = self.back.take();
        Some(Carried {
            span_millis: newest.saturating_sub(told).as_millis() as u32,
            forward_sent,
            forward_lost,
            return_sent,
            return_lost,
        })
    }
}

impl Way {
    fn add(&mut self, (sent, received): (i64, i64)) {
        self.sent += sent;
        self.lost += sent - received;
        self.recent.rotate_left(1);
        self.recent[2] = self.lost;
    }

    fn take(&mut self) -> (u64, u64) {
        let sent = self.sent - self.told_sent;
        let mut recent = self.recent;
        recent.sort_unstable();
        let lost = (recent[1] - self.told_lost).clamp(0, sent);
        self.told_sent += sent;
        self.told_lost += lost;
        (sent as u64, lost as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    fn counters(sent: u32, seen: u32, back: u32, received: u32) -> Counters {
        Counters {
            exchanged: DirectMeasurement {
                sender_sent: sent,
                reflector_received: seen,
                reflector_sent: back,
            },
            received,
        }
    }

    #[test]
    fn losses_are_told_by_direction() {
        let mut direct = Direct::default();
        assert_eq!(direct.take(), None);
        for step in 0..11 {
            // 100 packets there, of which 10 are lost, and 50 back.
            let counters = counters(step * 100, step * 90, step * 50, step * 50);
            direct.handle_answer(step, counters, MS * 100 * step);
        }
        let carried = direct.take().unwrap();
        assert_eq!(carried.span_millis, 1000);
        assert_eq!((carried.forward_sent, carried.return_sent), (1000, 500));
        // The last answer's are told with the next look.
        assert_eq!((carried.forward_lost, carried.return_lost), (90, 0));
        assert_eq!(direct.take(), None, "nobody has answered since");
    }

    #[test]
    fn a_neighbour_that_begins_anew_is_no_loss() {
        let mut direct = Direct::default();
        let start = 1000;
        direct.handle_answer(0, counters(start, start, start, start), MS);
        direct.handle_answer(1, counters(start + 10, 3, 4, start + 4), MS * 2);
        direct.handle_answer(2, counters(start + 20, 13, 14, start + 14), MS * 3);
        let carried = direct.take().unwrap();
        assert_eq!((carried.forward_sent, carried.forward_lost), (10, 0));
        assert_eq!((carried.return_sent, carried.return_lost), (10, 0));
    }

    #[test]
    fn counters_wrap_and_answers_are_overtaken() {
        let mut direct = Direct::default();
        let from = u32::MAX - 5;
        direct.handle_answer(0, counters(from, from, from, from), MS);
        let to = from.wrapping_add(20);
        direct.handle_answer(2, counters(to, to, to, to), MS * 2);
        direct.handle_answer(1, counters(from, from, from, from), MS * 3);
        let carried = direct.take().unwrap();
        assert_eq!((carried.forward_sent, carried.forward_lost), (20, 0));
    }

    proptest! {
        /// Against the truth: packets that are only under way are never taken for lost for good, and
        /// every loss is told in the end.
        #[test]
        fn what_is_under_way_is_not_lost(
            steps in prop::collection::vec((0u32..50, 0u32..10, prop::bool::weighted(0.1), any::<bool>()), 3..200),
        ) {
            let mut direct = Direct::default();
            let (mut sent, mut lost, mut told_sent, mut told_lost) = (0u32, 0u32, 0, 0);
            let mut calm = true;
            direct.handle_answer(0, counters(0, 0, 0, 0), MS);
            let mut sequence = 0;
            for (more, gone, skewed, look) in steps {
                sent += more;
                lost += gone.min(more);
                // One reading in a while comes too early; never two of three.
                let skew = if skewed && calm { (sent - lost).min(3) } else { 0 };
                let steady = skew == 0 && calm;
                calm = steady || skew == 0;
                sequence += 1;
                let seen = (sent - lost - skew).max(direct.last.unwrap().counters.exchanged.reflector_received);
                direct.handle_answer(sequence, counters(sent, seen, 0, 0), MS * (sequence + 1));
                if look && let Some(carried) = direct.take() {
                    told_sent += carried.forward_sent;
                    told_lost += carried.forward_lost;
                    prop_assert!(carried.forward_lost <= carried.forward_sent);
                }
            }
            for _ in 0..3 {
                sequence += 1;
                sent += 200;
                direct.handle_answer(sequence, counters(sent, sent - lost, 0, 0), MS * (sequence + 1));
            }
            let carried = direct.take().unwrap();
            prop_assert_eq!(told_sent + carried.forward_sent, u64::from(sent));
            prop_assert!(told_lost + carried.forward_lost >= u64::from(lost));
            prop_assert!(told_lost + carried.forward_lost <= u64::from(lost) + 3);
        }
    }
}
