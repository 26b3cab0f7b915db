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
            Liveness::Up => self.judge == Judge::Probes && self.misses_in_row >= timers.down_after,
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
mod tests {
    use super::*;
    use labelway_boundary::Quality;
    use labelway_measure::Scratch;

    const MS: Duration = Duration::from_millis(1);
    const TIMERS: Timers = Timers {
        interval: Duration::from_millis(100),
        down_after: 5,
        up_after: 10,
    };

    /// A way with a fixed round trip that can be cut.
    struct Way {
        session: Session,
        now: Duration,
        rtt: Duration,
        cut: bool,
        under_way: Vec<(Duration, Reply)>,
        reflected: u32,
        changes: Vec<(u64, Change)>,
    }

    impl Way {
        fn new(rtt: Duration) -> Self {
            let session = Session::new(Judge::Probes, Duration::ZERO);
            Way {
                session,
                now: Duration::ZERO,
                rtt,
                cut: false,
                under_way: vec![],
                reflected: 0,
                changes: vec![],
            }
        }

        /// A probe, and what would answer it.
        fn send(&mut self) -> Reply {
            let sent = Timestamp::from_unix(self.now);
            let sequence = self.session.handle_sent(self.now, sent, 0);
            self.reflected += u32::from(!self.cut);
            Reply {
                sender_sequence: sequence,
                reflector_sequence: self.reflected.wrapping_sub(1),
                sent,
                received: sent,
                sent_back: sent,
            }
        }

        fn quality(&self) -> Quality {
            self.session.quality(self.now, &mut Scratch::new())
        }

        fn run(&mut self, millis: u32) {
            for _ in 0..millis / 10 {
                if self.now.as_millis().is_multiple_of(100) {
                    let reply = self.send();
                    if !self.cut {
                        self.under_way.push((self.now + self.rtt, reply));
                    }
                }
                self.now += MS * 10;
                let now = self.now;
                let (due, later) = self.under_way.drain(..).partition(|(at, _)| *at <= now);
                self.under_way = later;
                let due: Vec<(Duration, Reply)> = due;
                let at = now.as_millis() as u64;
                if !self.cut {
                    for (_, reply) in due {
                        let Replied::Taken(change) =
                            self.session.handle_reply(&reply, &TIMERS, now)
                        else {
                            continue;
                        };
                        self.changes.extend(change.map(|change| (at, change)));
                    }
                }
                let change = self.session.handle_timeout(&TIMERS, now);
                self.changes.extend(change.map(|change| (at, change)));
            }
        }
    }

    #[test]
    fn up_at_the_first_reply() {
        let mut way = Way::new(MS * 30);
        assert_eq!(way.session.state, Liveness::Unknown);
        way.run(1000);
        assert_eq!(way.changes, [(30, Change::Up)]);
        let quality = way.quality();
        assert_eq!(
            (quality.rtt_micros, quality.jitter_micros),
            (Some(30_000), Some(0))
        );
        assert_eq!(
            (quality.loss, quality.downs, quality.state_millis),
            (0.0, 0, 970)
        );
        assert_eq!((quality.probes_sent, quality.probes_answered), (10, 10));
    }

    #[test]
    fn down_within_a_second_and_up_again_after_ten_replies() {
        let mut way = Way::new(MS * 100);
        way.run(3000);
        way.cut = true;
        way.run(1000);
        assert_eq!(way.changes.len(), 2, "{:?}", way.changes);
        let (at, change) = way.changes[1];
        assert_eq!(change, Change::Down);
        assert!(at > 3400 && at < 4000, "{at}");
        way.run(2000);
        way.cut = false;
        way.under_way.clear();
        way.run(900);
        assert_eq!(
            way.session.state,
            Liveness::Down,
            "eight replies are not enough"
        );
        way.run(400);
        assert_eq!(way.changes.len(), 3);
        let (at, change) = way.changes[2];
        // The cut's last probe is given up at 6200, when the first two replies are in already: ten
        // in a row are counted from there.
        assert_eq!((at, change), (6200 + 1000, Change::Up));
        assert_eq!(way.quality().downs, 1);
    }

    #[test]
    fn what_bfd_judges_is_as_bfd_says() {
        let mut way = Way::new(MS * 30);
        way.session.judge = Judge::Bfd;
        way.run(1000);
        assert_eq!(way.session.state, Liveness::Unknown, "replies only measure");
        let told = way.session.follow(Change::Up, way.now);
        assert_eq!(told, Some(Change::Up));
        assert_eq!(way.session.follow(Change::Up, way.now), None, "only once");
        way.cut = true;
        way.run(3000);
        assert_eq!(way.session.state, Liveness::Up, "nor does their absence");
        let told = way.session.follow(Change::Down, way.now);
        assert_eq!(told, Some(Change::Down));
        assert_eq!(way.quality().downs, 1);
        let mut fresh = Session::new(Judge::Bfd, Duration::ZERO);
        assert_eq!(fresh.follow(Change::Down, MS), None, "it was never up");
        fresh.handle_sent(Duration::ZERO, Timestamp(1), 0);
        let verdict = fresh.handle_timeout(&TIMERS, FIRST_VERDICT);
        assert_eq!(verdict, Some(Change::Down), "but not unknown for ever");
    }

