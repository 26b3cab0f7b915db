//! The last probes of a session and what came of them.

use std::time::Duration;

/// Probes that the quality is taken from.
pub const WINDOW: usize = 100;

/// Probes that are remembered. More than the window, because a reply may still be on its way when
/// 100 later probes have gone: at 10 ms intervals the longest wait (2 s) covers 200 of them.
pub const REMEMBERED: usize = 256;

#[derive(Clone, Copy)]
struct Probe {
    sequence: u32,
    sent: Duration,
    fate: Fate,
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Waiting,
    Missed,
    Answered { rtt_micros: u32 },
}

pub struct Window {
    probes: Box<[Option<Probe>; REMEMBERED]>,
    next: u32,
    /// Everything before it is answered or missed.
    oldest_waiting: u32,
    /// When the first probe that was ever answered went. Those before it met nobody (a neighbour
    /// that had not started, a WireGuard session that was not there): they say nothing of the way.
    begun: Option<Duration>,
}

/// What a reply turned out to be.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// The first reply to a probe that was sent so long before.
    First { sent: Duration },
    /// A copy, a forgery, one that is far too late, or from an earlier life of this router.
    Stale,
}

impl Window {
    pub fn new() -> Self {
        Window {
            probes: Box::new([None; REMEMBERED]),
            next: 0,
            oldest_waiting: 0,
            begun: None,
        }
    }

    /// Remembers a probe and gives it the next sequence number.
    pub fn sent(&mut self, now: Duration) -> u32 {
        let sequence = self.next;
        *self.at(sequence) = Some(Probe {
            sequence,
            sent: now,
            fate: Fate::Waiting,
        });
        self.next = sequence.wrapping_add(1);
        sequence
    }

    /// Also a reply that comes after its probe was given up counts, up to `latest`: it did arrive.
    pub fn answered(
        &mut self,
        sequence: u32,
        residence: Duration,
        latest: Duration,
        now: Duration,
    ) -> Answer {
        let Some(probe) = self.at(sequence) else {
            return Answer::Stale;
        };
        if probe.sequence != sequence || matches!(probe.fate, Fate::Answered { .. }) {
            return Answer::Stale;
        }
        if now.saturating_sub(probe.sent) > latest {
            return Answer::Stale;
        }
        let round_trip = now.saturating_sub(probe.sent).saturating_sub(residence);
        let rtt_micros = u32::try_from(round_trip.as_micros()).unwrap_or(u32::MAX);
        probe.fate = Fate::Answered { rtt_micros };
        let sent = probe.sent;
        // Replies may overtake one another.
        self.begun = Some(self.begun.map_or(sent, |begun| begun.min(sent)));
        Answer::First { sent }
    }

    /// Gives up probes sent before `deadline` and counts those that were still waited for.
    pub fn give_up_before(&mut self, deadline: Duration) -> u32 {
        let mut missed = 0;
        while self.oldest_waiting != self.next {
            let sequence = self.oldest_waiting;
            // One that was overwritten meanwhile is as good as missed.
            let Some(probe) = self
                .at(sequence)
                .as_mut()
                .filter(|p| p.sequence == sequence)
            else {
                missed += 1;
                self.oldest_waiting = sequence.wrapping_add(1);
                continue;
            };
            if probe.sent >= deadline {
                break;
            }
            if probe.fate == Fate::Waiting {
                probe.fate = Fate::Missed;
                missed += 1;
            }
            self.oldest_waiting = sequence.wrapping_add(1);
        }
        missed
    }

    /// Median of the window's round trips.
    pub fn rtt_micros(&self) -> Option<u32> {
        let mut all: Vec<u32> = self.round_trips().collect();
        if all.is_empty() {
            return None;
        }
        let middle = all.len() / 2;
        Some(*all.select_nth_unstable(middle).1)
    }

    /// Mean difference of successive round trips; needs two of them.
    pub fn jitter_micros(&self) -> Option<u32> {
        let mut last = None;
        let (mut sum, mut count) = (0u64, 0u64);
        for rtt in self.round_trips() {
            if let Some(last) = last.replace(rtt) {
                sum += u64::from(rtt.abs_diff(last));
                count += 1;
            }
        }
        (count > 0).then(|| (sum / count) as u32)
    }

    /// Share of probes that are known to be missed among those whose fate is known, from the first
    /// one on that was answered; while none ever was, of all.
    pub fn loss(&self) -> f64 {
        let (mut known, mut missed) = (0u32, 0u32);
        let begun = self.begun.unwrap_or(Duration::ZERO);
        for probe in self.recent().filter(|probe| probe.sent >= begun) {
            match probe.fate {
                Fate::Waiting => continue,
                Fate::Missed => missed += 1,
                Fate::Answered { .. } => {}
            }
            known += 1;
        }
        if known == 0 {
            0.0
        } else {
            f64::from(missed) / f64::from(known)
        }
    }

