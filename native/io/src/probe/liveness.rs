//! When a probed thing counts as up or down.

use std::time::Duration;

use labelway_boundary::{Liveness, ProbeTimers};
use labelway_measure::{Answer, LONGEST_WAIT, PathMeter, Reflector, Reply};
use labelway_wire::stamp::Timestamp;

use super::direct::Direct;
use super::sizing::Sizing;

/// How long a session that never had an answer may stay without a verdict.
const FIRST_VERDICT: Duration = Duration::from_secs(2);

/// So many misses in a row, and more probes have to say whether it is dead: one is bad luck, and
/// would be looked at more closely than what is good.
const DOUBTFUL: u32 = 2;
/// And as many as make it dead have to cover so much time for each: where probes go every 2 ms, five
/// misses are a hiccup.
const MISS: Duration = Duration::from_millis(10);
/// What went down is watched so long for its return, as if it were in use.
const FRESHLY_DOWN: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timers {
    pub interval: Duration,
    pub down_after: u32,
    pub up_after: u32,
}

impl From<&ProbeTimers> for Timers {
    fn from(timers: &ProbeTimers) -> Self {
        Timers {
            interval: Duration::from_millis(timers.interval_millis.max(1).into()),
            down_after: timers.down_after.max(1),
            up_after: timers.up_after.max(1),
        }
    }
}

/// The state has just become this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Up,
    Down,
}

/// Who decides that a probed thing is up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judge {
    /// Replies, and their absence.
    Probes,
    /// BFD; replies only measure.
    Bfd,
}

/// One probed thing. Pure: `now` is the time since the engine started.
///
/// ```text
///            first reply            down_after misses in a row
///  Unknown ──────────────▶ Up ◀──────────────────────────────▶ Down
///     │                          up_after replies in a row      ▲  (never up before: the first
///     └──────────────── no reply for 2 s ───────────────────────┘   reply is enough)
/// ```
pub struct Session {
    judge: Judge,
    pub(super) state: Liveness,
    pub(super) since: Duration,
    pub(super) downs: u64,
    pub(super) sent: u64,
    pub(super) answered: u64,
    misses_in_row: u32,
    replies_in_row: u32,
    /// When the first probe went; a verdict needs one.
    first_sent: Option<Duration>,
    pub(super) meter: PathMeter,
    /// Kept from the last replies, so that each timer tick need not look at all of them.
    usual_rtt: Option<Duration>,
    pub(super) told: Told,
    pub(super) direct: Direct,
    /// None until the first sized probe is due.
    pub(super) sizing: Option<Sizing>,
    /// When the last probe that was answered had been sent.
    alive: Option<Duration>,
}

/// What the last look told.
pub(super) struct Told {
    pub at: Duration,
    pub state: Liveness,
    pub downs: u64,
}

/// What became of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replied {
    /// It answers no probe that is waited for, or proves nothing.
    Stale,
    Taken(Option<Change>),
}

impl Session {
    pub fn new(judge: Judge, now: Duration) -> Self {
        Session {
            judge,
            state: Liveness::Unknown,
            since: now,
            downs: 0,
            sent: 0,
            answered: 0,
            misses_in_row: 0,
            replies_in_row: 0,
            first_sent: None,
            // All that answer are routers like this one.
            meter: PathMeter::new(Reflector::Counts),
            usual_rtt: None,
            told: Told {
                at: now,
                state: Liveness::Unknown,
                downs: 0,
            },
            direct: Direct::default(),
            sizing: None,
            alive: None,
        }
    }

    /// A probe goes out now, with this timestamp and class; returns its sequence number (RFC 8762
    /// §4.1.1).
    pub fn handle_sent(&mut self, now: Duration, sent: Timestamp, class: u8) -> u32 {
        self.sent += 1;
        self.first_sent.get_or_insert(now);
        self.meter.handle_sent(now, sent, class)
    }

