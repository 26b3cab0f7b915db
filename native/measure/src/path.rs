//! One path's probes: what was sent, what came back, and what it says.

use std::ops::Range;
use std::time::Duration;

use labelway_wire::stamp::{ReflectorPacket, Timestamp};

use crate::direction::{Directions, Reflected};
use crate::probe::{Fate, NO_ROUND_TRIP, Probe, Ring, after};
use crate::slices::{DAY, QUARTER, Slices, count_up};
use crate::summary::{Last, Scratch, Summary, Totals, Window};

/// Longest wait for an answer. Later ones say nothing about the way as it is now (they waited for a
/// WireGuard session, for example); a satellite hop takes 0.6 s.
pub const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How long single probes are kept: the windows up to a minute are read from them.
pub const KEPT: Duration = Duration::from_secs(60);
/// Probes kept at most, 192 KiB; a minute at one every 10 ms is 6,000.
pub const MAX_KEPT: usize = 8192;

/// A lost probe is told of when so many behind it have met their fate: until then one of them may
/// still tell which direction lost it.
const TOLD_BEHIND: i32 = 4;
/// Or after so long, on paths that are probed slowly.
const TOLD_AFTER_MICROS: u64 = 3_000_000;

const KEPT_MICROS: u64 = KEPT.as_micros() as u64;

/// What is known of the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reflector {
    /// It numbers its answers itself (RFC 8762 §4.3, stateful).
    Counts,
    /// It may copy the sender's number (stateless), which looks the same until a probe is lost on
    /// the way there. Until then the direction of a loss is unknown.
    Unknown,
}

/// What an answer says; times by the clock of who wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    pub sender_sequence: u32,
    pub reflector_sequence: u32,
    /// T1, as the probe said; who has not seen the probe cannot know it.
    pub sent: Timestamp,
    /// T2 and T3.
    pub received: Timestamp,
    pub sent_back: Timestamp,
}

impl From<&ReflectorPacket> for Reply {
    fn from(packet: &ReflectorPacket) -> Self {
        Reply {
            sender_sequence: packet.sender_sequence,
            reflector_sequence: packet.sequence,
            sent: packet.sender_timestamp,
            received: packet.received,
            sent_back: packet.timestamp,
        }
    }
}

/// What an answer turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The first to its probe. Without a round trip if the reflector's clock was set meanwhile.
    First {
        round_trip: Option<Duration>,
    },
    /// As `First`, after the probe was given up: its loss is taken back.
    Late {
        round_trip: Option<Duration>,
    },
    /// A copy that the way there made (reflected twice) or the way back.
    ForwardCopy,
    ReturnCopy,
    /// A forgery, one beyond [`LONGEST_WAIT`], or from an earlier life of this router.
    Stale,
}

/// Loss, round trips, jitter and order of one path.
///
/// Sequence numbers start at 0 (RFC 8762 §4.2.1) and wrap. A router that starts anew has a new
/// meter; answers to its former life do not know its timestamps.
#[derive(Debug)]
pub struct PathMeter {
    probes: Ring,
    /// Everything before it is answered or given up.
    settled: u32,
    /// Everything before it was told of by a look.
    told: u32,
    told_last: Last,
    /// When the first probe that was ever answered went. Those before it met nobody (a neighbour
    /// that had not started, a session that was not there): they say nothing of the way.
    begun_micros: Option<u64>,
    directions: Directions,
    quarter: Slices,
    quarter_last: Last,
    day: Slices,
    day_last: Last,
}

impl PathMeter {
    pub fn new(reflector: Reflector) -> Self {
        Self::starting_at(0, reflector)
    }

    /// A session whose first probe has this sequence number.
    pub fn starting_at(first: u32, reflector: Reflector) -> Self {
        PathMeter {
            probes: Ring::new(first),
            settled: first,
            told: first,
            told_last: Last::default(),
            begun_micros: None,
            directions: Directions::new(first, reflector == Reflector::Counts),
            quarter: Slices::new(QUARTER),
            quarter_last: Last::default(),
            day: Slices::new(DAY),
            day_last: Last::default(),
        }
    }

    /// A probe goes out with this timestamp (T1) and class (TC, 0–7); returns its sequence number.
    pub fn handle_sent(&mut self, now: Duration, sent: Timestamp, class: u8) -> u32 {
        let now = micros(now);
        self.forget(now);
        self.probes.push(Probe::new(now, sent.0 as u32, class & 7))
    }