    fn round_trips(&self) -> impl Iterator<Item = u32> + '_ {
        self.recent().filter_map(|probe| match probe.fate {
            Fate::Answered { rtt_micros } => Some(rtt_micros),
            _ => None,
        })
    }

    /// The last [`WINDOW`] probes, oldest first.
    fn recent(&self) -> impl Iterator<Item = &Probe> + '_ {
        (1..=WINDOW as u32).rev().filter_map(|back| {
            let sequence = self.next.wrapping_sub(back);
            self.probes[sequence as usize % REMEMBERED]
                .as_ref()
                .filter(|probe| probe.sequence == sequence)
        })
    }

    fn at(&mut self, sequence: u32) -> &mut Option<Probe> {
        &mut self.probes[sequence as usize % REMEMBERED]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const LATEST: Duration = Duration::from_secs(2);

    #[test]
    fn quality_of_a_window() {
        let mut window = Window::new();
        assert_eq!(
            (window.rtt_micros(), window.jitter_micros(), window.loss()),
            (None, None, 0.0)
        );
        for (index, rtt) in [10, 20, 40, 10].into_iter().enumerate() {
            let sent = MS * 100 * index as u32;
            let sequence = window.sent(sent);
            assert_eq!(sequence, index as u32);
            let answer = window.answered(sequence, MS * 3, LATEST, sent + MS * (rtt + 3));
            assert_eq!(answer, Answer::First { sent });
        }
        assert_eq!(window.rtt_micros(), Some(20_000));
        assert_eq!(window.jitter_micros(), Some(20_000));
        assert_eq!(window.loss(), 0.0);
        window.sent(MS * 400);
        assert_eq!(window.loss(), 0.0, "one that may still come is not lost");
        assert_eq!(window.give_up_before(MS * 401), 1);
        assert_eq!(window.give_up_before(MS * 401), 0);
        assert_eq!(window.loss(), 0.2);
    }

    #[test]
    fn probes_before_the_first_reply_are_no_loss() {
        let mut window = Window::new();
        for index in 0..30 {
            window.sent(MS * index);
        }
        assert_eq!(window.give_up_before(MS * 100), 30);
        assert_eq!(window.loss(), 1.0, "while nobody answers, everything is");
        let first = window.sent(MS * 101);
        let second = window.sent(MS * 102);
        window.sent(MS * 103);
        // The second reply comes before the first.
        window.answered(second, Duration::ZERO, LATEST, MS * 110);
        window.answered(first, Duration::ZERO, LATEST, MS * 111);
        assert_eq!(window.loss(), 0.0);
        assert_eq!(window.give_up_before(MS * 200), 1);
        assert_eq!(
            window.loss(),
            1.0 / 3.0,
            "from the first on, every one counts"
        );
    }

    #[test]
    fn only_the_last_hundred_count() {
        let mut window = Window::new();
        for index in 0..150u32 {
            let sequence = window.sent(MS * index);
            if index == 0 || index >= 100 {
                window.answered(sequence, Duration::ZERO, LATEST, MS * (index + 1));
            }
        }
        window.give_up_before(MS * 1000);
        assert_eq!(window.loss(), 0.5);
    }

    #[test]
    fn copies_and_strangers_are_stale() {
        let mut window = Window::new();
        let sequence = window.sent(MS);
        assert_eq!(
            window.answered(sequence + 1, Duration::ZERO, LATEST, MS * 2),
            Answer::Stale
        );
        assert_eq!(
            window.answered(sequence, Duration::ZERO, LATEST, MS * 2),
            Answer::First { sent: MS }
        );
        assert_eq!(
            window.answered(sequence, Duration::ZERO, LATEST, MS * 2),
            Answer::Stale
        );
        assert_eq!(
            window.answered(sequence + 256, Duration::ZERO, LATEST, MS * 2),
            Answer::Stale
        );
    }

    #[test]
    fn a_late_reply_takes_the_loss_back() {
        let mut window = Window::new();
        let sequence = window.sent(MS);
        assert_eq!(window.give_up_before(MS * 500), 1);
        assert_eq!(window.loss(), 1.0);
        window.answered(sequence, Duration::ZERO, LATEST, MS * 601);
        assert_eq!((window.loss(), window.rtt_micros()), (0.0, Some(600_000)));
        let sequence = window.sent(MS * 1000);
        let answer = window.answered(sequence, Duration::ZERO, LATEST, MS * 3001);
        assert_eq!(
            answer,
            Answer::Stale,
            "but not one that waited somewhere for a session"
        );
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut window = Window::new();
        window.next = u32::MAX;
        window.oldest_waiting = u32::MAX;
        for index in 0..3 {
            let sequence = window.sent(MS * index);
            window.answered(sequence, Duration::ZERO, LATEST, MS * (index + 1));
        }
        assert_eq!(window.give_up_before(MS * 10), 0);
        assert_eq!(window.round_trips().count(), 3);
    }
}