    pub fn handle_reply(&mut self, reply: &Reply, timers: &Timers, now: Duration) -> Replied {
        let round_trip = match self.meter.handle_reply(reply, now) {
            Answer::First { round_trip } | Answer::Late { round_trip } => round_trip,
            Answer::ForwardCopy | Answer::ReturnCopy => return Replied::Taken(None),
            Answer::Stale => return Replied::Stale,
        };
        let first_ever = self.answered == 0;
        self.answered += 1;
        self.misses_in_row = 0;
        self.replies_in_row += 1;
        if let Some(round_trip) = round_trip {
            self.alive = self.alive.max(Some(now.saturating_sub(round_trip)));
            self.learn_rtt(round_trip);
        }
        let enough = first_ever || self.replies_in_row >= timers.up_after;
        let up = self.judge == Judge::Probes && self.state != Liveness::Up && enough;
        Replied::Taken(up.then(|| self.become_state(Change::Up, now)))
    }

    /// To be called every interval or more often.
    pub fn handle_timeout(&mut self, timers: &Timers, now: Duration) -> Option<Change> {
        if let Some(sizing) = &mut self.sizing {
            sizing.handle_timeout(self.alive, now);
        }
        let missed = self.meter.handle_timeout(now, self.wait(timers));
        if missed > 0 {
            self.misses_in_row = self.misses_in_row.saturating_add(missed);
            self.replies_in_row = 0;
        }
        let down = match self.state {
            Liveness::Up => self.judge == Judge::Probes && self.is_silent(timers, now),
            Liveness::Unknown => self
                .first_sent
                .is_some_and(|first| now.saturating_sub(first) >= FIRST_VERDICT),
            Liveness::Down => false,
        };
        down.then(|| self.become_state(Change::Down, now))
    }

    /// Somebody else has judged. None: it is so already, or was never up and is not yet.
    pub fn follow(&mut self, change: Change, now: Duration) -> Option<Change> {
        let follows = match change {
            Change::Up => self.state != Liveness::Up,
            Change::Down => self.state == Liveness::Up,
        };
        follows.then(|| self.become_state(change, now))
    }

    /// Whether its state hangs on the next few probes: not yet known, doubtful, or just lost.
    pub fn is_pending(&self, now: Duration) -> bool {
        match self.state {
            Liveness::Unknown => true,
            Liveness::Up => self.misses_in_row >= DOUBTFUL,
            Liveness::Down => now.saturating_sub(self.since) < FRESHLY_DOWN,
        }
    }

    /// Enough probes in a row had no answer, over enough time.
    fn is_silent(&self, timers: &Timers, now: Duration) -> bool {
        let silence = MISS * timers.down_after.saturating_sub(1);
        let since = self.alive.unwrap_or(Duration::ZERO);
        self.misses_in_row >= timers.down_after
            && now.saturating_sub(since) >= self.wait(timers) + silence
    }

    /// A probe is missed when its reply has not come in twice the usual time and an interval more:
    /// at 100 ms intervals five misses are seen within 0.8 s on ways of up to 100 ms.
    fn wait(&self, timers: &Timers) -> Duration {
        let usual = self.usual_rtt.unwrap_or(timers.interval);
        (usual * 2 + timers.interval).min(LONGEST_WAIT)
    }

    /// A moving average, an eighth of each new value (as TCP's, RFC 6298 §2).
    fn learn_rtt(&mut self, rtt: Duration) {
        self.usual_rtt = Some(match self.usual_rtt {
            None => rtt,
            Some(usual) => (usual * 7 + rtt) / 8,
        });
    }

    fn become_state(&mut self, change: Change, now: Duration) -> Change {
        self.state = match change {
            Change::Up => Liveness::Up,
            Change::Down => Liveness::Down,
        };
        if change == Change::Down {
            self.downs += 1;
        }
        self.since = now;
        change
    }
}

#[cfg(test)]
mod tests;