    /// An answer came (T4 is `now`).
    pub fn handle_reply(&mut self, reply: &Reply, now: Duration) -> Answer {
        let now = micros(now);
        let sequence = reply.sender_sequence;
        let Some(probe) = self.probes.at(sequence).copied() else {
            return Answer::Stale;
        };
        let elapsed = now.saturating_sub(probe.sent_micros);
        if probe.nonce != reply.sent.0 as u32 || elapsed > LONGEST_WAIT.as_micros() as u64 {
            return Answer::Stale;
        }
        if probe.fate == Fate::Answered {
            return self.handle_copy(reply, &probe);
        }
        let (life, overtaken) = self.directions.handle_answer(&Reflected {
            sequence,
            reflected: reply.reflector_sequence,
            sent_back: reply.sent_back,
        });
        let residence = reply.sent_back.micros_since(reply.received);
        let round_trip = u64::try_from(residence)
            .ok()
            .and_then(|residence| elapsed.checked_sub(residence))
            .map(|micros| u32::try_from(micros).unwrap_or(NO_ROUND_TRIP - 1));
        let was = probe.fate;
        if let Some(probe) = self.probes.at_mut(sequence) {
            probe.fate = Fate::Answered;
            probe.reflected = reply.reflector_sequence;
            probe.round_trip_micros = round_trip.unwrap_or(NO_ROUND_TRIP);
            probe.set_life(life);
            if overtaken {
                probe.mark_return_reordered();
            }
            if was.is_lost() {
                probe.mark_late();
            }
        }
        self.begin(probe.sent_micros);
        let round_trip = round_trip.map(|micros| Duration::from_micros(micros.into()));
        let answer = if was.is_lost() {
            self.directions.handle_late(&mut self.probes, sequence, was);
            Answer::Late { round_trip }
        } else {
            Answer::First { round_trip }
        };
        self.settle(now, None);
        answer
    }

    /// Gives up probes that were sent more than `wait` ago and tells how many. To be called every
    /// interval or more often; `wait` may change from call to call.
    pub fn handle_timeout(&mut self, now: Duration, wait: Duration) -> u32 {
        let now = micros(now);
        let deadline = now.saturating_sub(micros(wait.min(LONGEST_WAIT)));
        let missed = self.settle(now, Some(deadline));
        self.forget(now);
        missed
    }

    /// What the probes of the last second, minute, … say. Short windows end at `now`; long ones
    /// reach up to a slice further back.
    pub fn summary(&self, window: Window, now: Duration, scratch: &mut Scratch) -> Summary {
        self.summarise(window, None, micros(now), scratch)
    }

    /// The same for one class alone, so that a starved one is seen; up to a minute back.
    pub fn summary_of_class(
        &self,
        class: u8,
        window: Window,
        now: Duration,
        scratch: &mut Scratch,
    ) -> Summary {
        let window = window.min(Window::Minute);
        self.summarise(window, Some(class), micros(now), scratch)
    }

    /// The last so many probes, of a minute at most.
    pub fn summary_of_last(&self, count: usize, now: Duration, scratch: &mut Scratch) -> Summary {
        let begin = micros(now).saturating_sub(KEPT_MICROS);
        let skipped = self
            .skipped(begin)
            .max(self.probes.len().saturating_sub(count));
        self.sum_up(skipped..self.probes.len(), &mut Last::default(), scratch)
    }

    /// What became of the probes whose fate was settled since the last look, each in one look only;
    /// none if there are none. A window by the time of sending would end before the fates of its
    /// last probes are known, and never count those of them that were lost.
    pub fn look(&mut self, now: Duration, scratch: &mut Scratch) -> Option<Summary> {
        // While nobody has answered, nothing is known of the way.
        self.begun_micros?;
        let patient = micros(now).saturating_sub(TOLD_AFTER_MICROS);
        let first = self.probes.first();
        let from = (after(self.told, first).max(0) as usize).max(self.skipped(0));
        let mut end = first.wrapping_add(from as u32);
        while after(self.settled, end) > 0
            && self.probes.at(end).is_some_and(|probe| {
                probe.fate != Fate::Lost
                    || after(self.settled, end) > TOLD_BEHIND
                    || probe.sent_micros < patient
            })
        {
            end = end.wrapping_add(1);
        }
        let to = after(end, first) as usize;
        if to == from {
            return None;
        }
        let mut last = self.told_last;
        let summary = self.sum_up(from..to, &mut last, scratch);
        (self.told, self.told_last) = (end, last);
        Some(summary)
    }

    /// Classes of the probes of the last minute, bit 0 for TC 0.
    pub fn classes(&self) -> u8 {
        self.probes
            .iter()
            .fold(0, |all, probe| all | 1 << probe.class)
    }

    /// Of kept probes, oldest first; `last` is what the one before them left.
    fn sum_up(&self, range: Range<usize>, last: &mut Last, scratch: &mut Scratch) -> Summary {
        let mut totals = Totals::default();
        scratch.samples.clear();
        for probe in self.probes.iter().take(range.end).skip(range.start) {
            totals.add(probe, last);
            scratch.samples.extend(probe.round_trip());
        }
        let samples = &mut scratch.samples;
        totals.summary(|quantile| rank(samples, quantile))
    }

