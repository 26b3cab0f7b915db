//! Intervals that are announced, those that are gone by, and the Poll Sequence that brings the
//! second in line with the first (RFC 5880 §6.5, §6.8.3).

use std::num::NonZeroU8;
use std::time::Duration;

use crate::Settings;

/// Least announced between packets while a session is not Up (§6.8.3), so that one whose neighbour
/// does not speak BFD costs nothing.
pub const SLOW_MICROS: u32 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intervals {
    /// `bfd.DesiredMinTxInterval`.
    pub tx_micros: u32,
    /// `bfd.RequiredMinRxInterval`.
    pub rx_micros: u32,
}

/// ```text
///          a change           Final               a packet without Final, late enough
///   Idle ────────────▶ Active ──────▶ Settling ──────────────────────────────────────▶ Idle
/// ```
///
/// A change that comes up on the way waits for Idle: each sequence is about one change only, and no
/// late Final may be taken for an answer to the next (§6.8.3). While a first Final is under way,
/// Polls keep leaving, and each has its own; so a packet without Final (the third choice there) is
/// not enough, as long as it comes within a round trip of the last Poll (the second).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Poll {
    Idle,
    Active,
    Settling { until: Duration },
}

#[derive(Debug)]
pub struct Timers {
    settings: Settings,
    announced: Intervals,
    effective: Intervals,
    poll: Poll,
    /// When the first and the last Poll left, of this sequence and of one that it took the place of;
    /// none before the first, and when no Final can come any more.
    polls: Option<(Duration, Duration)>,
}

impl Timers {
    /// Of a session that is Down.
    pub fn new(settings: Settings) -> Self {
        let intervals = wanted(&settings, false);
        Self {
            settings,
            announced: intervals,
            effective: intervals,
            poll: Poll::Idle,
            polls: None,
        }
    }

    /// What packets say.
    pub fn announced(&self) -> Intervals {
        self.announced
    }

    /// What the session goes by.
    pub fn effective(&self) -> Intervals {
        self.effective
    }

    pub fn detect_mult(&self) -> NonZeroU8 {
        self.settings.detect_mult()
    }

    pub fn is_polling(&self) -> bool {
        self.poll == Poll::Active
    }

    pub fn configure(&mut self, settings: Settings, up: bool, heard: bool) {
        self.settings = settings;
        self.follow(up, heard);
    }

    /// The session became Up or is no longer. Nothing was put off while it was not Up, and nothing
    /// is put off by going Up, which only makes packets more frequent: so this waits for no
    /// sequence, and a Final that is under way may end the new one without harm.
    ///
    /// `heard`: the neighbour's discriminator is known.
    pub fn handle_state(&mut self, up: bool, heard: bool) {
        if wanted(&self.settings, up) != self.announced {
            self.poll = Poll::Idle;
        }
        self.follow(up, heard);
    }

    /// Nobody is there to answer.
    pub fn handle_lost(&mut self) {
        self.poll = Poll::Idle;
        self.polls = None;
    }

    /// A packet of the sequence leaves.
    pub fn handle_poll(&mut self, now: Duration) {
        let first = self.polls.map_or(now, |(first, _)| first);
        self.polls = Some((first, now));
    }

    /// A packet was taken in.
    pub fn handle_packet(&mut self, r#final: bool, up: bool, now: Duration) {
        match (self.poll, self.polls) {
            // §6.8.6: the sequence ends, and what it put off takes effect.
            (Poll::Active, Some((first, last))) if r#final => {
                self.effective = self.announced;
                // It answers one of them, so a round trip takes no longer than since the first.
                // Twice that, since it varies.
                let until = last + now.saturating_sub(first) * 2;
                self.poll = Poll::Settling { until };
            }
            (Poll::Settling { until }, _) if !r#final && now >= until => {
                self.poll = Poll::Idle;
                self.polls = None;
                self.follow(up, true);
            }
            _ => {}
        }
    }

    fn follow(&mut self, up: bool, heard: bool) {
        let wanted = wanted(&self.settings, up);
        if !up {
            // §6.8.3 puts off changes of a session that is Up; any other takes effect at once.
            self.effective = wanted;
        } else if self.poll != Poll::Idle {
            return;
        }
        if wanted == self.announced {
            return;
        }
        if up {
            // "If bfd.DesiredMinTxInterval is increased …, the actual transmission interval used
            // MUST NOT change until the Poll Sequence … has terminated."
            self.effective.tx_micros = wanted.tx_micros.min(self.effective.tx_micros);
            // "If bfd.RequiredMinRxInterval is reduced …, the previous value … MUST be used when
            // calculating the Detection Time … until the Poll Sequence … has terminated."
            self.effective.rx_micros = wanted.rx_micros.max(self.effective.rx_micros);
        }
        self.announced = wanted;
        // "… a Poll Sequence MUST be initiated": as soon as there is somebody to be asked.
        self.poll = if heard { Poll::Active } else { Poll::Idle };
    }
}