    #[test]
    fn never_answered_is_unknown_then_down() {
        let mut way = Way::new(MS * 30);
        way.cut = true;
        way.run(1900);
        assert_eq!(way.session.state, Liveness::Unknown);
        way.run(200);
        assert_eq!(way.changes, [(2000, Change::Down)]);
        way.cut = false;
        way.run(200);
        assert_eq!(
            way.session.state,
            Liveness::Up,
            "the first reply ever counts at once"
        );
        assert_eq!(
            way.quality().loss,
            0.0,
            "what met nobody was not lost on the way"
        );
    }

    #[test]
    fn nothing_sent_gives_no_verdict() {
        let mut session = Session::new(Judge::Probes, Duration::ZERO);
        assert_eq!(session.handle_timeout(&TIMERS, MS * 60_000), None);
        assert_eq!(session.state, Liveness::Unknown);
    }

    #[test]
    fn a_long_way_stays_up() {
        let mut way = Way::new(MS * 700);
        way.run(10_000);
        assert_eq!(way.changes, [(700, Change::Up)]);
        assert_eq!(way.quality().loss, 0.0);
    }

    #[test]
    fn replies_that_waited_for_a_session_do_not_count() {
        let mut way = Way::new(MS * 20);
        way.run(1000);
        way.cut = true;
        way.run(10_000);
        let now = way.now;
        // WireGuard keeps packets until its handshake is through, then sends them all.
        for sequence in 10..80 {
            let sent = Timestamp::from_unix(MS * 100 * sequence);
            let reply = Reply {
                sender_sequence: sequence,
                reflector_sequence: sequence,
                sent,
                received: sent,
                sent_back: sent,
            };
            let replied = way.session.handle_reply(&reply, &TIMERS, now);
            assert_eq!(replied, Replied::Stale);
        }
        assert_eq!(way.session.state, Liveness::Down);
        assert_eq!(
            way.quality().rtt_micros,
            None,
            "nothing came in ten seconds"
        );
    }

    #[test]
    fn single_losses_do_not_bring_it_down() {
        let mut way = Way::new(MS * 20);
        way.run(1000);
        for _ in 0..20 {
            way.cut = true;
            way.run(400);
            way.cut = false;
            way.run(100);
        }
        assert_eq!(way.quality().downs, 0);
        assert!((way.quality().loss - 0.8).abs() < 0.05);
    }

    #[test]
    fn copies_of_a_reply_do_not_bring_it_up() {
        let mut way = Way::new(MS * 20);
        way.run(1000);
        way.cut = true;
        way.run(2000);
        assert_eq!(way.session.state, Liveness::Down);
        let reply = way.send();
        for _ in 0..20 {
            let replied = way.session.handle_reply(&reply, &TIMERS, way.now);
            assert_eq!(replied, Replied::Taken(None));
        }
        assert_eq!(way.session.state, Liveness::Down);
    }

    #[test]
    fn an_answer_has_to_know_the_probe() {
        let mut way = Way::new(MS * 20);
        let reply = way.send();
        for wrong in [
            Reply {
                sent: Timestamp(reply.sent.0 + 1),
                ..reply
            },
            Reply {
                sender_sequence: 1,
                ..reply
            },
        ] {
            let replied = way.session.handle_reply(&wrong, &TIMERS, MS);
            assert_eq!(replied, Replied::Stale, "{wrong:?}");
        }
        let replied = way.session.handle_reply(&reply, &TIMERS, MS);
        assert_eq!(replied, Replied::Taken(Some(Change::Up)));
    }

    #[test]
    fn what_hangs_in_the_balance_is_pending() {
        let mut way = Way::new(MS * 20);
        assert!(way.session.is_pending(way.now), "not known yet");
        way.run(1000);
        assert!(!way.session.is_pending(way.now));
        way.cut = true;
        way.run(500);
        assert!(way.session.is_pending(way.now), "misses");
        way.run(60_000);
        assert_eq!(way.session.state, Liveness::Down);
        assert!(way.session.is_pending(way.now), "it may come back at once");
        way.run(10_000);
        assert!(!way.session.is_pending(way.now));
    }
}