    fn summarise(
        &self,
        window: Window,
        class: Option<u8>,
        now: u64,
        scratch: &mut Scratch,
    ) -> Summary {
        let long = window > Window::Minute;
        let begin = now.saturating_sub(micros(window.width()));
        let skipped = self.skipped(if long { 0 } else { begin });
        let mut totals = Totals::default();
        scratch.samples.clear();
        // The pair of the oldest kept probe and the newest handed on counts too.
        let mut last = match window {
            Window::Day => self.day_last,
            Window::Quarter => self.quarter_last,
            _ => Last::default(),
        };
        let probes = self.probes.iter().skip(skipped);
        for probe in probes.filter(|probe| class.is_none_or(|class| probe.class == class)) {
            totals.add(probe, &mut last);
            scratch.samples.extend(probe.round_trip());
        }
        if !long {
            let samples = &mut scratch.samples;
            return totals.summary(|quantile| rank(samples, quantile));
        }
        let merged = &mut scratch.merged;
        merged.reset();
        for sample in &scratch.samples {
            count_up(merged, *sample, 1);
        }
        let slices = match window {
            Window::Day => &self.day,
            _ => &self.quarter,
        };
        slices.gather(now, &mut totals, merged);
        totals.summary(|quantile| match merged.quantile_bucket(quantile) {
            Ok(Some(bucket)) => ((bucket.start() + bucket.end()) / 2) as u32,
            _ => 0,
        })
    }

    /// How many of the kept probes were sent before `begin` or before anybody answered.
    fn skipped(&self, begin: u64) -> usize {
        let begin = begin.max(self.begun_micros.unwrap_or(0));
        // Ascending by time: a probe sent at the very beginning counts.
        let (mut low, mut high) = (0, self.probes.len());
        while low < high {
            let middle = low.midpoint(high);
            let at = self.probes.first().wrapping_add(middle as u32);
            match self.probes.at(at) {
                Some(probe) if probe.sent_micros < begin => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    fn handle_copy(&mut self, reply: &Reply, probe: &Probe) -> Answer {
        let on_return = probe.reflected == reply.reflector_sequence;
        if !on_return {
            self.directions
                .handle_copy(reply.reflector_sequence, probe.life());
        }
        if let Some(probe) = self.probes.at_mut(reply.sender_sequence) {
            if on_return {
                probe.add_return_copy();
            } else {
                probe.add_forward_copy();
            }
        }
        if on_return {
            Answer::ReturnCopy
        } else {
            Answer::ForwardCopy
        }
    }

    /// Answers may overtake one another: the oldest answered probe counts.
    fn begin(&mut self, sent_micros: u64) {
        if self.begun_micros.is_none() {
            self.quarter.clear();
            self.day.clear();
        }
        let begun = self.begun_micros.get_or_insert(sent_micros);
        *begun = sent_micros.min(*begun);
    }

    fn settle(&mut self, now: u64, deadline: Option<u64>) -> u32 {
        let mut missed = 0;
        while self.settled != self.probes.next() {
            if let Some(probe) = self.probes.at_mut(self.settled)
                && probe.fate == Fate::Waiting
            {
                if deadline.is_none_or(|deadline| probe.sent_micros >= deadline) {
                    break;
                }
                probe.fate = Fate::Lost;
                missed += 1;
            }
            self.settled = self.settled.wrapping_add(1);
        }
        self.directions.judge(&mut self.probes, self.settled, now);
        missed
    }

    /// Hands probes that are a minute old on to the slices: nothing changes in them any more.
    fn forget(&mut self, now: u64) {
        let full = self.probes.len() >= MAX_KEPT;
        let old = now.saturating_sub(KEPT_MICROS);
        if !full
            && self
                .probes
                .oldest()
                .is_none_or(|probe| probe.sent_micros >= old)
        {
            return;
        }
        self.settle(now, Some(now.saturating_sub(micros(LONGEST_WAIT))));
        while let Some(probe) = self.probes.oldest() {
            let full = self.probes.len() >= MAX_KEPT;
            if !full && probe.sent_micros >= old {
                return;
            }
            let Some(mut probe) = self.probes.pop() else {
                return;
            };
            if probe.fate == Fate::Waiting {
                probe.fate = Fate::Lost;
            }
            if after(self.settled, self.probes.first()) < 0 {
                self.settled = self.probes.first();
            }
            if self
                .begun_micros
                .is_none_or(|begun| probe.sent_micros >= begun)
            {
                self.quarter.add(&probe, &mut self.quarter_last);
                self.day.add(&probe, &mut self.day_last);
            }
        }
    }
}

/// The nearest rank: the smallest sample that so large a share does not exceed.
fn rank(samples: &mut [u32], quantile: f64) -> u32 {
    let rank = (quantile * samples.len() as f64).ceil() as usize;
    let at = rank.clamp(1, samples.len()) - 1;
    *samples.select_nth_unstable(at).1
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