fn wanted(settings: &Settings, up: bool) -> Intervals {
    let tx_micros = settings.desired_min_tx_micros();
    Intervals {
        tx_micros: if up {
            tx_micros
        } else {
            tx_micros.max(SLOW_MICROS)
        },
        rx_micros: settings.required_min_rx_micros(),
    }
}

/// How long to wait after a packet (§6.8.7): 75–100 % of the interval, at most 90 % if a single
/// missing packet is to end the session, so that the next is there before it is missed.
/// `random`: any 32 bits.
pub fn jittered(interval_micros: u32, detect_mult: NonZeroU8, random: u32) -> Duration {
    let interval = u64::from(interval_micros);
    let (least, span) = match detect_mult.get() {
        1 => (interval * 75 / 100, interval * 15 / 100),
        _ => (interval * 75 / 100, interval * 25 / 100),
    };
    Duration::from_micros(least + ((span * u64::from(random)) >> 32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u32 = 1000;

    fn settings(tx_millis: u32, rx_millis: u32) -> Settings {
        Settings::new(tx_millis * MS, rx_millis * MS, 3).unwrap()
    }

    fn intervals(tx_millis: u32, rx_millis: u32) -> Intervals {
        Intervals {
            tx_micros: tx_millis * MS,
            rx_micros: rx_millis * MS,
        }
    }

    const SENT: Duration = Duration::from_millis(100);
    const ANSWERED: Duration = Duration::from_millis(140);
    const LATER: Duration = Duration::from_millis(180);

    impl Timers {
        /// A Poll leaves, and its Final arrives 40 ms later.
        fn answer(&mut self) {
            self.handle_poll(SENT);
            self.handle_packet(true, true, ANSWERED);
        }
    }

    /// Of a session that came Up and settled.
    fn up(tx_millis: u32, rx_millis: u32) -> Timers {
        let mut timers = Timers::new(settings(tx_millis, rx_millis));
        timers.handle_state(true, true);
        timers.answer();
        timers.handle_packet(false, true, LATER);
        assert_eq!(timers.effective(), intervals(tx_millis, rx_millis));
        assert_eq!(timers.poll, Poll::Idle);
        timers
    }

    #[test]
    fn slow_until_up_and_fast_at_once() {
        let mut timers = Timers::new(settings(50, 50));
        assert_eq!(timers.announced(), intervals(1000, 50));
        assert_eq!(timers.effective(), intervals(1000, 50));
        timers.handle_state(true, true);
        assert_eq!(timers.announced(), intervals(50, 50));
        assert_eq!(timers.effective(), intervals(50, 50));
        assert!(timers.is_polling());
        timers.handle_state(false, true);
        assert_eq!(timers.effective(), intervals(1000, 50));
        assert_eq!(timers.announced(), intervals(1000, 50));
        assert!(timers.is_polling());
        timers.handle_lost();
        assert!(!timers.is_polling());
    }

    #[test]
    fn what_is_slow_anyway_needs_no_sequence_to_come_up() {
        let mut timers = Timers::new(settings(2000, 50));
        assert_eq!(timers.announced(), intervals(2000, 50));
        timers.handle_state(true, true);
        assert!(!timers.is_polling());
    }

    #[test]
    fn sending_more_rarely_waits_for_the_final() {
        let mut timers = up(50, 50);
        timers.configure(settings(300, 50), true, true);
        assert_eq!(timers.announced(), intervals(300, 50));
        assert_eq!(timers.effective(), intervals(50, 50));
        timers.handle_packet(false, true, LATER);
        assert_eq!(timers.effective(), intervals(50, 50));
        timers.answer();
        assert_eq!(timers.effective(), intervals(300, 50));
    }

    #[test]
    fn expecting_more_often_waits_for_the_final() {
        let mut timers = up(50, 300);
        timers.configure(settings(50, 50), true, true);
        assert_eq!(timers.announced(), intervals(50, 50));
        assert_eq!(timers.effective(), intervals(50, 300));
        timers.answer();
        assert_eq!(timers.effective(), intervals(50, 50));
    }

    #[test]
    fn the_other_two_take_effect_at_once() {
        let mut timers = up(300, 50);
        timers.configure(settings(50, 300), true, true);
        assert_eq!(timers.effective(), intervals(50, 300));
        assert!(timers.is_polling());
    }

    #[test]
    fn a_second_change_waits_for_the_first_and_for_a_packet_without_final() {
        let mut timers = up(50, 50);
        timers.configure(settings(100, 50), true, true);
        timers.configure(settings(200, 20), true, true);
        assert_eq!(timers.announced(), intervals(100, 50));
        timers.answer();
        assert!(!timers.is_polling());
        timers.handle_packet(true, true, LATER); // of another Poll
        assert_eq!(timers.announced(), intervals(100, 50));
        timers.handle_packet(false, true, LATER);
        assert!(timers.is_polling());
        assert_eq!(timers.announced(), intervals(200, 20));
        assert_eq!(timers.effective(), intervals(100, 50));
        timers.answer();
        assert_eq!(timers.effective(), intervals(200, 20));
    }

    #[test]
    fn finals_of_one_sequence_do_not_end_the_next() {
        let mut timers = up(50, 50);
        timers.configure(settings(100, 50), true, true);
        timers.handle_packet(true, true, SENT);
        assert!(timers.is_polling(), "nothing was asked yet");
        // Asked at 100 and 130, answered at 140: the other answer can be there until 170.
        timers.handle_poll(SENT);
        timers.handle_poll(SENT + Duration::from_millis(30));
        timers.handle_packet(true, true, ANSWERED);
        timers.configure(settings(200, 50), true, true);
        timers.handle_packet(false, true, SENT + Duration::from_millis(65));
        assert_eq!(
            timers.announced(),
            intervals(100, 50),
            "too early to ask again"
        );
        timers.handle_packet(true, true, SENT + Duration::from_millis(70));
        timers.handle_packet(false, true, SENT + Duration::from_millis(110));
        assert!(timers.is_polling());
        assert_eq!(timers.announced(), intervals(200, 50));
        assert_eq!(timers.effective(), intervals(100, 50));
    }

    #[test]
    fn what_was_put_off_takes_effect_when_the_session_falls() {
        let mut timers = up(50, 300);
        timers.configure(settings(100, 50), true, true);
        timers.configure(settings(100, 20), true, true);
        timers.handle_state(false, false);
        assert_eq!(timers.effective(), intervals(1000, 20));
        assert_eq!(timers.announced(), intervals(1000, 20));
        assert!(!timers.is_polling());
    }

    proptest! {
        #[test]
        fn jitter_keeps_its_bounds(interval: u32, mult: NonZeroU8, random: u32) {
            let waited = jittered(interval, mult, random).as_micros() as u64;
            let most = if mult.get() == 1 { 90 } else { 100 };
            prop_assert!(waited >= u64::from(interval) * 75 / 100);
            prop_assert!(waited <= u64::from(interval) * most / 100);
        }
    }

    #[test]
    fn jitter_uses_its_range() {
        let [one, three] = [1, 3].map(|mult| NonZeroU8::new(mult).unwrap());
        let micros = |mult, random| jittered(100_000, mult, random).as_micros();
        assert_eq!([micros(one, 0), micros(one, u32::MAX)], [75_000, 89_999]);
        assert_eq!(
            [micros(three, 0), micros(three, u32::MAX)],
            [75_000, 99_999]
        );
    }
}
